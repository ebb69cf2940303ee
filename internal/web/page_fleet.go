package web

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/store"
)

// classes returns the classes of the style sheet for the states of an integration, worst first.
func classes() []string { return []string{"noncompliant", "stale", "incomplete", "compliant"} }

// stateOf returns the state of an integration, in words and as a class of the style sheet. A stale
// verdict is never green.
func stateOf(st store.Status) (words, class string) {
	verdict := st.Verdict.String()
	switch {
	case st.LastResultRun == 0:
		return "not scanned yet", "stale"
	case st.Reconfigured:
		return "stale, was " + verdict + " by another configuration", "stale"
	case st.Stale:
		return "stale, was " + verdict, "stale"
	}
	return verdict, verdict
}

// An integrationRow is an integration in a table. It embeds no struct, because templates look up
// promoted fields slowly.
type integrationRow struct {
	Status         store.Status
	State, Class   string // from stateOf
	Labels         string
	OpenBySeverity [4]int         // the number of open findings: critical, high, medium, and low with info
	LastError      string         // why the last run has no result
	Strip          report.Drawing // only on the page of an environment
}

func newRow(st store.Status) integrationRow {
	r := integrationRow{Status: st}
	r.State, r.Class = stateOf(st)
	for _, key := range slices.Sorted(maps.Keys(st.Environment.Labels)) {
		r.Labels = strings.TrimSpace(r.Labels + " " + key + "=" + st.Environment.Labels[key])
	}
	for severity, n := range st.OpenBySeverity {
		r.OpenBySeverity[min(int(audit.SeverityCritical-severity), len(r.OpenBySeverity)-1)] += n
	}
	if run := st.LastRun; run != nil && (run.State == store.RunFailed || run.State == store.RunMisconfigured) {
		r.LastError = text.Shorten(text.Line(string(run.State)+": "+run.Error), maxErrorWidth)
	}
	return r
}

func compareRows(a, b integrationRow) int {
	return cmp.Or(cmp.Compare(slices.Index(classes(), a.Class), slices.Index(classes(), b.Class)), -slices.Compare(a.OpenBySeverity[:], b.OpenBySeverity[:]))
}

const maxErrorWidth = 110

type fleetPageData struct {
	Rows                    []integrationRow
	Counts                  map[string]int
	All                     int // the number of rows without the filter
	Label, Verdict, Control string
	Verdicts                []string
	Chart                   report.Drawing
	First, Last             string
}

const chartDays = 90

func (s *server) fleetPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.Store.Status(r.Context(), "")
	if err != nil {
		return err
	}
	d := fleetPageData{
		All: len(list), Label: strings.TrimSpace(r.FormValue("label")), Verdict: r.FormValue("verdict"), Control: strings.TrimSpace(r.FormValue("control")),
		Verdicts: classes(), Counts: map[string]int{},
	}
	unmet, err := s.unmetBy(r, d.Control)
	if err != nil {
		return err
	}
	for _, st := range list {
		row := newRow(st)
		d.Counts[row.Class]++
		if hasLabel(st.Environment.Labels, d.Label) && (d.Verdict == "" || d.Verdict == row.Class) && (unmet == nil || unmet[integrationKey{st.Environment.Name, st.Integration}]) {
			d.Rows = append(d.Rows, row)
		}
	}
	slices.SortStableFunc(d.Rows, compareRows)
	days, err := s.Store.Days(r.Context(), s.Store.Now().AddDate(0, 0, -chartDays))
	if err != nil {
		return err
	}
	if len(days) > 1 {
		last := days[len(days)-1]
		d.Chart, d.First, d.Last = report.ColumnChart(days, 0), formatDate(days[0].Day), formatDate(last.Day)
		d.Chart.Text = fmt.Sprintf("on %s, %d of %d that were scanned were compliant", d.Last, last.Compliant, last.Compliant+last.Noncompliant+last.Incomplete)
	}
	s.renderPage(w, http.StatusOK, "fleet", s.layout(r, "Fleet"), d)
	return nil
}

type integrationKey struct{ environment, integration string }

// unmetBy returns the integrations that do not meet a control, or nil if no control is given.
func (s *server) unmetBy(r *http.Request, control string) (map[integrationKey]bool, error) {
	if control == "" {
		return nil, nil
	}
	list, err := s.Store.ControlStatuses(r.Context(), audit.ControlID(strings.ToUpper(control)))
	if err != nil {
		return nil, err
	}
	unmet := map[integrationKey]bool{}
	for _, c := range list {
		if c.Outcome == audit.OutcomeFail || c.Outcome == audit.OutcomeUnknown {
			unmet[integrationKey{c.Environment, c.Integration}] = true
		}
	}
	return unmet, nil
}

// hasLabel reports whether labels match a filter: KEY=VALUE, KEY for any value, or "" for all.
func hasLabel(labels map[string]string, filter string) bool {
	if filter == "" {
		return true
	}
	key, value, hasValue := strings.Cut(filter, "=")
	got, ok := labels[key]
	return ok && (!hasValue || got == value)
}

// controlsPage lists the controls, those that most integrations do not meet first.
func (s *server) controlsPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.Store.ControlCounts(r.Context())
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b store.ControlCount) int {
		return cmp.Or(cmp.Compare(b.Fail, a.Fail), cmp.Compare(b.Unknown, a.Unknown), cmp.Compare(a.Control, b.Control))
	})
	s.renderPage(w, http.StatusOK, "controls", s.layout(r, "Controls"), list)
	return nil
}

// controlPage lists the status of a control in every integration, the worst first.
func (s *server) controlPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.controlStatuses(r)
	if err != nil {
		return err
	}
	order := []audit.Outcome{audit.OutcomeFail, audit.OutcomeUnknown, audit.OutcomeWaived, audit.OutcomePass, audit.OutcomeNotApplicable}
	slices.SortStableFunc(list, func(a, b store.ControlStatus) int {
		return cmp.Compare(slices.Index(order, a.Outcome), slices.Index(order, b.Outcome))
	})
	s.renderPage(w, http.StatusOK, "control", s.layout(r, string(list[0].Control)), list)
	return nil
}
