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

// classes are the classes of the style sheet for what an integration is now, the worst first.
func classes() []string { return []string{"noncompliant", "stale", "incomplete", "compliant"} }

// stateOf is what an integration is now: in words, and as a class of the style sheet. A verdict
// that is too old is never green. What fails by a recent result is known to fail, even if that
// result could not judge everything.
func (s *server) stateOf(v store.Status) (word, class string) {
	switch {
	case v.LastResultRun == 0:
		return "not scanned yet", "stale"
	case v.Stale && v.Verdict == audit.VerdictNoncompliant && v.Environment.Every > 0 && s.Store.Now().Sub(v.LastResultAt) <= v.Environment.Every+store.StaleMargin:
		return "noncompliant, judged in part", "noncompliant"
	case v.Stale:
		return "stale, was " + v.Verdict.String(), "stale"
	}
	return v.Verdict.String(), v.Verdict.String()
}

// A integrationRow is one integration of an environment. It embeds nothing: a template looks up a
// field of an embedded struct slowly.
type integrationRow struct {
	Status         store.Status
	Word, Class    string // as stateOf
	Labels         string
	OpenBySeverity [4]int         // open findings: critical, high, medium, and low with info
	Trouble        string         // why the last run gave no result
	Strip          report.Drawing // of its results; on the page of an environment
}

func (s *server) newRow(v store.Status) integrationRow {
	r := integrationRow{Status: v}
	r.Word, r.Class = s.stateOf(v)
	for _, key := range slices.Sorted(maps.Keys(v.Environment.Labels)) {
		r.Labels = strings.TrimSpace(r.Labels + " " + key + "=" + v.Environment.Labels[key])
	}
	for severity, n := range v.OpenBySeverity {
		r.OpenBySeverity[min(int(audit.SeverityCritical-severity), len(r.OpenBySeverity)-1)] += n
	}
	if run := v.LastRun; run != nil && (run.State == store.RunFailed || run.State == store.RunMisconfigured) {
		r.Trouble = text.Shorten(text.Line(string(run.State)+": "+run.Error), maxTroubleLength)
	}
	return r
}

// worstFirst orders rows by verdict, then by the most severe open finding. Rows are in the
// order of their names before.
func worstFirst(a, b integrationRow) int {
	return cmp.Or(cmp.Compare(slices.Index(classes(), a.Class), slices.Index(classes(), b.Class)), -slices.Compare(a.OpenBySeverity[:], b.OpenBySeverity[:]))
}

// maxTroubleLength is how many columns of an error are in the list.
const maxTroubleLength = 110

type fleetPageData struct {
	Rows                    []integrationRow
	Counts                  map[string]int
	All                     int // rows before the filter
	Label, Verdict, Control string
	Verdicts                []string
	Chart                   report.Drawing
	First, Last             string
}

// chartDays is how many days the chart of the fleet covers.
const chartDays = 90

func (s *server) fleetPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.Store.FleetStatus(r.Context())
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
	for _, v := range list {
		row := s.newRow(v)
		d.Counts[row.Class]++
		if hasLabel(v.Environment.Labels, d.Label) && (d.Verdict == "" || d.Verdict == row.Class) && (unmet == nil || unmet[integrationKey{v.Environment.Name, v.Integration}]) {
			d.Rows = append(d.Rows, row)
		}
	}
	slices.SortStableFunc(d.Rows, worstFirst)
	days, err := s.Store.Days(r.Context(), s.Store.Now().AddDate(0, 0, -chartDays))
	if err != nil {
		return err
	}
	if len(days) > 1 {
		shown := make([]report.DayCount, len(days))
		for i, d := range days {
			shown[i] = report.DayCount{Compliant: d.Compliant, Incomplete: d.Incomplete, Noncompliant: d.Noncompliant}
		}
		last := days[len(days)-1]
		d.Chart, d.First, d.Last = report.ColumnChart(shown, 0), formatDate(days[0].Day), formatDate(last.Day)
		d.Chart.Text = fmt.Sprintf("on %s, %d of %d that were scanned were compliant", d.Last, last.Compliant, last.Compliant+last.Noncompliant+last.Incomplete)
	}
	s.renderPage(w, http.StatusOK, "fleet", s.layout(r, "Fleet"), d)
	return nil
}

type integrationKey struct{ environment, integration string }

// unmetBy are the integrations in which a control is not met; nil if none is named.
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

// hasLabel reports whether labels contain KEY=VALUE, or KEY with any value.
func hasLabel(labels map[string]string, want string) bool {
	if want == "" {
		return true
	}
	key, value, both := strings.Cut(want, "=")
	got, ok := labels[key]
	return ok && (!both || got == value)
}
