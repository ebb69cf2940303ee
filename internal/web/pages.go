package web

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/store"
)

// A frame is what every page has.
type frame struct {
	Title    string
	Who      string // empty without a sign-in
	Operator bool
}

func (s *server) frame(r *http.Request, title string) frame {
	who := visitorOf(r)
	f := frame{Title: title, Operator: who.Role >= RoleOperator && s.Actions != nil}
	if s.SignIn != nil {
		f.Who = text.Line(who.Name)
	}
	return f
}

// show writes a page. Its body is one of the templates.
func (s *server) show(w http.ResponseWriter, status int, body string, f frame, data any) {
	var b bytes.Buffer
	err := s.pages.ExecuteTemplate(&b, body, struct {
		frame

		Data any
	}{f, data})
	if err != nil {
		s.Logger.Error("a page cannot be drawn", "page", body, "error", err)
		http.Error(w, "this page cannot be drawn; the server's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// A state is what an integration is now, as a word, and as a class of the style sheet.
type state struct{ Word, Class string }

// stateOf tells a verdict that is too old from one that holds: it is never green. What is
// known to fail by a result of now stays known, though not everything was judged.
func (s *server) stateOf(v store.Status) state {
	switch {
	case v.LastResultRun == 0:
		return state{"not scanned yet", "stale"}
	case v.Stale && v.Verdict == audit.VerdictNoncompliant && v.Environment.Every > 0 && s.Now().Sub(v.LastResultAt) <= v.Environment.Every+store.Patience:
		return state{"noncompliant, judged in part", "noncompliant"}
	case v.Stale:
		return state{"stale, was " + v.Verdict.String(), "stale"}
	}
	return state{v.Verdict.String(), v.Verdict.String()}
}

// fleetRow is one integration of an environment.
type fleetRow struct {
	state

	Name, Integration, Labels string
	Paused                    bool
	Open                      [4]int // critical, high, medium, and low with info
	Since, Age                string
	Trouble                   string // why the last run gave no result
	rank                      int
}

func (s *server) row(v store.Status) fleetRow {
	r := fleetRow{
		state: s.stateOf(v), Name: v.Environment.Name, Integration: v.Integration, Paused: v.Environment.Paused,
		Since: day(v.Since), Age: s.age(v.LastCompleteAt),
	}
	for _, key := range slices.Sorted(maps.Keys(v.Environment.Labels)) {
		r.Labels = strings.TrimSpace(r.Labels + " " + key + "=" + v.Environment.Labels[key])
	}
	for severity, n := range v.Open {
		switch severity {
		case audit.SeverityCritical:
			r.Open[0] += n
		case audit.SeverityHigh:
			r.Open[1] += n
		case audit.SeverityMedium:
			r.Open[2] += n
		case audit.SeverityLow, audit.SeverityInfo, audit.SeverityInvalid:
			r.Open[3] += n
		}
	}
	if run := v.LastRun; run != nil && (run.State == store.RunFailed || run.State == store.RunMisconfigured) {
		r.Trouble = text.Shorten(text.Line(string(run.State)+": "+run.Error), troubleShown)
	}
	r.rank = slices.Index([]string{"noncompliant", "stale", "incomplete", "compliant"}, r.Class)
	return r
}

// worstFirst orders rows by verdict, then by the most severe open finding.
func worstFirst(a, b fleetRow) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), -slices.Compare(a.Open[:], b.Open[:]), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Integration, b.Integration))
}

// troubleShown is how many columns of an error are in the list; the page of the
// environment has it whole.
const troubleShown = 110

type fleetData struct {
	Rows                    []fleetRow
	Counts                  []count
	All                     int // rows before the filter
	Label, Verdict, Control string
	Verdicts                []string
	Chart                   report.Drawing
	First, Last             string
}

type count struct {
	state

	N int
}

// daysShown is how many days the chart of the fleet covers.
const daysShown = 90

func (s *server) fleetPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.Store.Fleet(r.Context())
	if err != nil {
		return err
	}
	d := fleetData{
		All: len(list), Label: strings.TrimSpace(r.FormValue("label")), Verdict: r.FormValue("verdict"), Control: strings.TrimSpace(r.FormValue("control")),
		Verdicts: []string{"noncompliant", "stale", "incomplete", "compliant"},
	}
	short, err := s.short(r, d.Control)
	if err != nil {
		return err
	}
	counts := map[string]int{}
	for _, v := range list {
		row := s.row(v)
		counts[row.Class]++
		if labelled(v.Environment.Labels, d.Label) && (d.Verdict == "" || d.Verdict == row.Class) && (short == nil || short[place{row.Name, row.Integration}]) {
			d.Rows = append(d.Rows, row)
		}
	}
	slices.SortFunc(d.Rows, worstFirst)
	for _, name := range d.Verdicts {
		d.Counts = append(d.Counts, count{state{name, name}, counts[name]})
	}
	days, err := s.Store.Days(r.Context(), s.Now().AddDate(0, 0, -daysShown))
	if err != nil {
		return err
	}
	if len(days) > 1 {
		shown := make([]report.DayCount, len(days))
		for i, day := range days {
			shown[i] = report.DayCount{Compliant: day.Compliant, Incomplete: day.Incomplete, Noncompliant: day.Noncompliant}
		}
		last := days[len(days)-1]
		d.Chart, d.First, d.Last = report.Columns(shown), day(days[0].Day), day(last.Day)
		d.Chart.Text = fmt.Sprintf("on %s, %d of %d that were scanned were compliant", d.Last, last.Compliant, last.Compliant+last.Noncompliant+last.Incomplete)
	}
	s.show(w, http.StatusOK, "fleet", s.frame(r, "Fleet"), d)
	return nil
}

type place struct{ environment, integration string }

// short are the integrations in which a control is not met; nil where none is named.
func (s *server) short(r *http.Request, control string) (map[place]bool, error) {
	if control == "" {
		return nil, nil
	}
	list, err := s.Store.Control(r.Context(), audit.ControlID(strings.ToUpper(control)))
	if err != nil {
		return nil, err
	}
	short := map[place]bool{}
	for _, c := range list {
		if c.Outcome == audit.OutcomeFail || c.Outcome == audit.OutcomeUnknown {
			short[place{c.Environment, c.Integration}] = true
		}
	}
	return short, nil
}

// labelled reports whether labels hold KEY=VALUE, or a KEY alone.
func labelled(labels map[string]string, want string) bool {
	if want == "" {
		return true
	}
	key, value, both := strings.Cut(want, "=")
	got, ok := labels[key]
	return ok && (!both || got == value)
}

type environmentData struct {
	Name, URL    string
	Every        string
	Due          string
	Paused       bool
	Integrations []integrationData
	Findings     []findingRow
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
			points := make([]report.Point, len(trend))
			for i, p := range trend {
				points[i] = report.Point{At: p.TakenAt, Verdict: p.Verdict, Summary: p.Summary}
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

type controlsRow struct {
	ID, Severity        string
	Fail, Unknown, Pass int
}

// controlsPage lists the controls by how many environments do not meet them.
func (s *server) controlsPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.Store.Controls(r.Context())
	if err != nil {
		return err
	}
	rows := map[audit.ControlID]*controlsRow{}
	for _, c := range list {
		row := rows[c.Control]
		if row == nil {
			row = &controlsRow{ID: string(c.Control), Severity: c.Severity.String()}
			rows[c.Control] = row
		}
		row.Unknown += c.Stale
		switch known := c.Count - c.Stale; c.Outcome {
		case audit.OutcomeUnknown:
			row.Unknown += known
		case audit.OutcomeFail:
			row.Fail += known
		default:
			row.Pass += known
		}
	}
	shown := make([]controlsRow, 0, len(rows))
	for _, row := range rows {
		shown = append(shown, *row)
	}
	slices.SortFunc(shown, func(a, b controlsRow) int {
		return cmp.Or(cmp.Compare(b.Fail, a.Fail), cmp.Compare(b.Unknown, a.Unknown), cmp.Compare(a.ID, b.ID))
	})
	s.show(w, http.StatusOK, "controls", s.frame(r, "Controls"), shown)
	return nil
}

type controlRow struct {
	Environment, Integration, Outcome, Since string

	Stale bool
	Open  int
}

// controlPage is a control across the fleet.
func (s *server) controlPage(w http.ResponseWriter, r *http.Request) error {
	list, err := s.Store.Control(r.Context(), audit.ControlID(r.PathValue("id")))
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return store.ErrNotFound
	}
	order := []audit.Outcome{audit.OutcomeFail, audit.OutcomeUnknown, audit.OutcomeWaived, audit.OutcomePass, audit.OutcomeNotApplicable}
	slices.SortStableFunc(list, func(a, b store.ControlStatus) int {
		return cmp.Compare(slices.Index(order, a.Outcome), slices.Index(order, b.Outcome))
	})
	rows := make([]controlRow, len(list))
	for i, c := range list {
		rows[i] = controlRow{c.Environment, c.Integration, c.Outcome.String(), day(c.Since), c.Stale, c.Open}
	}
	s.show(w, http.StatusOK, "control", s.frame(r, string(list[0].Control)), rows)
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

// interval shows a duration without the units in which it is nothing.
func interval(d time.Duration) string {
	shown := d.String()
	for _, end := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(shown, end) {
			shown = shown[:len(shown)-len("0s")]
		}
	}
	return shown
}

// moment and day show a time; a zero one is a dash.
func moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func day(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format(time.DateOnly)
}

// age is how long ago something was, in its largest unit.
func (s *server) age(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	switch d := s.Now().Sub(t); {
	case d < -store.Patience:
		return "in the future: a clock is wrong"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}
