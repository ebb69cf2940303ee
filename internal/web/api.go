package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/store"
)

// isAPIRequest reports whether a request is for programs, so that errors are JSON and not pages.
func isAPIRequest(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/metrics"
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(value) // the client may have disconnected
}

func jsonHandler(get func(*http.Request) (any, error)) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		value, err := get(r)
		if err == nil {
			writeJSON(w, http.StatusOK, value)
		}
		return err
	}
}

func (s *server) listEnvironments(r *http.Request) (any, error) {
	list, err := s.statuses(r)
	return fleet.NewDocument(list), err
}

// statuses returns the status of the environment in the path, or of all environments if the path
// has none.
func (s *server) statuses(r *http.Request) ([]store.Status, error) {
	name := r.PathValue("name")
	list, err := s.Store.Status(r.Context(), name)
	if err == nil && len(list) == 0 && name != "" {
		err = store.ErrNotFound
	}
	return list, err
}

func (s *server) listFindings(r *http.Request) (any, error) {
	if _, err := s.statuses(r); err != nil {
		return nil, err // an unknown environment is not one without findings
	}
	list, err := s.Store.OpenFindings(r.Context(), r.PathValue("name"))
	return map[string]any{"findings": list}, err
}

// The number of runs in an answer.
const (
	defaultRuns = 50
	maxRuns     = 500
)

func (s *server) listRuns(r *http.Request) (any, error) {
	before, err := queryNumber(r, "before")
	if err != nil {
		return nil, err
	}
	limit, err := queryNumber(r, "limit")
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = defaultRuns
	}
	if _, err := s.statuses(r); err != nil {
		return nil, err
	}
	list, err := s.Store.Runs(r.Context(), r.PathValue("name"), before, int(min(limit, maxRuns)))
	return map[string]any{"runs": list}, err
}

// queryNumber returns a positive number from the query of a request, or 0 if it is not given.
func queryNumber(r *http.Request, name string) (int64, error) {
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

func runID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("run"), 10, 64)
	if err != nil {
		return 0, store.ErrNotFound
	}
	return id, nil
}

func (s *server) requestedRun(r *http.Request) (store.Run, error) {
	id, err := runID(r)
	if err != nil {
		return store.Run{}, err
	}
	return s.Store.Run(r.Context(), id)
}

func (s *server) getRun(r *http.Request) (any, error) { return s.requestedRun(r) }

type resultFormat struct {
	Format      report.Format
	contentType string
}

func resultFormats() []resultFormat {
	return []resultFormat{
		{report.JSON, "application/json"},
		{report.SARIF, "application/sarif+json"},
		{report.CSV, "text/csv; charset=utf-8"},
		{report.Markdown, "text/markdown; charset=utf-8"},
	}
}

func (s *server) getResult(w http.ResponseWriter, r *http.Request) error {
	id, err := runID(r)
	if err != nil {
		return err
	}
	format := report.Format(cmp.Or(r.FormValue("format"), "json"))
	i := slices.IndexFunc(resultFormats(), func(f resultFormat) bool { return f.Format == format })
	if i < 0 {
		return &statusError{http.StatusBadRequest, "format: want json, sarif, csv or markdown"}
	}
	result, err := s.Store.Result(r.Context(), id, r.PathValue("integration"))
	if err != nil {
		return err
	}
	return s.renderResult(w, format, resultFormats()[i].contentType, result)
}

func (s *server) renderResult(w http.ResponseWriter, format report.Format, contentType string, result audit.Result) error {
	var b bytes.Buffer
	if err := report.Render(&b, format, []audit.Result{result}, report.Options{Rules: s.Rules}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	if format == report.HTML {
		w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'") // the report contains its own policy
	}
	_, _ = w.Write(b.Bytes())
	return nil
}

func (s *server) controlStatuses(r *http.Request) ([]store.ControlStatus, error) {
	list, err := s.Store.ControlStatuses(r.Context(), audit.ControlID(r.PathValue("id")))
	if err == nil && len(list) == 0 {
		err = store.ErrNotFound
	}
	return list, err
}

func (s *server) getControl(r *http.Request) (any, error) {
	list, err := s.controlStatuses(r)
	return map[string]any{"control": r.PathValue("id"), "environments": list}, err
}

func (s *server) scan(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	ids, err := s.Fleet.ScanNow(r.Context(), visitorOf(r).Name, name)
	if err != nil {
		return err
	}
	if isAPIRequest(r) {
		writeJSON(w, http.StatusAccepted, map[string]any{"runs": ids})
	} else {
		redirectToEnvironment(w, r, name)
	}
	return nil
}

func (s *server) cancel(w http.ResponseWriter, r *http.Request) error {
	run, err := s.requestedRun(r)
	if err != nil {
		return err
	}
	if err := s.Fleet.Cancel(r.Context(), visitorOf(r).Name, run.ID); err != nil {
		return err
	}
	if isAPIRequest(r) {
		w.WriteHeader(http.StatusNoContent)
	} else {
		redirectToEnvironment(w, r, run.Environment)
	}
	return nil
}

func redirectToEnvironment(w http.ResponseWriter, r *http.Request, environment string) {
	http.Redirect(w, r, "/environments/"+url.PathEscape(environment), http.StatusSeeOther)
}
