package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/alert"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/store/storetest"
)

type receiver struct {
	mu       sync.Mutex
	messages []string
	ids      []string
	refuses  int // the number of messages to refuse
	// ignoresCopies makes it ignore a message with the id of an earlier one: a process that stops
	// may send one again.
	ignoresCopies bool
}

func (r *receiver) send(_ context.Context, route string, m alert.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuses > 0 {
		r.refuses--
		return errors.New("not now")
	}
	if r.ignoresCopies && slices.Contains(r.ids, m.ID) {
		return nil
	}
	r.ids = append(r.ids, m.ID)
	line := route + " " + m.Title + ":"
	for _, i := range m.Items {
		line += fmt.Sprintf(" %s/%s/%s/%t", i.Environment, i.Event, i.Control, i.Ended)
		if i.Reason != "" {
			line += "/" + i.Reason
		}
	}
	r.messages = append(r.messages, line)
	return nil
}

// text returns one line for each message.
func (r *receiver) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.messages, "\n")
}

func rules() []alert.Rule {
	return []alert.Rule{{Name: "all", Route: "ops", Severity: audit.SeverityMedium, Events: []alert.Event{alert.EventNew, alert.EventFixed, alert.EventUnknown, alert.EventCannotRun, alert.EventSilent}}}
}

// failing returns a result with a finding of a severity.
func failing(e store.Environment, severity audit.Severity) []audit.Result {
	list := result(e)
	r := &list[0]
	subject := audit.Subject{Kind: audit.SubjectRole, ID: "r", Name: "x"}
	r.Controls[0].Outcome, r.Controls[0].Severity = audit.OutcomeFail, severity
	r.Controls[0].Findings = []audit.Finding{{Fingerprint: audit.Fingerprint("A", "o", subject, "p"), Message: "Lead – Read is missing", Subject: subject, Evidence: audit.Evidence{}}}
	r.Summary = audit.Summarize(r.Controls)
	r.Verdict = r.Summary.Verdict()
	return list
}

// TestAlerts checks that the beginning and the end of a finding are each reported once, even if the
// process restarts, and that less severe findings than the rule's are not reported.
func TestAlerts(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "a", "low")
		scanner := &fakeScanner{scan: func(_ context.Context, e store.Environment, before int) ([]audit.Result, error) {
			switch {
			case e.Name == "low":
				return failing(e, audit.SeverityLow), nil
			case before < 2:
				return failing(e, audit.SeverityHigh), nil
			}
			return result(e), nil
		}}
		r := &receiver{ignoresCopies: true}
		o := fleet.Options{Scanner: scanner, SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: rules(), Send: r.send}}
		f, stop := start(t, s, o)
		eventually(t, "reported", func() bool { return r.text() != "" })
		again := func(f *fleet.Fleet, want int) {
			t.Helper()
			must.Get(f.ScanNow(t.Context(), "test", "a"))
			eventually(t, "scanned again", func() bool { return scanner.scansOf("a") == want })
		}
		again(f, 2)
		stop()
		f, _ = start(t, s, o)
		again(f, 3)
		eventually(t, "reported that it is fixed", func() bool { return strings.Count(r.text(), "\n") == 1 })
		awaitJob(t, name, "watch")
		if got, want := r.text(), "ops a: 1 new: a/new/A/false\nops a: 1 over: a/new/A/true/fixed"; got != want {
			t.Errorf("reported:\n%s\nwant:\n%s", got, want)
		}
	})
}

// TestEndReasons checks that the message about the end of a finding says why it ended.
func TestEndReasons(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		names := []string{"waived", "profile", "retired", "fixed"}
		addEnvironments(t, s, names...)
		must.Do(t, s.Pause(t.Context(), "jane", names, true))
		r := &receiver{}
		start(t, s, fleet.Options{SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: rules(), Send: r.send}})
		record := func(change func(*audit.Result)) {
			t.Helper()
			for _, name := range names {
				list := failing(store.Environment{Name: name}, audit.SeverityHigh)
				change(&list[0])
				must.Do(t, s.Record(t.Context(), list, nil, "test"))
			}
		}
		record(func(*audit.Result) {})
		eventually(t, "reported", func() bool { return strings.Count(r.text(), "/false") == len(names) })
		names = names[:2]
		record(func(result *audit.Result) {
			c := &result.Controls[0]
			switch result.Environment.Name {
			case "waived":
				c.Outcome, c.Findings[0].Waiver = audit.OutcomeWaived, &audit.Waiver{}
			case "profile":
				result.Profile.Digest, c.Outcome, c.Findings = "sha256:2", audit.OutcomePass, nil
			}
		})
		names = []string{"fixed"}
		record(func(result *audit.Result) {
			result.Controls[0].Outcome, result.Controls[0].Findings = audit.OutcomePass, nil
		})
		e := store.Environment{Name: "retired", Config: "url: x", Requirements: store.Requirements{"zoominfo": ""}}
		must.Get(s.Import(t.Context(), "jane", []store.Environment{e}))
		for _, want := range []string{"waived/new/A/true/waived", "profile/new/A/true/profile-changed", "retired/new/A/true/retired", "fixed/new/A/true/fixed"} {
			eventually(t, want, func() bool { return strings.Contains(r.text(), want) })
		}
	})
}

// TestChangedRules checks that a change of a rule, a label or a pause does not report an alert as over:
// its cause remains.
func TestChangedRules(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		before := must.Get(store.Open(t.Context(), name, store.Options{Now: func() time.Time { return time.Now().Add(-49 * time.Hour) }}))
		addEnvironments(t, before, "a", "b")
		for _, name := range []string{"a", "b"} {
			list := failing(store.Environment{Name: name}, audit.SeverityHigh)
			list[0].Verdict = audit.VerdictIncomplete
			must.Do(t, before.Record(t.Context(), list, nil, "test"))
		}
		before.Close()
		s := open(t, name)
		must.Do(t, s.SetCredentialEnds(t.Context(), "a", time.Now().AddDate(0, 0, 20)))
		r, rule := &receiver{ignoresCopies: true}, rules()[0]
		rule.Events = append(rule.Events, alert.EventCredential)
		o := fleet.Options{SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: []alert.Rule{rule}, Send: r.send}}
		_, stop := start(t, s, o)
		eventually(t, "reported", func() bool { return strings.Count(r.text(), "/false") == 7 })
		must.Do(t, s.Pause(t.Context(), "jane", []string{"b"}, true))
		stop()
		must.Get(storetest.Database(t, name).ExecContext(t.Context(), "UPDATE alert SET message = 'the text of an older version'"))
		o.Alerts.Rules[0].Severity, o.Alerts.Rules[0].After, o.Alerts.Rules[0].Before = audit.SeverityCritical, "100h", "10d"
		_, stop = start(t, s, o)
		awaitJob(t, name, "watch")
		stop()
		o.Alerts.Rules[0].Labels = map[string]string{"no": "where"}
		start(t, s, o)
		awaitJob(t, name, "watch")
		if got := r.text(); strings.Contains(got, "/true") {
			t.Errorf("reported:\n%s", got)
		}
	})
}

// TestReconfiguredAlerts checks that an import of another configuration reports nothing, and that the
// scan that follows at once reports why a finding is over.
func TestReconfiguredAlerts(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		put := func(requirement string) {
			t.Helper()
			e := store.Environment{Name: "a", Every: 24 * time.Hour, Config: requirement, Requirements: store.Requirements{"demandbase": requirement}}
			must.Get(s.Import(t.Context(), "jane", []store.Environment{e}))
		}
		put("1")
		r := &receiver{ignoresCopies: true}
		o := fleet.Options{SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: rules(), Send: r.send}}
		o.Scanner = &fakeScanner{scan: func(_ context.Context, e store.Environment, _ int) ([]audit.Result, error) {
			if e.Config == "1" {
				return failing(e, audit.SeverityHigh), nil
			}
			return result(e), nil
		}}
		_, stop := start(t, s, o)
		began := "ops a: 1 new: a/new/A/false"
		eventually(t, "reported", func() bool { return r.text() == began })
		stop()
		put("2")
		scanner := o.Scanner
		o.Scanner = nil
		_, stop = start(t, s, o)
		awaitJob(t, name, "watch")
		if got := r.text(); got != began {
			t.Errorf("reported after the import:\n%s", got)
		}
		stop()
		o.Scanner = scanner
		start(t, s, o)
		eventually(t, "reported", func() bool { return strings.Contains(r.text(), "/true") })
		if got, want := r.text(), began+"\nops a: 1 over: a/new/A/true/profile-changed"; got != want {
			t.Errorf("reported:\n%s\nwant:\n%s", got, want)
		}
		if st := must.Get(s.Status(t.Context(), "a"))[0]; !st.IsCompliant() || st.LastRun.Trigger != store.TriggerSchedule {
			t.Errorf("status: %+v", st)
		}
	})
}

// TestSentWhileStopping checks that a message is not sent again if the process stops while it is sent.
func TestSentWhileStopping(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "a")
		must.Do(t, s.Record(t.Context(), failing(store.Environment{Name: "a"}, audit.SeverityHigh), nil, "test"))
		var sends atomic.Int64
		o := fleet.Options{SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: rules(), Send: func(ctx context.Context, _ string, _ alert.Message) error {
			if sends.Add(1) == 1 {
				<-ctx.Done() // the receiver has the message, and its answer comes late
			}
			return nil
		}}}
		_, stop := start(t, s, o)
		eventually(t, "the message is sent", func() bool { return sends.Load() == 1 })
		stop()
		start(t, s, o)
		awaitJob(t, name, "watch")
		if n := sends.Load(); n != 1 {
			t.Errorf("the message is sent %d times", n)
		}
	})
}

// TestCredentialAlert checks the messages about a credential that ends soon and is renewed.
func TestCredentialAlert(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir()+"/fleet.db")
	addEnvironments(t, s, "a")
	r := &receiver{}
	rule := alert.Rule{Name: "x", Route: "ops", Events: []alert.Event{alert.EventCredential}, Before: "14d"}
	start(t, s, fleet.Options{SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: []alert.Rule{rule}, Send: r.send}})
	for _, tc := range []struct {
		days int
		want string
	}{{10, "ops a: 1 new: a/credential//false"}, {300, "ops a: 1 over: a/credential//true"}} {
		must.Do(t, s.SetCredentialEnds(t.Context(), "a", time.Now().AddDate(0, 0, tc.days)))
		eventually(t, tc.want, func() bool { return strings.HasSuffix(r.text(), tc.want) })
	}
}

// TestRefusedAlert checks that a message that the receiver refuses is sent again, once.
func TestRefusedAlert(t *testing.T) {
	t.Parallel()
	name := t.TempDir() + "/fleet.db"
	s := open(t, name)
	addEnvironments(t, s, "a")
	r := &receiver{refuses: 1}
	start(t, s, fleet.Options{SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: rules(), Send: r.send}, Scanner: &fakeScanner{
		scan: func(context.Context, store.Environment, int) ([]audit.Result, error) {
			return nil, &fleet.MisconfiguredError{Code: "signin", Err: errors.New("the secret is wrong")}
		},
	}})
	eventually(t, "reported", func() bool { return r.text() != "" })
	awaitJob(t, name, "watch")
	if got := r.text(); got != "ops a: 1 new: a/cannot-run//false" {
		t.Errorf("reported %q", got)
	}
}

// TestCannotRun checks that only a result ends the alert about an environment that cannot be scanned,
// and not a run that is in progress or cancelled.
func TestCannotRun(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "a")
		r := &receiver{}
		scanner := &fakeScanner{scan: func(ctx context.Context, e store.Environment, before int) ([]audit.Result, error) {
			switch before {
			case 0:
				return nil, &fleet.MisconfiguredError{Code: "sign-in", Err: errors.New("the secret is wrong")}
			case 1:
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return result(e), nil
		}}
		f, _ := start(t, s, fleet.Options{Scanner: scanner, SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: rules(), Send: r.send}})
		const began = "ops a: 1 new: a/cannot-run//false"
		eventually(t, "reported", func() bool { return r.text() != "" })
		ids := must.Get(f.ScanNow(t.Context(), "test", "a"))
		eventually(t, "scanned again", func() bool { return scanner.scansOf("a") == 2 })
		awaitJob(t, name, "watch")
		if got := r.text(); got != began {
			t.Errorf("reported while a run is in progress:\n%s", got)
		}
		must.Do(t, f.Cancel(t.Context(), "test", ids[0]))
		awaitJob(t, name, "watch")
		if got := r.text(); got != began {
			t.Errorf("reported after a run was cancelled:\n%s", got)
		}
		must.Get(f.ScanNow(t.Context(), "test", "a"))
		eventually(t, "reported that it is over", func() bool { return strings.Contains(r.text(), "\n") })
		if got, want := r.text(), began+"\nops a: 1 over: a/cannot-run//true"; got != want {
			t.Errorf("reported:\n%s\nwant:\n%s", got, want)
		}
	})
}

// TestNeverScanned checks that an environment that was never scanned is reported as silent.
func TestNeverScanned(t *testing.T) {
	t.Parallel()
	name := t.TempDir() + "/fleet.db"
	before := must.Get(store.Open(t.Context(), name, store.Options{Now: func() time.Time { return time.Now().Add(-49 * time.Hour) }}))
	addEnvironments(t, before, "old")
	before.Close()
	s := open(t, name)
	addEnvironments(t, s, "old", "recent")
	r := &receiver{}
	start(t, s, fleet.Options{SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: rules(), Send: r.send}})
	eventually(t, "reported", func() bool { return r.text() != "" })
	if got := r.text(); got != "ops old: 1 new: old/silent//false" {
		t.Errorf("reported %q", got)
	}
}

// TestOutdatedMessages checks that a receiver that was down does not get an outdated message after a
// newer one.
func TestOutdatedMessages(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "a")
		r := &receiver{}
		down := func() { r.mu.Lock(); defer r.mu.Unlock(); r.refuses = math.MaxInt }
		refused := func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.refuses < math.MaxInt }
		up := func() { r.mu.Lock(); defer r.mu.Unlock(); r.refuses = 0 }
		down()
		var misconfigured atomic.Bool
		misconfigured.Store(true)
		scanner := &fakeScanner{scan: func(_ context.Context, e store.Environment, _ int) ([]audit.Result, error) {
			if misconfigured.Load() {
				return nil, &fleet.MisconfiguredError{Code: "sign-in", Err: errors.New("the secret is wrong")}
			}
			return result(e), nil
		}}
		f, _ := start(t, s, fleet.Options{Scanner: scanner, SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: rules(), Send: r.send}})
		// scanAgain waits until the alert is open or resolved, as expected. Before that, a receiver
		// that is up would get the outdated message.
		scanAgain := func(fails bool, state store.RunState) {
			t.Helper()
			misconfigured.Store(fails)
			must.Get(f.ScanNow(t.Context(), "test", "a"))
			awaitState(t, s, "a", state)
			eventually(t, "the alert is updated", func() bool {
				var open []store.Alert
				must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) (err error) {
					open, err = tx.OpenAlerts(t.Context())
					return err
				}))
				return (len(open) > 0) == fails
			})
		}
		eventually(t, "refused", refused)
		scanAgain(false, store.RunCompliant)
		up()
		const over = "ops a: 1 over: a/cannot-run//true"
		eventually(t, "reported that it is over", func() bool { return r.text() == over })
		scanAgain(true, store.RunMisconfigured)
		const began = "\nops a: 1 new: a/cannot-run//false"
		eventually(t, "reported", func() bool { return r.text() == over+began })
		down()
		scanAgain(false, store.RunCompliant)
		eventually(t, "refused", refused)
		scanAgain(true, store.RunMisconfigured)
		up()
		eventually(t, "reported again", func() bool { return r.text() == over+began+began })
		awaitJob(t, name, "watch")
		if got := r.text(); got != over+began+began {
			t.Errorf("reported:\n%s", got)
		}
	})
}

// TestSharedMessage checks that many environments that fail at once share one message.
func TestSharedMessage(t *testing.T) {
	t.Parallel()
	name := t.TempDir() + "/fleet.db"
	s := open(t, name)
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("e%03d", i))
	}
	addEnvironments(t, s, names...)
	var list []audit.Result
	for _, name := range names {
		list = append(list, failing(store.Environment{Name: name}, audit.SeverityHigh)...)
	}
	must.Do(t, s.Record(t.Context(), list, nil, "test"))
	must.Do(t, s.Pause(t.Context(), "jane", names, true))
	r := &receiver{}
	start(t, s, fleet.Options{SweepInterval: time.Second, Alerts: &fleet.Alerts{RetryWait: time.Second, Rules: rules(), Send: r.send}})
	eventually(t, "reported", func() bool { return r.text() != "" })
	awaitJob(t, name, "watch")
	if got := r.text(); !strings.HasPrefix(got, "ops 300 environments: 300 new:") || strings.Contains(got, "\n") {
		t.Errorf("reported %.300q", got)
	}
}
