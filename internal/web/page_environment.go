package web

import (
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

type environmentPageData struct {
	store.Environment

	Integrations []integrationRow
	Findings     []store.Finding
	Changes      []changeRow
	Runs         []store.Run
	Older        string // the query for older runs, or empty
}

// A changeRow is a finding that began or ended, with the reason.
type changeRow struct {
	store.Finding

	When time.Time
	What string
}

const maxChanges = 30

func newChangeRow(f store.Finding) changeRow {
	row := changeRow{Finding: f, When: f.FirstAt, What: "began"}
	reason := f.OpenedReason
	if f.ClosedRun != 0 {
		row.When, row.What, reason = f.ClosedAt, "over", f.ClosedReason
	}
	switch reason {
	case store.ReasonFixed:
		row.What = "fixed"
	case store.ReasonProfileChanged:
		row.What += ": the profile or the configuration changed"
	case store.ReasonNotRequired:
		row.What += ": not required any more"
	case store.ReasonEnvironmentReplaced:
		row.What += ": another environment is at this address"
	case store.ReasonFirstScan, store.ReasonEnvironmentChanged, store.ReasonWaived:
	}
	return row
}

// maxStripResults is the maximum number of results in a strip, which covers the last year.
const maxStripResults = 120

func (s *server) environmentPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	list, err := s.statuses(r)
	if err != nil {
		return err
	}
	e := list[0].Environment
	d := environmentPageData{Environment: e}
	for _, st := range list {
		row := newRow(st)
		if st.Integration != "" {
			trend, err := s.Store.Trend(ctx, e.Name, st.Integration, s.Store.Now().AddDate(-1, 0, 0))
			if err != nil {
				return err
			}
			points := make([]history.Point, len(trend))
			for i, p := range trend {
				points[i] = history.Point{TakenAt: p.TakenAt, Verdict: p.Verdict, Summary: p.Summary}
			}
			row.Strip = report.StripChart(points, maxStripResults)
		}
		d.Integrations = append(d.Integrations, row)
	}
	if d.Findings, err = s.Store.OpenFindings(ctx, e.Name); err != nil {
		return err
	}
	slices.SortStableFunc(d.Findings, func(a, b store.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	changes, err := s.Store.RecentChanges(ctx, e.Name, maxChanges)
	if err != nil {
		return err
	}
	for _, f := range changes {
		d.Changes = append(d.Changes, newChangeRow(f))
	}
	before, err := queryNumber(r, "before")
	if err != nil {
		return err
	}
	if d.Runs, err = s.Store.Runs(ctx, e.Name, before, defaultRuns); err != nil {
		return err
	}
	if len(d.Runs) == defaultRuns {
		d.Older = url.Values{"before": {fmt.Sprint(d.Runs[defaultRuns-1].ID)}}.Encode()
	}
	s.renderPage(w, http.StatusOK, "environment", s.layout(r, text.Line(e.Name)), d)
	return nil
}

// formatDuration returns how long the last attempt of a run took, or "" if it has not ended.
func formatDuration(run store.Run) string {
	if run.StartedAt.IsZero() || !run.Ended() {
		return ""
	}
	return run.EndedAt.Sub(run.StartedAt.Time).Round(time.Second / 10).String()
}

// reportPage answers with the report of an integration's last result, or of the run in the query.
func (s *server) reportPage(w http.ResponseWriter, r *http.Request) error {
	name, integration := r.PathValue("name"), r.PathValue("integration")
	run, err := queryNumber(r, "run")
	if err != nil {
		return err
	}
	list, err := s.statuses(r)
	if err != nil {
		return err
	}
	for _, st := range list {
		if run == 0 && st.Integration == integration {
			run = st.LastResultRun
		}
	}
	result, err := s.Store.Result(r.Context(), run, integration)
	if err != nil {
		return err
	}
	if result.Environment.Name != name {
		return store.ErrNotFound
	}
	return s.renderResult(w, report.HTML, "text/html; charset=utf-8", result)
}
