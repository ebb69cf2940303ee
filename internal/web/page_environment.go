package web

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/store"
)

type environmentData struct {
	Name, URL    string
	Every        string
	Due          string
	Ends         string // the day on which the credential ends; empty if it is not known
	Paused       bool
	Integrations []integrationData
	Findings     []findingRow
	Changes      []changeRow
	Runs         []runRow
	Older        string // the query of the page of older runs
}

type integrationData struct {
	fleetRow

	Run   int64 // of the last result, 0 for none
	Strip report.Drawing
}

type findingRow struct {
	Severity, Control, Message, Integration, Since string

	Waived bool
}

// A changeRow says that a finding began or ended, and whether the environment did that.
type changeRow struct{ When, What, Message, Control, Integration string }

// changesShown is how many changes the page of an environment shows.
const changesShown = 30

func changeOf(f store.Finding) changeRow {
	row := changeRow{When: day(f.FirstAt), What: "began", Message: text.Line(f.Message), Control: string(f.Control), Integration: f.Integration}
	reason := f.Opened
	if f.ClosedRun != 0 {
		row.When, row.What, reason = day(f.ClosedAt), "over", f.ClosedReason
	}
	switch reason {
	case store.ReasonFixed:
		row.What = "fixed"
	case store.ReasonProfile:
		row.What += ": the profile or the configuration changed"
	case store.ReasonNotRequired:
		row.What += ": not required any more"
	case store.ReasonReplaced:
		row.What += ": another environment is at this address"
	case store.ReasonFirst, store.ReasonEnvironment, store.ReasonWaived:
	}
	return row
}

type runRow struct {
	ID                           int64
	State, Trigger, Queued, Took string
	Attempt                      int
	Error                        string
	Open                         bool // whether it can be cancelled
}

// stripShown is how many results of the last year a strip shows.
const stripShown = 120

func (s *server) environmentPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	list, err := s.status(r)
	if err != nil {
		return err
	}
	e := list[0].Environment
	d := environmentData{Name: e.Name, URL: text.Line(e.URL), Every: "no schedule of its own", Due: moment(e.NextDue), Paused: e.Paused}
	if !e.CredentialEnds.IsZero() {
		d.Ends = day(e.CredentialEnds)
	}
	if e.Every > 0 {
		d.Every = "every " + interval(e.Every)
	}
	for _, v := range list {
		i := integrationData{fleetRow: s.row(v), Run: v.LastResultRun}
		if v.Integration != "" {
			trend, err := s.Store.Trend(ctx, e.Name, v.Integration, s.Now().AddDate(-1, 0, 0))
			if err != nil {
				return err
			}
			points := make([]history.Point, len(trend))
			for i, p := range trend {
				points[i] = history.Point{TakenAt: p.TakenAt, Verdict: p.Verdict, Summary: p.Summary}
			}
			i.Strip = report.Strip(points, stripShown)
		}
		d.Integrations = append(d.Integrations, i)
	}
	findings, err := s.Store.OpenFindings(ctx, e.Name)
	if err != nil {
		return err
	}
	slices.SortStableFunc(findings, func(a, b store.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	for _, f := range findings {
		d.Findings = append(d.Findings, findingRow{f.Severity.String(), string(f.Control), text.Line(f.Message), f.Integration, day(f.FirstAt), f.Waived})
	}
	changes, err := s.Store.Changes(ctx, e.Name, changesShown)
	if err != nil {
		return err
	}
	for _, f := range changes {
		d.Changes = append(d.Changes, changeOf(f))
	}
	before, err := number(r, "before")
	if err != nil {
		return err
	}
	runs, err := s.Store.Runs(ctx, e.Name, before, runsShown)
	if err != nil {
		return err
	}
	for _, run := range runs {
		d.Runs = append(d.Runs, rowOf(run))
	}
	if len(runs) == runsShown {
		d.Older = url.Values{"before": {fmt.Sprint(runs[len(runs)-1].ID)}}.Encode()
	}
	s.show(w, http.StatusOK, "environment", s.frame(r, text.Line(e.Name)), d)
	return nil
}

func rowOf(run store.Run) runRow {
	row := runRow{
		ID: run.ID, State: string(run.State), Trigger: string(run.Trigger), Queued: moment(run.QueuedAt), Attempt: run.Attempt,
		Error: text.Line(run.Error), Open: !run.Ended(),
	}
	if !run.StartedAt.IsZero() && !run.EndedAt.IsZero() {
		row.Took = run.EndedAt.Sub(run.StartedAt).Round(time.Second / 10).String()
	}
	return row
}

// reportPage is the report of an integration's last result, or that of a run: a document
// with a style and a policy of its own.
func (s *server) reportPage(w http.ResponseWriter, r *http.Request) error {
	name, integration := r.PathValue("name"), r.PathValue("integration")
	run, err := number(r, "run")
	if err != nil {
		return err
	}
	list, err := s.status(r)
	if err != nil {
		return err
	}
	for _, v := range list {
		if run == 0 && v.Integration == integration {
			run = v.LastResultRun
		}
	}
	result, err := s.Store.Result(r.Context(), run, integration)
	if err != nil {
		return err
	}
	if result.Environment.Name != name {
		return store.ErrNotFound
	}
	var b bytes.Buffer
	if err := report.Render(&b, report.HTML, result, report.Options{Rules: s.Rules}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
	_, _ = w.Write(b.Bytes())
	return nil
}

// scanForm enqueues a scan and leads back to the page with the button.
func (s *server) scanForm(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if _, err := s.Actions.ScanNow(r.Context(), visitorOf(r).Name, name); err != nil {
		return err
	}
	http.Redirect(w, r, "/environments/"+url.PathEscape(name), http.StatusSeeOther)
	return nil
}

func (s *server) cancelForm(w http.ResponseWriter, r *http.Request) error {
	id, err := runID(r)
	if err != nil {
		return err
	}
	run, err := s.Store.Run(r.Context(), id)
	if err != nil {
		return err
	}
	if err := s.Actions.Cancel(r.Context(), visitorOf(r).Name, id); err != nil {
		return err
	}
	http.Redirect(w, r, "/environments/"+url.PathEscape(run.Environment), http.StatusSeeOther)
	return nil
}
