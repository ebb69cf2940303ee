package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/store"
)

// forPrograms reports whether a request is not a person's.
func forPrograms(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/metrics"
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(value) // who asked may be gone
}

func (s *server) listEnvironments(w http.ResponseWriter, r *http.Request) error {
	list, err := s.Store.Fleet(r.Context())
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, fleet.DocumentOf(list))
	return nil
}

func (s *server) getEnvironment(w http.ResponseWriter, r *http.Request) error {
	list, err := s.status(r)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, fleet.DocumentOf(list))
	return nil
}

// status is what is known of the environment of a path.
func (s *server) status(r *http.Request) ([]store.Status, error) {
	list, err := s.Store.Status(r.Context(), r.PathValue("name"))
	if err == nil && len(list) == 0 {
		err = store.ErrNotFound
	}
	return list, err
}

type findingJSON struct {
	Environment string          `json:"environment"`
	Integration string          `json:"integration"`
	Control     audit.ControlID `json:"control"`
	Severity    audit.Severity  `json:"severity"`
	Fingerprint string          `json:"fingerprint"`
	Message     string          `json:"message"`
	Waived      bool            `json:"waived"`
	Since       time.Time       `json:"since"`
}

func (s *server) listFindings(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.status(r); err != nil {
		return err // no finding would be an answer about an environment that is not known
	}
	list, err := s.Store.OpenFindings(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	shown := make([]findingJSON, len(list))
	for i, f := range list {
		shown[i] = findingJSON{f.Environment, f.Integration, f.Control, f.Severity, f.Fingerprint, f.Message, f.Waived, f.FirstAt}
	}
	writeJSON(w, http.StatusOK, map[string]any{"findings": shown})
	return nil
}

type runJSON struct {
	ID          int64          `json:"id"`
	Environment string         `json:"environment"`
	Period      time.Time      `json:"period"`
	Trigger     store.Trigger  `json:"trigger"`
	State       store.RunState `json:"state"`
	Attempt     int            `json:"attempt"`
	QueuedAt    *time.Time     `json:"queued_at"`
	StartedAt   *time.Time     `json:"started_at"`
	EndedAt     *time.Time     `json:"ended_at"`
	ErrorCode   string         `json:"error_code,omitempty"`
	Error       string         `json:"error,omitempty"`
}

func jsonOf(r store.Run) runJSON {
	at := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return runJSON{
		ID: r.ID, Environment: r.Environment, Period: r.Period, Trigger: r.Trigger, State: r.State, Attempt: r.Attempt,
		QueuedAt: at(r.QueuedAt), StartedAt: at(r.StartedAt), EndedAt: at(r.EndedAt), ErrorCode: r.ErrorCode, Error: r.Error,
	}
}

// The numbers of runs in one answer.
const (
	runsShown = 50
	runsMost  = 500
)

func (s *server) listRuns(w http.ResponseWriter, r *http.Request) error {
	before, err := number(r, "before")
	if err != nil {
		return err
	}
	limit, err := number(r, "limit")
	if err != nil {
		return err
	}
	if limit == 0 {
		limit = runsShown
	}
	if _, err := s.status(r); err != nil {
		return err
	}
	list, err := s.Store.Runs(r.Context(), r.PathValue("name"), before, int(min(limit, runsMost)))
	if err != nil {
		return err
	}
	shown := make([]runJSON, len(list))
	for i, run := range list {
		shown[i] = jsonOf(run)
	}
	writeJSON(w, http.StatusOK, map[string]any{"runs": shown})
	return nil
}

// number is a parameter of a request; 0 if it is not given.
func number(r *http.Request, name string) (int64, error) {
	value := r.FormValue(name)
	if value == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 1 {
		return 0, &statusError{http.StatusBadRequest, name + ": want a number from 1 on"}
	}
	return n, nil
}

// runID is the run that a path names.
func runID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("run"), 10, 64)
	if err != nil {
		return 0, store.ErrNotFound
	}
	return id, nil
}

func (s *server) getRun(w http.ResponseWriter, r *http.Request) error {
	id, err := runID(r)
	if err != nil {
		return err
	}
	run, err := s.Store.Run(r.Context(), id)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, jsonOf(run))
	return nil
}

// getResult answers with the result of a run, in the form that is asked for.
func (s *server) getResult(w http.ResponseWriter, r *http.Request) error {
	id, err := runID(r)
	if err != nil {
		return err
	}
	format, kind := report.JSON, "application/json"
	switch name := r.FormValue("format"); name {
	case "", "json":
	case "sarif":
		format, kind = report.SARIF, "application/sarif+json"
	case "csv":
		format, kind = report.CSV, "text/csv; charset=utf-8"
	case "markdown":
		format, kind = report.Markdown, "text/markdown; charset=utf-8"
	default:
		return &statusError{http.StatusBadRequest, "format: want json, sarif, csv or markdown"}
	}
	result, err := s.Store.Result(r.Context(), id, r.PathValue("integration"))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := report.Render(&b, format, result, report.Options{Rules: s.Rules}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(b.Bytes())
	return nil
}

// control is the control of a path across the fleet.
func (s *server) control(r *http.Request) ([]store.ControlStatus, error) {
	list, err := s.Store.Control(r.Context(), audit.ControlID(r.PathValue("id")))
	if err == nil && len(list) == 0 {
		err = store.ErrNotFound
	}
	return list, err
}

type controlJSON struct {
	Environment string        `json:"environment"`
	Integration string        `json:"integration"`
	Outcome     audit.Outcome `json:"outcome"`
	Since       time.Time     `json:"since"`
	Stale       bool          `json:"stale"`
	Open        int           `json:"open_findings"`
}

func (s *server) getControl(w http.ResponseWriter, r *http.Request) error {
	list, err := s.control(r)
	if err != nil {
		return err
	}
	shown := make([]controlJSON, len(list))
	for i, c := range list {
		shown[i] = controlJSON{c.Environment, c.Integration, c.Outcome, c.Since, c.Stale, c.Open}
	}
	writeJSON(w, http.StatusOK, map[string]any{"control": r.PathValue("id"), "environments": shown})
	return nil
}

func (s *server) scanNow(w http.ResponseWriter, r *http.Request) error {
	ids, err := s.Actions.ScanNow(r.Context(), visitorOf(r).Name, r.PathValue("name"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusAccepted, map[string]any{"runs": ids})
	return nil
}

func (s *server) cancelRun(w http.ResponseWriter, r *http.Request) error {
	id, err := runID(r)
	if err != nil {
		return err
	}
	if err := s.Actions.Cancel(r.Context(), visitorOf(r).Name, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
