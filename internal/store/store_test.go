package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/store/storetest"
)

// A clock shows the same time until a test advances it.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func open(t *testing.T, name string, c *clock) *store.Store {
	t.Helper()
	s := must.Get(store.Open(t.Context(), name, store.Options{Now: c.now}))
	t.Cleanup(func() { s.Close() })
	return s
}

func addEnvironments(t *testing.T, s *store.Store, every time.Duration, names ...string) {
	t.Helper()
	var list []store.Environment
	for _, name := range names {
		list = append(list, store.Environment{
			Name: name, URL: "https://" + name + ".crm.dynamics.com", Every: every,
			Config: "url: https://" + name + ".crm.dynamics.com\n", Labels: map[string]string{"stage": "test"}, Requirements: store.Requirements{"demandbase": ""},
		})
	}
	must.Get(s.Import(t.Context(), "jane", list))
}

// A control describes a control of a test result. Findings are the names of missing privileges.
type control struct {
	id       string
	outcome  audit.Outcome
	reason   string
	findings []string
	unjudged bool
}

const organization = "11111111-1111-1111-1111-111111111111"

// result returns a result with the given controls, by a revision of the profile.
func result(environment, revision string, at time.Time, controls ...control) audit.Result {
	r := audit.Result{
		Format: audit.ResultFormat, Tool: audit.Tool{Name: "dbaudit", Version: "1.0.0"},
		Environment: audit.Environment{Name: environment, URL: "https://" + environment + ".crm.dynamics.com", OrganizationID: organization},
		Profile:     audit.Profile{Name: "demandbase", Version: revision, Origin: audit.OriginBuiltin, Digest: "sha256:" + revision},
		Snapshot:    audit.Snapshot{Digest: "sha256:" + at.String(), TakenAt: at}, EvaluatedAt: at,
		Controls: []audit.Control{},
	}
	for _, c := range controls {
		id := audit.ControlID(c.id)
		made := audit.Control{ID: id, Severity: audit.SeverityHigh, Outcome: c.outcome, Reason: c.reason, Findings: []audit.Finding{}}
		if c.unjudged {
			made.Unjudged = []string{"the teams were not read"}
		}
		for _, f := range c.findings {
			subject := audit.Subject{Kind: audit.SubjectRole, ID: "r", Name: "Integration"}
			made.Findings = append(made.Findings, audit.Finding{
				Fingerprint: audit.Fingerprint(id, organization, subject, f), Message: f + " is missing", Subject: subject, Evidence: audit.Evidence{"privilege": f},
			})
		}
		r.Controls = append(r.Controls, made)
	}
	r.Summary = audit.Summarize(r.Controls)
	r.Verdict = r.Summary.Verdict()
	return r
}

func pass(id string) control { return control{id: id, outcome: audit.OutcomePass} }
func unknown(id string) control {
	return control{id: id, outcome: audit.OutcomeUnknown, reason: "not read"}
}

func fail(id string, findings ...string) control {
	return control{id: id, outcome: audit.OutcomeFail, findings: findings}
}

func inapplicable(id, reason string) control {
	return control{id: id, outcome: audit.OutcomeNotApplicable, reason: reason}
}

// scan creates a run of an environment, finishes it with results and returns its id.
func scan(t testing.TB, s *store.Store, c *clock, environment string, results ...audit.Result) int64 {
	t.Helper()
	id := enqueue(t, s, c, environment)
	e, _, err := s.Start(t.Context(), id, "w1", "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	c.advance(time.Second)
	must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error { return tx.Finish(t.Context(), id, e.Requirements, results) }))
	return id
}

func enqueue(t testing.TB, s *store.Store, c *clock, environment string) (id int64) {
	t.Helper()
	c.advance(time.Minute)
	must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
		e, err := tx.LockEnvironment(t.Context(), environment)
		if err != nil {
			return err
		}
		var created bool
		id, created, err = tx.CreateRun(t.Context(), e, c.at, store.TriggerManual)
		if err == nil && !created {
			t.Fatal("the run existed before")
		}
		return err
	}))
	return id
}

func status(t *testing.T, s *store.Store, environment string) store.Status {
	t.Helper()
	list := must.Get(s.Status(t.Context(), environment))
	if len(list) != 1 {
		t.Fatalf("%d statuses of %s, want 1", len(list), environment)
	}
	return list[0]
}

// TestReopen checks that a store that is opened again has what was stored, and equal documents once.
func TestReopen(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		addEnvironments(t, s, time.Hour, "contoso")
		first := result("contoso", "1", c.at.Add(-time.Minute), pass("A"), fail("B", "prvReadLead"))
		second := first
		second.EvaluatedAt = second.EvaluatedAt.Add(time.Hour)
		second.Snapshot = audit.Snapshot{Digest: "sha256:other", TakenAt: c.at}
		runs := []int64{scan(t, s, c, "contoso", first), scan(t, s, c, "contoso", second)}
		s.Close()

		s = open(t, name, c)
		for i, want := range []audit.Result{first, second} {
			got := must.Get(s.Result(t.Context(), runs[i], "demandbase"))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("result %d (-stored +read):\n%s", i, diff)
			}
		}
		if _, err := s.Result(t.Context(), runs[0], "other"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a result of no integration: %v", err)
		}
		run := must.Get(s.Run(t.Context(), runs[0]))
		if run.State != store.RunNoncompliant || !run.Ended() || run.Environment != "contoso" || run.Attempt != 1 || run.Worker != "w1" {
			t.Errorf("run: %+v", run)
		}
		if n := documents(t, name); n != 1 {
			t.Errorf("%d documents are stored, want one for both results", n)
		}
		st := status(t, s, "contoso")
		if st.Verdict != audit.VerdictNoncompliant || st.OpenFindings() != 1 || st.OpenBySeverity[audit.SeverityHigh] != 1 || st.Stale || st.LastRun == nil || st.LastRun.ID != runs[1] {
			t.Errorf("status: %+v", st)
		}
		if !st.Since.Equal(run.EndedAt.Time) {
			t.Errorf("noncompliant since %s, want the end of the first run %s", st.Since, run.EndedAt)
		}
		if st.Environment.Labels["stage"] != "test" || st.Environment.Every != time.Hour {
			t.Errorf("environment: %+v", st.Environment)
		}
	})
}

func documents(t *testing.T, name string) (n int) {
	t.Helper()
	db := storetest.Database(t, name)
	defer db.Close()
	must.Do(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM document").Scan(&n))
	return n
}

// TestEndedOnce checks that a run that has ended accepts no result, no failure and no other attempt.
func TestEndedOnce(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		addEnvironments(t, s, time.Hour, "contoso")
		r := result("contoso", "1", c.at, pass("A"))
		id := scan(t, s, c, "contoso", r)
		for what, do := range map[string]func(*store.Tx) error{
			"result": func(tx *store.Tx) error {
				return tx.Finish(t.Context(), id, map[string]string{"demandbase": ""}, []audit.Result{r})
			},
			"failure": func(tx *store.Tx) error { return tx.Fail(t.Context(), id, store.Failure{State: store.RunFailed}) },
		} {
			if err := s.InTx(t.Context(), do); !errors.Is(err, store.ErrEnded) {
				t.Errorf("a second %s: %v, want %v", what, err, store.ErrEnded)
			}
		}
		if _, _, err := s.Start(t.Context(), id, "w2", "1.0.0"); !errors.Is(err, store.ErrEnded) {
			t.Errorf("a second start: %v", err)
		}
		must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
			e, err := tx.LockEnvironment(t.Context(), "contoso")
			if err != nil {
				return err
			}
			again, created, err := tx.CreateRun(t.Context(), e, c.at.Add(-time.Second), store.TriggerManual)
			if created || again != id {
				t.Errorf("the same period made run %d (new: %v), want %d", again, created, id)
			}
			return err
		}))
	})
}

// TestFailureClosesNothing checks that a run without a result closes no finding, and that the
// status becomes stale.
func TestFailureClosesNothing(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		addEnvironments(t, s, time.Hour, "contoso")
		scan(t, s, c, "contoso", result("contoso", "1", c.at, fail("A", "prvReadLead")))
		c.advance(time.Hour)
		id := enqueue(t, s, c, "contoso")
		if _, _, err := s.Start(t.Context(), id, "w1", "1.0.0"); err != nil {
			t.Fatal(err)
		}
		for _, final := range []bool{false, true} {
			c.advance(time.Minute)
			must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
				return tx.Fail(t.Context(), id, store.Failure{State: store.RunFailed, Code: "network", Message: "no route", Final: final})
			}))
		}
		c.advance(10 * time.Minute)
		st := status(t, s, "contoso")
		if st.OpenFindings() != 1 || !st.Stale || st.IsCompliant() || st.Verdict != audit.VerdictNoncompliant {
			t.Errorf("status: %+v", st)
		}
		if r := st.LastRun; r.State != store.RunFailed || r.Failures != 2 || r.Error != "no route" || r.ErrorCode != "network" || !r.Ended() {
			t.Errorf("run: %+v", r)
		}
	})
}

// TestSpans covers the ways in which spans of findings and controls begin and end.
func TestSpans(t *testing.T) {
	tests := []struct {
		name   string
		scans  []func(at time.Time) audit.Result
		open   []string // the messages of open findings
		closed []string // message: reason
		spans  []string // control, outcome, first and last scan
	}{
		{
			name:  "unknown closes nothing",
			scans: scans("1", []control{fail("A", "x")}, []control{unknown("A")}, []control{unknown("A")}, []control{fail("A", "x")}),
			open:  []string{"x"}, spans: []string{"A fail 1-4", "A unknown 2-3"},
		},
		{
			name:   "a finding that is gone is fixed",
			scans:  scans("1", []control{fail("A", "x", "y")}, []control{fail("A", "y")}, []control{pass("A")}),
			closed: []string{"x: fixed", "y: fixed"}, spans: []string{"A fail 1-2", "A pass 3-3"},
		},
		{
			name:  "a control that is judged in part closes nothing",
			scans: scans("1", []control{fail("A", "x", "y")}, []control{{id: "A", outcome: audit.OutcomeFail, findings: []string{"x"}, unjudged: true}}),
			open:  []string{"x", "y"}, spans: []string{"A fail 1-2"},
		},
		{
			name:  "another revision of the profile",
			scans: append(scans("1", []control{fail("A", "x"), pass("B"), fail("C", "z")}), scans("2", []control{pass("A"), fail("B", "y"), fail("D", "w")})...),
			open:  []string{"y", "w"}, closed: []string{"x: profile-changed", "z: profile-changed"},
			spans: []string{"A fail 1-1", "A pass 2-2", "B fail 2-2", "B pass 1-1", "C fail 1-1", "D fail 2-2"},
		},
		{
			name:  "a missing user blocks other controls",
			scans: scans("1", []control{pass("U"), fail("A", "x")}, []control{fail("U", "user"), inapplicable("A", "see U: there is no user")}),
			open:  []string{"x", "user"},
			spans: []string{"A fail 1-1", "A not_applicable 2-2", "U fail 2-2", "U pass 1-1"},
		},
		{
			name:   "a finding that is no longer required is not fixed",
			scans:  scans("1", []control{pass("U"), fail("A", "x")}, []control{pass("U"), inapplicable("A", "no view is required")}),
			closed: []string{"x: not-required"},
			spans:  []string{"A fail 1-1", "A not_applicable 2-2", "U pass 1-2"},
		},
		{
			name: "a finding that is allowed now, or of a role that is no longer judged, is not fixed",
			scans: []func(time.Time) audit.Result{
				judging("r", "", fail("A", "x"), fail("B", "y")), judging("r", "", pass("A"), fail("B", "y", "z")),
				judging("r", ": prvX", pass("A"), fail("B", "y")), judging("other", ": prvX", pass("A"), pass("B")),
			},
			closed: []string{"x: fixed", "y: not-required", "z: profile-changed"},
			spans:  []string{"A fail 1-1", "A pass 2-4", "B fail 1-3", "B pass 4-4"},
		},
		{
			name:   "a finding of a user who needs another role now is not fixed",
			scans:  []func(time.Time) audit.Result{judging("p", "", fail("A", "x")), judging("q", "", pass("A"))},
			closed: []string{"x: profile-changed"},
			spans:  []string{"A fail 1-1", "A pass 2-2"},
		},
		{
			name: "another organization at the same address begins new spans",
			scans: append(scans("1", []control{fail("A", "x")}), func(at time.Time) audit.Result {
				r := result("contoso", "1", at, pass("A"))
				r.Environment.OrganizationID = "22222222-2222-2222-2222-222222222222"
				return r
			}),
			closed: []string{"x: environment-replaced"}, spans: []string{"A fail 1-1", "A pass 2-2"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			storetest.OnBoth(t, func(t *testing.T, name string) {
				c := newClock()
				s := open(t, name, c)
				addEnvironments(t, s, time.Hour, "contoso")
				number := map[int64]int{}
				for i, newResult := range test.scans {
					number[scan(t, s, c, "contoso", newResult(c.at))] = i + 1
				}
				var opened, closed, spans []string
				for _, f := range must.Get(s.Findings(t.Context(), "contoso")) {
					message := strings.TrimSuffix(f.Message, " is missing")
					if f.ClosedRun == 0 {
						opened = append(opened, message)
					} else {
						closed = append(closed, message+": "+string(f.ClosedReason))
					}
				}
				for _, c := range must.Get(s.ControlSpans(t.Context(), "contoso", "demandbase")) {
					spans = append(spans, fmt.Sprintf("%s %s %d-%d", c.Control, c.Outcome, number[c.FromRun], number[c.ToRun]))
				}
				for what, lists := range map[string][2][]string{"open": {test.open, opened}, "closed": {test.closed, closed}, "spans": {test.spans, slices.Sorted(slices.Values(spans))}} {
					if diff := cmp.Diff(lists[0], lists[1]); diff != "" {
						t.Errorf("%s (-want +got):\n%s", what, diff)
					}
				}
			})
		})
	}
}

func scans(revision string, all ...[]control) []func(time.Time) audit.Result {
	var list []func(time.Time) audit.Result
	for _, controls := range all {
		list = append(list, func(at time.Time) audit.Result { return result("contoso", revision, at, controls...) })
	}
	return list
}

// judging returns results that judge a role, with exceptions that the configuration allows.
func judging(role, allowed string, controls ...control) func(time.Time) audit.Result {
	return func(at time.Time) audit.Result {
		r := result("contoso", "1", at, controls...)
		r.Integration = &audit.Integration{Role: &audit.Subject{Kind: audit.SubjectRole, ID: role}}
		if allowed != "" {
			r.Integration.Allowed = []string{allowed}
		}
		return r
	}
}

// TestConcurrentSetUp checks that several processes can set up an empty store at once.
func TestConcurrentSetUp(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		errs := make(chan error)
		for range 4 {
			go func() {
				s, err := store.Open(context.Background(), name, store.Options{Now: c.now})
				if err == nil {
					err = s.Close()
				}
				errs <- err
			}()
		}
		for range 4 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

// TestDue checks when an environment is due: at once when it is new, then once in each interval.
// Missed intervals and clock jumps make no additional runs.
func TestDue(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		addEnvironments(t, s, time.Hour, "contoso", "fabrikam", "paused")
		must.Do(t, s.Pause(t.Context(), "jane", []string{"paused"}, true))
		sweep := func() (names []string) {
			t.Helper()
			must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
				due, err := tx.DueEnvironments(t.Context(), 10)
				if err != nil {
					return err
				}
				for _, e := range due {
					_, created, err := tx.CreateRun(t.Context(), e, e.Period(tx.Now()), store.TriggerSchedule)
					if err != nil {
						return err
					}
					if created {
						names = append(names, e.Name)
					}
					if err := tx.ScheduleNext(t.Context(), e); err != nil {
						return err
					}
				}
				return nil
			}))
			slices.Sort(names)
			return names
		}
		both := []string{"contoso", "fabrikam"}
		want := func(when string, want, got []string) {
			t.Helper()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		want("new", both, sweep())
		want("at once again", nil, sweep())
		c.advance(time.Hour)
		want("an hour later", both, sweep())
		c.advance(60 * time.Hour)
		want("60 hours later", both, sweep())
		want("60 hours later, again", nil, sweep())
		c.advance(365 * 24 * time.Hour)
		want("the clock jumps ahead", both, sweep())
		c.advance(-365*24*time.Hour + time.Hour)
		want("the clock jumps back", both, sweep())
		want("the clock jumps back, again", nil, sweep())
		must.Do(t, s.Pause(t.Context(), "jane", []string{"paused"}, false))
		want("resumed", []string{"paused"}, sweep())
		if err := s.Pause(t.Context(), "jane", []string{"nobody"}, false); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an unknown name: %v", err)
		}
	})
}

// TestImportAgain checks that another import keeps the state of an environment, and retires an
// integration that is left out, with its history.
func TestImportAgain(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		e := store.Environment{Name: "contoso", URL: "https://contoso.crm.dynamics.com", Every: time.Hour, Config: "a: 1"}
		put := func(profiles ...string) store.ImportCounts {
			t.Helper()
			e.Requirements = store.Requirements{}
			for _, p := range profiles {
				e.Requirements[p] = ""
			}
			return must.Get(s.Import(t.Context(), "jane", []store.Environment{e}))
		}
		if got := put("demandbase"); got != (store.ImportCounts{Added: 1}) {
			t.Errorf("first: %+v", got)
		}
		run := scan(t, s, c, "contoso", result("contoso", "1", c.at, fail("A", "x")))
		if got := put("demandbase"); got != (store.ImportCounts{Unchanged: 1}) {
			t.Errorf("again: %+v", got)
		}
		e.Every = 30 * time.Minute
		if got := put("zoominfo"); got != (store.ImportCounts{Updated: 1}) {
			t.Errorf("changed: %+v", got)
		}
		st := status(t, s, "contoso")
		if st.Integration != "zoominfo" || !st.Stale || st.Verdict != audit.VerdictIncomplete {
			t.Errorf("status: %+v", st)
		}
		if next := st.Environment.NextDue; next.Before(c.at) || next.Sub(c.at) > e.Every {
			t.Errorf("next due at %s, now is %s", next, c.at)
		}
		if _, err := s.Result(t.Context(), run, "demandbase"); err != nil {
			t.Errorf("the retired integration's result: %v", err)
		}
		open := must.Get(s.OpenFindings(t.Context(), ""))
		of := must.Get(s.OpenFindings(t.Context(), "contoso"))
		known := must.Get(s.Findings(t.Context(), "contoso"))
		if counts := must.Get(s.ControlCounts(t.Context())); len(open) != 0 || len(of) != 0 || len(counts) != 0 || len(known) != 1 || known[0].ClosedRun != 0 {
			t.Errorf("the retired integration's findings: open %v, %v, known %v; controls %v", open, of, known, counts)
		}
		if put("demandbase", "zoominfo"); len(must.Get(s.OpenFindings(t.Context(), ""))) != 1 {
			t.Error("the finding is not open any more after its integration came back")
		}
	})
}

// TestImportOtherRequirement checks that an import of another requirement makes an integration stale
// and due at once, within an interval that has a run already, until a scan judges it, even if the
// environment was removed in between. It changes no verdict and closes no finding.
func TestImportOtherRequirement(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		put := func(requirement string) {
			t.Helper()
			c.advance(time.Second)
			e := store.Environment{Name: "a", URL: "https://a.example", Every: time.Hour, Config: requirement, Requirements: store.Requirements{"demandbase": requirement}}
			must.Get(s.Import(t.Context(), "jane", []store.Environment{e}))
		}
		want := func(when string, reconfigured bool) {
			t.Helper()
			st := status(t, s, "a")
			control := must.Get(s.ControlStatuses(t.Context(), "A"))[0]
			counts := must.Get(s.ControlCounts(t.Context()))[0]
			if st.Reconfigured != reconfigured || st.Stale != reconfigured || control.Stale != reconfigured || (counts.Unknown == 1) != reconfigured {
				t.Errorf("%s: %+v; %+v; %+v", when, st, control, counts)
			}
			if st.LastCompleteAt.IsZero() || st.Verdict != audit.VerdictNoncompliant || st.OpenFindings() != 1 {
				t.Errorf("%s: the last result is another: %+v", when, st)
			}
		}
		startDue := func() (store.Environment, store.Run) {
			t.Helper()
			var id int64
			must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
				due := must.Get(tx.DueEnvironments(t.Context(), 9))
				if len(due) != 1 {
					t.Fatalf("due: %+v", due)
				}
				for _, period := range due[0].DuePeriods(tx.Now()) {
					run, created, err := tx.CreateRun(t.Context(), due[0], period, store.TriggerSchedule)
					must.Do(t, err)
					if created {
						id = run
						break
					}
				}
				return tx.ScheduleNext(t.Context(), due[0])
			}))
			e, r, err := s.Start(t.Context(), id, "w", "1")
			must.Do(t, err)
			return e, r
		}
		finish := func(e store.Environment, r store.Run) {
			t.Helper()
			c.advance(time.Second)
			must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
				return tx.Finish(t.Context(), r.ID, e.Requirements, []audit.Result{result("a", "1", c.at, fail("A", "x"), pass("B"))})
			}))
		}
		put("1")
		finish(startDue())
		want("scanned", false)
		put("2")
		want("another requirement", true)
		put("1")
		want("the old requirement again", false)
		put("2")
		e, r := startDue()
		put("3")
		finish(e, r)
		want("changed during a scan", true)
		if r := must.Get(s.Run(t.Context(), r.ID)); r.State != store.RunCancelled || !r.Ended() {
			t.Errorf("the run of the old requirement: %+v", r)
		}
		finish(startDue())
		want("scanned again", false)
		must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.RetireEnvironment(t.Context(), must.Get(tx.LockEnvironment(t.Context(), "a")))
		}))
		c.advance(time.Minute)
		put("4")
		want("removed, and added with another requirement", true)
		must.Do(t, s.Record(t.Context(), []audit.Result{result("a", "1", c.at, fail("A", "x"))}, map[string]store.Requirements{"a": {"demandbase": "3"}}, "pipeline"))
		want("a pipeline judged another requirement", true)
		must.Do(t, s.Record(t.Context(), []audit.Result{result("a", "1", c.at, fail("A", "x"))}, map[string]store.Requirements{"a": {"demandbase": "4"}}, "pipeline"))
		want("a pipeline judged the requirement", false)
	})
}

// TestImportDuringScan checks that a scan is discarded only if an import changes what is required, and
// that the environment is then due at once. A pipeline that posts another integration changes nothing.
func TestImportDuringScan(t *testing.T) {
	imported := func(requirements store.Requirements) func(*testing.T, *store.Store, *clock) {
		return func(t *testing.T, s *store.Store, _ *clock) {
			e := store.Environment{Name: "a", URL: "https://a.example", Every: time.Hour, Config: fmt.Sprint(requirements), Requirements: requirements}
			must.Get(s.Import(t.Context(), "jane", []store.Environment{e}))
		}
	}
	for name, test := range map[string]struct {
		change func(*testing.T, *store.Store, *clock)
		want   store.RunState
	}{
		"the same":              {imported(store.Requirements{"demandbase": "1", "zoominfo": "2"}), store.RunCompliant},
		"another requirement":   {imported(store.Requirements{"demandbase": "1", "zoominfo": "3"}), store.RunCancelled},
		"a new integration":     {imported(store.Requirements{"demandbase": "1", "zoominfo": "2", "own": "4"}), store.RunCancelled},
		"a removed integration": {imported(store.Requirements{"demandbase": "1"}), store.RunCancelled},
		"a pipeline's integration": {func(t *testing.T, s *store.Store, c *clock) {
			r := result("a", "1", c.at, pass("A"))
			r.Profile.Name = "own"
			must.Do(t, s.Record(t.Context(), []audit.Result{r}, nil, "pipeline"))
		}, store.RunCompliant},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.OnBoth(t, func(t *testing.T, storeName string) {
				c := newClock()
				s := open(t, storeName, c)
				imported(store.Requirements{"demandbase": "1", "zoominfo": "2"})(t, s, c)
				id := enqueue(t, s, c, "a")
				must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
					return tx.ScheduleNext(t.Context(), must.Get(tx.LockEnvironment(t.Context(), "a")))
				}))
				e, _, err := s.Start(t.Context(), id, "w", "1")
				must.Do(t, err)
				c.advance(time.Second)
				test.change(t, s, c)
				must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
					return tx.Finish(t.Context(), id, e.Requirements, []audit.Result{result("a", "1", c.at, pass("A"))})
				}))
				if r := must.Get(s.Run(t.Context(), id)); r.State != test.want || !r.Ended() {
					t.Errorf("the run: %+v, want %s", r, test.want)
				}
				isDue := !must.Get(s.Status(t.Context(), "a"))[0].Environment.NextDue.After(c.at)
				if isDue != (test.want == store.RunCancelled) {
					t.Errorf("due at once: %t", isDue)
				}
			})
		})
	}
}

// TestReasonOtherRequirement checks that a finding is not fixed, and not new in the environment, if
// something else is required. Waivers do not count.
func TestReasonOtherRequirement(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		for requirement, want := range map[string]store.Reason{"1+a": store.ReasonFixed, "1+b": store.ReasonFixed, "2+a": store.ReasonProfileChanged, "": store.ReasonFixed} {
			of := "e" + requirement
			record := func(requirement string, c control) {
				t.Helper()
				must.Do(t, s.Record(t.Context(), []audit.Result{result(of, "1", time.Now(), c)}, map[string]store.Requirements{of: {"demandbase": requirement}}, "test"))
			}
			record("1+a", fail("A", "x"))
			c.advance(time.Second)
			record(requirement, unknown("A"))
			c.advance(time.Second)
			record(requirement, fail("A", "y"))
			findings := must.Get(s.RecentChanges(t.Context(), of, 9))
			if len(findings) != 2 {
				t.Fatalf("%s: %+v", requirement, findings)
			}
			opened := store.ReasonEnvironmentChanged
			if want == store.ReasonProfileChanged {
				opened = want
			}
			for _, f := range findings {
				if f.ClosedRun != 0 && f.ClosedReason != want || f.ClosedRun == 0 && f.OpenedReason != opened {
					t.Errorf("%s: %+v", requirement, f)
				}
			}
		}
	})
}

// TestRecord checks that a pipeline can post results, also of an unknown environment, and that an
// environment that could not be read gets a failed run.
func TestRecord(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		bad := audit.Result{Environment: audit.Environment{Name: "fabrikam"}, Profile: audit.Profile{Name: "demandbase"}, Unread: &audit.Unread{Message: "no route"}}
		for range 2 {
			must.Do(t, s.Record(t.Context(), []audit.Result{result("contoso", "1", c.at, pass("A")), bad}, nil, "pipeline"))
		}
		st := status(t, s, "contoso")
		if !st.IsCompliant() || st.Environment.Every != 0 || st.LastRun.Trigger != store.TriggerPipeline {
			t.Errorf("status: %+v", st)
		}
		if runs := must.Get(s.Runs(t.Context(), "contoso", 0, 10)); len(runs) != 2 {
			t.Errorf("%d runs, want 2", len(runs))
		}
		if st := status(t, s, "fabrikam"); st.LastRun.State != store.RunFailed || st.LastRun.Error != "no route" || !st.Stale || st.Integration != "demandbase" {
			t.Errorf("status: %+v", st)
		}
		c.advance(25 * time.Hour)
		if st := status(t, s, "contoso"); !st.Stale || st.IsCompliant() {
			t.Errorf("after 25 hours: %+v", st)
		}
	})
}

// TestBackup checks that a backup is a store, that only its owner can read it, and that it replaces
// no file.
func TestBackup(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := open(t, filepath.Join(t.TempDir(), "fleet.db"), c)
	addEnvironments(t, s, time.Hour, "contoso")
	scan(t, s, c, "contoso", result("contoso", "1", c.at, pass("A")))
	file := filepath.Join(t.TempDir(), "copy.db")
	must.Do(t, s.Backup(t.Context(), file))
	if st := status(t, open(t, file, c), "contoso"); !st.IsCompliant() {
		t.Errorf("status: %+v", st)
	}
	info := must.Get(os.Stat(file))
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the backup: %s", info.Mode())
	}
	if err := s.Backup(t.Context(), file); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file that exists: %v", err)
	}
}

// TestWrongClock checks that a scan in the future does not make an environment compliant.
func TestWrongClock(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		addEnvironments(t, s, time.Hour, "contoso")
		scan(t, s, c, "contoso", result("contoso", "1", c.at, pass("A")))
		c.advance(-5 * time.Minute)
		if st := status(t, s, "contoso"); !st.IsCompliant() {
			t.Errorf("a clock that is a little behind: %+v", st)
		}
		c.advance(-48 * time.Hour)
		if st := status(t, s, "contoso"); !st.Stale || st.IsCompliant() {
			t.Errorf("scanned in two days: %+v", st)
		}
	})
}

// TestHostileText checks that any text can be stored, in findings and in errors.
func TestHostileText(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		const hostile = "a\x00b\xffc'\"; --"
		c := newClock()
		s := open(t, name, c)
		addEnvironments(t, s, time.Hour, "contoso")
		scan(t, s, c, "contoso", result("contoso", "1", c.at, fail("A", hostile)))
		if st := status(t, s, "contoso"); st.OpenFindings() != 1 {
			t.Errorf("status: %+v", st)
		}
		c.advance(time.Hour)
		id := enqueue(t, s, c, "contoso")
		must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.Fail(t.Context(), id, store.Failure{State: store.RunFailed, Code: "network", Message: hostile, Final: true})
		}))
	})
}

// TestFleetQueries checks the queries across all environments.
func TestFleetQueries(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		addEnvironments(t, s, time.Hour, "contoso", "fabrikam", "never")
		scan(t, s, c, "contoso", result("contoso", "1", c.at, pass("A"), fail("B", "x", "y")))
		scan(t, s, c, "contoso", result("contoso", "1", c.at, unknown("A"), pass("B")))
		scan(t, s, c, "fabrikam", result("fabrikam", "2", c.at, pass("A"), fail("B", "x")))
		got := map[string]string{}
		for _, id := range []audit.ControlID{"A", "B"} {
			for _, st := range must.Get(s.ControlStatuses(t.Context(), id)) {
				got[st.Environment+" "+string(st.Control)] = fmt.Sprintf("%s %d", st.Outcome, st.OpenFindings)
			}
		}
		want := map[string]string{"contoso A": "unknown 0", "contoso B": "pass 0", "fabrikam A": "pass 0", "fabrikam B": "fail 1"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("controls (-want +got):\n%s", diff)
		}
		days := must.Get(s.Days(t.Context(), c.at.Add(-24*time.Hour)))
		if len(days) != 1 || days[0].Incomplete != 1 || days[0].Noncompliant != 1 || days[0].Compliant != 0 {
			t.Errorf("days: %+v", days)
		}
		points := must.Get(s.Trend(t.Context(), "contoso", "demandbase", time.Time{}))
		if len(points) != 2 || points[0].Verdict != audit.VerdictNoncompliant || points[1].Summary.Unknown != 1 {
			t.Errorf("trend: %+v", points)
		}
		fleet := must.Get(s.Status(t.Context(), ""))
		if len(fleet) != 3 || fleet[2].Environment.Name != "never" || !fleet[2].Stale || fleet[2].LastRun != nil || fleet[2].IsCompliant() {
			t.Errorf("fleet: %+v", fleet)
		}
		var results int
		if err := s.Results(t.Context(), "", func(audit.Result) error { results++; return nil }); err != nil || results != 3 {
			t.Errorf("%d results, want 3: %v", results, err)
		}
	})
}

// TestManyAlerts checks an update of more rows than a statement can have parameters, which is
// 65,535 in PostgreSQL.
func TestManyAlerts(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		ctx, s := t.Context(), open(t, name, newClock())
		addEnvironments(t, s, time.Hour, "a")
		must.Do(t, s.InTx(ctx, func(tx *store.Tx) error {
			last, err := tx.CreateAlert(ctx, store.Alert{Rule: "x", Environment: "a", Integration: "demandbase", Key: "k"})
			if err != nil {
				return err
			}
			ids := make([]int64, 70000)
			ids[0] = last
			return errors.Join(tx.MarkSent(ctx, ids), tx.ResolveAlerts(ctx, ids))
		}))
		must.Do(t, s.InTx(ctx, func(tx *store.Tx) error {
			if open := must.Get(tx.OpenAlerts(ctx)); len(open) > 0 {
				t.Errorf("%d alerts are open", len(open))
			}
			return nil
		}))
	})
}

// TestPrune checks that pruning removes old results except one in each month, and keeps spans and
// the current state.
func TestPrune(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		addEnvironments(t, s, time.Hour, "contoso")
		for n := range 100 { // a result each day
			r := result("contoso", "1", c.at, fail("A", fmt.Sprint("finding of the month ", n/30)))
			r.Notes = []string{fmt.Sprint("note ", n)} // a document of its own
			scan(t, s, c, "contoso", r)
			c.at = newClock().at.Add(time.Duration(n+1) * 24 * time.Hour)
		}
		before := must.Get(s.Findings(t.Context(), "contoso"))
		removed := must.Get(s.Prune(t.Context(), c.at.Add(-10*24*time.Hour)))
		points := must.Get(s.Trend(t.Context(), "contoso", "demandbase", time.Time{}))
		if kept := len(points); int(removed)+kept != 100 || kept < 13 || kept > 15 {
			t.Errorf("%d results were removed and %d kept, want the last ten and one for each month before", removed, kept)
		}
		months := map[int64]bool{}
		for _, p := range points {
			months[int64(p.TakenAt.Month())] = true
			if _, err := s.Result(t.Context(), p.Run, "demandbase"); err != nil {
				t.Errorf("the result of %s: %v", p.TakenAt, err)
			}
		}
		if len(months) < 4 {
			t.Errorf("results of %d months are left, want one of each", len(months))
		}
		if diff := cmp.Diff(before, must.Get(s.Findings(t.Context(), "contoso")), cmp.AllowUnexported(store.Finding{})); diff != "" {
			t.Errorf("findings (-before +after):\n%s", diff)
		}
		if st := status(t, s, "contoso"); st.OpenFindings() != 1 || st.LastRun == nil {
			t.Errorf("status: %+v", st)
		}
		if n := documents(t, name); n != len(points) {
			t.Errorf("%d documents for %d results", n, len(points))
		}
		scan(t, s, c, "contoso", result("contoso", "1", c.at, pass("A")))
	})
}
