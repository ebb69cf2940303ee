package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/store/storetest"
)

func open(t testing.TB, name string) *store.Store {
	t.Helper()
	s := must.Get(store.Open(t.Context(), name, store.Options{Now: time.Now}))
	t.Cleanup(func() { s.Close() })
	return s
}

// addEnvironments adds environments that are due now, and not again during the test.
func addEnvironments(t testing.TB, s *store.Store, names ...string) {
	t.Helper()
	list := make([]store.Environment, len(names))
	for i, name := range names {
		list[i] = store.Environment{Name: name, URL: "https://" + name + ".crm.dynamics.com", Every: 24 * time.Hour, Config: "url: x", Requirements: store.Requirements{"demandbase": ""}}
	}
	must.Get(s.Import(t.Context(), "jane", list))
}

// A fakeScanner calls a function with the number of earlier scans of the environment.
type fakeScanner struct {
	scan func(ctx context.Context, e store.Environment, before int) ([]audit.Result, error)

	mu    sync.Mutex
	count map[string]int
}

func (s *fakeScanner) Scan(ctx context.Context, e store.Environment) ([]audit.Result, error) {
	s.mu.Lock()
	if s.count == nil {
		s.count = map[string]int{}
	}
	before := s.count[e.Name]
	s.count[e.Name]++
	s.mu.Unlock()
	return s.scan(ctx, e, before)
}

func (s *fakeScanner) scansOf(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[name]
}

func result(e store.Environment) []audit.Result {
	now := time.Now().UTC().Truncate(time.Second)
	controls := []audit.Control{{ID: "A", Severity: audit.SeverityHigh, Outcome: audit.OutcomePass, Findings: []audit.Finding{}}}
	r := audit.Result{
		Format: audit.ResultFormat, Environment: audit.Environment{Name: e.Name, URL: e.URL, OrganizationID: "o-" + e.Name},
		Profile: audit.Profile{Name: "demandbase", Digest: "sha256:1"}, Snapshot: audit.Snapshot{Digest: "sha256:s", TakenAt: now},
		EvaluatedAt: now, Controls: controls, Summary: audit.Summarize(controls),
	}
	r.Verdict = r.Summary.Verdict()
	return []audit.Result{r}
}

func compliant(_ context.Context, e store.Environment, _ int) ([]audit.Result, error) {
	return result(e), nil
}

// start runs a fleet in the background and returns a function that stops it.
func start(t testing.TB, s *store.Store, o fleet.Options) (*fleet.Fleet, func()) {
	t.Helper()
	o.PollInterval = 100 * time.Millisecond
	if o.Worker == "" {
		o.Worker = "test"
	}
	f := must.Get(fleet.New(s, o))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error)
	go func() { done <- f.Run(ctx); close(done) }()
	stop := func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return f, stop
}

// eventually waits up to a minute for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("not within a minute: %s", what)
}

func lastRun(t testing.TB, s *store.Store, name string) store.Run {
	t.Helper()
	runs := must.Get(s.Runs(t.Context(), name, 0, 1))
	if len(runs) == 0 {
		return store.Run{}
	}
	return runs[0]
}

func awaitState(t testing.TB, s *store.Store, name string, want store.RunState) store.Run {
	t.Helper()
	var r store.Run
	eventually(t, fmt.Sprintf("%s is %s", name, want), func() bool { r = lastRun(t, s, name); return r.State == want })
	return r
}

// TestDueOnce checks that one of two processes scans each environment that is due, once.
func TestDueOnce(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		names := []string{"a", "b", "c", "d", "e"}
		addEnvironments(t, s, names...)
		scanner := &fakeScanner{scan: compliant}
		start(t, s, fleet.Options{Scanner: scanner, Worker: "w1", SweepInterval: time.Second})
		start(t, open(t, name), fleet.Options{Scanner: scanner, Worker: "w2", SweepInterval: time.Second})
		for _, n := range names {
			r := awaitState(t, s, n, store.RunCompliant)
			if r.Trigger != store.TriggerSchedule || r.Attempt != 1 || !r.Ended() {
				t.Errorf("run: %+v", r)
			}
		}
		awaitJob(t, name, "sweep")
		for _, n := range names {
			if got := scanner.scansOf(n); got != 1 {
				t.Errorf("%s was scanned %d times, want once", n, got)
			}
		}
		list := must.Get(s.Status(t.Context(), ""))
		for _, e := range fleet.NewDocument(list).Environments {
			if e.Verdict != audit.VerdictCompliant || e.Stale || e.LastCompleteAt.IsZero() || e.LastRun.State != store.RunCompliant || e.LastRun.Error != nil {
				t.Errorf("entry: %+v", e)
			}
		}
	})
}

// TestFailures checks the runs of scans that fail, are misconfigured, panic or hang. None of them
// affects other environments.
func TestFailures(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "flaky", "revoked", "panics", "hangs", "works")
		scanner := &fakeScanner{scan: func(ctx context.Context, e store.Environment, before int) ([]audit.Result, error) {
			switch e.Name {
			case "flaky":
				return nil, errors.New("no route")
			case "revoked":
				return nil, fmt.Errorf("scanning: %w", &fleet.MisconfiguredError{Code: "sign-in", Err: errors.New("consent was revoked: grant it again")})
			case "panics":
				panic("boo")
			case "hangs":
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return result(e), nil
		}}
		start(t, s, fleet.Options{Scanner: scanner, Timeout: time.Second})
		if r := awaitState(t, s, "revoked", store.RunMisconfigured); r.ErrorCode != "sign-in" || !strings.Contains(r.Error, "grant it again") || !r.Ended() {
			t.Errorf("revoked: %+v", r)
		}
		if r := awaitState(t, s, "panics", store.RunMisconfigured); r.ErrorCode != "panic" || !r.Ended() {
			t.Errorf("panics: %+v", r)
		}
		if r := awaitState(t, s, "hangs", store.RunFailed); r.ErrorCode != "timeout" || r.Ended() {
			t.Errorf("hangs: %+v", r)
		}
		if r := awaitState(t, s, "flaky", store.RunFailed); r.Error != "no route" || r.Ended() || r.Failures == 0 {
			t.Errorf("flaky: %+v", r)
		}
		awaitState(t, s, "works", store.RunCompliant)
		for _, n := range []string{"revoked", "panics"} {
			if got := scanner.scansOf(n); got != 1 {
				t.Errorf("%s was scanned %d times, want once", n, got)
			}
		}
		list, err := s.Status(t.Context(), "flaky")
		if err != nil || len(list) != 1 || !list[0].Stale || list[0].IsCompliant() {
			t.Errorf("flaky: %+v, %v", list, err)
		}
	})
}

// TestRetry checks that a failed scan is retried, and that its result counts.
func TestRetry(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the second attempt")
	}
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "flaky")
		scanner := &fakeScanner{scan: func(_ context.Context, e store.Environment, before int) ([]audit.Result, error) {
			if before == 0 {
				return nil, errors.New("no route")
			}
			return result(e), nil
		}}
		start(t, s, fleet.Options{Scanner: scanner})
		if r := awaitState(t, s, "flaky", store.RunCompliant); r.Attempt != 2 || r.Failures != 1 || r.Error != "" {
			t.Errorf("run: %+v", r)
		}
	})
}

// TestScanNow checks that a scan that is requested twice before it starts is one scan, that a paused
// environment can be scanned manually, and that an unknown name is an error.
func TestScanNow(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "a", "b")
		must.Do(t, s.Pause(t.Context(), "jane", []string{"a", "b"}, true))
		client := must.Get(fleet.New(s, fleet.Options{}))
		first := must.Get(client.ScanNow(t.Context(), "jane", "a", "b"))
		again, err := client.ScanNow(t.Context(), "jane", "b", "a")
		if err != nil || again[0] != first[1] || again[1] != first[0] {
			t.Errorf("requested again: %v, want the runs %v; %v", again, first, err)
		}
		if _, err := client.ScanNow(t.Context(), "jane", "nobody"); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "nobody") {
			t.Errorf("an unknown name: %v", err)
		}
		start(t, s, fleet.Options{Scanner: &fakeScanner{scan: compliant}})
		for i, n := range []string{"a", "b"} {
			if r := awaitState(t, s, n, store.RunCompliant); r.ID != first[i] || r.Trigger != store.TriggerManual {
				t.Errorf("run: %+v", r)
			}
		}
		later, err := client.ScanNow(t.Context(), "jane", "a")
		if err != nil || slices.Contains(first, later[0]) {
			t.Errorf("requested after the first scan ended: %v, %v", later, err)
		}
		entries, err := s.AuditLog(t.Context(), 10)
		var log []string
		for _, e := range entries {
			log = append(log, e.Who+": "+e.What)
		}
		want := []string{"jane: scan now: a", "jane: scan now: b", "jane: scan now: a", "jane: pause b", "jane: pause a", "jane: add b", "jane: add a"}
		if err != nil || !slices.Equal(log, want) {
			t.Errorf("audit log: %q, want %q; %v", log, want, err)
		}
	})
}

// TestPaused checks that a scheduled run waits while its environment is paused, and is cancelled at
// the end of its interval.
func TestPaused(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "short", "long")
		_, stop := start(t, s, fleet.Options{})
		awaitState(t, s, "short", store.RunQueued)
		awaitState(t, s, "long", store.RunQueued)
		must.Do(t, s.Pause(t.Context(), "jane", []string{"short", "long"}, true))
		stop()
		scanner := &fakeScanner{scan: compliant}
		start(t, s, fleet.Options{Scanner: scanner})
		eventually(t, "the jobs wait", func() bool { return countJobs(t, name, "kind = 'scan' AND state = 'scheduled'") == 2 })
		if n := scanner.scansOf("short") + scanner.scansOf("long"); n > 0 {
			t.Errorf("%d scans of paused environments", n)
		}
		must.Do(t, s.Pause(t.Context(), "jane", []string{"short"}, false))
		const yesterday = "UPDATE run SET period = period - 86400000000 WHERE state = 'queued'"
		must.Get(storetest.Database(t, name).ExecContext(t.Context(), yesterday))
		wakeScans(t, name)
		awaitState(t, s, "short", store.RunCompliant)
		if r := awaitState(t, s, "long", store.RunCancelled); r.ErrorCode != "paused" {
			t.Errorf("paused beyond its interval: %+v", r)
		}
	})
}

// wakeScans makes waiting scan jobs due now.
func wakeScans(t *testing.T, name string) {
	t.Helper()
	must.Get(storetest.Database(t, name).ExecContext(t.Context(), "UPDATE river_job SET scheduled_at = '2020-01-01 00:00:00' WHERE kind = 'scan' AND state = 'scheduled'"))
}

// countJobs returns the number of jobs in the queue that match an SQL condition.
func countJobs(t *testing.T, name, condition string) (n int) {
	t.Helper()
	db := storetest.Database(t, name)
	defer db.Close()
	must.Do(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM river_job WHERE "+condition).Scan(&n))
	return n
}

// awaitJob waits until a periodic job of a kind that is created from now on has completed, and all
// alerts are sent.
func awaitJob(t *testing.T, name, kind string) {
	t.Helper()
	created := countJobs(t, name, "kind = '"+kind+"'")
	eventually(t, "another "+kind+" job completes", func() bool {
		return countJobs(t, name, "kind = '"+kind+"' AND state = 'completed'") > created
	})
	eventually(t, "all alerts are sent", func() bool { return countJobs(t, name, "kind = 'tell' AND finalized_at IS NULL") == 0 })
}

// TestJobNames checks that the kinds of job and the members of their arguments keep their names: another
// version of dbaudit works on the jobs of an existing queue.
func TestJobNames(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "fleet.db")
	s := open(t, name)
	addEnvironments(t, s, "a")
	scanner := &fakeScanner{scan: func(_ context.Context, e store.Environment, _ int) ([]audit.Result, error) {
		return failing(e, audit.SeverityHigh), nil
	}}
	start(t, s, fleet.Options{
		Scanner: scanner, SweepInterval: time.Second, Retention: time.Hour, Alerts: &fleet.Alerts{Rules: rules(), Send: (&receiver{}).send},
	})
	eventually(t, "an alert is queued", func() bool { return countJobs(t, name, "kind = 'tell'") > 0 })
	eventually(t, "pruning is queued", func() bool { return countJobs(t, name, "kind = 'prune'") > 0 })
	rows := must.Get(storetest.Database(t, name).QueryContext(t.Context(),
		"SELECT DISTINCT kind || ' ' || queue || ' ' || (SELECT coalesce(group_concat(key), '') FROM json_each(args)) FROM river_job ORDER BY 1"))
	defer rows.Close()
	var got []string
	for rows.Next() {
		var job string
		must.Do(t, rows.Scan(&job))
		got = append(got, job)
	}
	must.Do(t, rows.Err())
	want := []string{"prune prune ", "scan scan environment,period,trigger,run", "sweep schedule ", "tell alerts rule,began,ended", "watch alerts "}
	if !slices.Equal(got, want) {
		t.Errorf("the queue has the jobs %q, want %q", got, want)
	}
}

// TestCancel checks that a queued run and a running one can be cancelled.
func TestCancel(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "running", "waiting")
		ended := make(chan error, 1)
		scanner := &fakeScanner{scan: func(ctx context.Context, e store.Environment, _ int) ([]audit.Result, error) {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return nil, ctx.Err()
		}}
		f, _ := start(t, s, fleet.Options{Scanner: scanner, Concurrency: 1})
		var running, waiting store.Run
		eventually(t, "one runs and one waits", func() bool {
			for _, n := range []string{"running", "waiting"} {
				switch r := lastRun(t, s, n); r.State {
				case store.RunRunning:
					running = r
				case store.RunQueued:
					waiting = r
				default:
				}
			}
			return running.ID != 0 && waiting.ID != 0
		})
		for _, id := range []int64{waiting.ID, running.ID} {
			must.Do(t, f.Cancel(t.Context(), "jane", id))
			r, err := s.Run(t.Context(), id)
			if err != nil || r.State != store.RunCancelled || !r.Ended() {
				t.Errorf("run: %+v, %v", r, err)
			}
		}
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Error("the cancelled scan continues")
		}
		if err := f.Cancel(t.Context(), "jane", running.ID); !errors.Is(err, store.ErrEnded) {
			t.Errorf("cancelled again: %v", err)
		}
		eventually(t, "no job is left", func() bool { return countJobs(t, name, "kind = 'scan' AND finalized_at IS NULL") == 0 })
		if got := scanner.scansOf(waiting.Environment); got != 0 {
			t.Errorf("the cancelled queued run was scanned %d times", got)
		}
	})
}

// TestRemove checks that a removed environment is neither scanned nor listed, and that an import
// brings it back and scans it at once.
func TestRemove(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "a", "b")
		started := make(chan string, 10)
		f, _ := start(t, s, fleet.Options{SweepInterval: time.Second, Scanner: &fakeScanner{scan: func(ctx context.Context, e store.Environment, _ int) ([]audit.Result, error) {
			started <- e.Name
			if e.Name == "a" {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return result(e), nil
		}}})
		for (<-started) != "a" {
		}
		if err := f.Remove(t.Context(), "jane", "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an unknown name: %v", err)
		}
		must.Do(t, f.Remove(t.Context(), "jane", "a"))
		if r := lastRun(t, s, "a"); r.State != store.RunCancelled {
			t.Errorf("run: %+v", r)
		}
		listed := func() (names []string) {
			t.Helper()
			statuses, err := s.Status(t.Context(), "")
			list, failed := s.Environments(t.Context())
			if err != nil || failed != nil || len(list) != len(statuses) {
				t.Errorf("%d environments, %d statuses: %v, %v", len(list), len(statuses), err, failed)
			}
			for _, e := range list {
				names = append(names, e.Name)
			}
			return names
		}
		if got := listed(); !slices.Equal(got, []string{"b"}) {
			t.Errorf("listed: %v", got)
		}
		addEnvironments(t, s, "a")
		if got := listed(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("listed after another import: %v", got)
		}
		awaitState(t, s, "a", store.RunRunning) // in the same interval
	})
}

// TestStop checks that another process takes over at once what a process has not finished when it
// stops.
func TestStop(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "a")
		hanging := &fakeScanner{scan: func(ctx context.Context, _ store.Environment, _ int) ([]audit.Result, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		_, stop := start(t, s, fleet.Options{Scanner: hanging, Worker: "w1"})
		awaitState(t, s, "a", store.RunRunning)
		stopped := time.Now()
		stop()
		start(t, s, fleet.Options{Scanner: &fakeScanner{scan: compliant}, Worker: "w2"})
		if r := awaitState(t, s, "a", store.RunCompliant); r.Worker != "w2" || r.Failures != 0 {
			t.Errorf("run: %+v", r)
		}
		if took := time.Since(stopped); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestLostJob checks that a run whose job is lost gets another job.
func TestLostJob(t *testing.T) {
	t.Parallel()
	for what, lose := range map[string]string{
		"discarded": "UPDATE river_job SET state = 'discarded', finalized_at = CURRENT_TIMESTAMP WHERE kind = 'scan'",
		"deleted":   "DELETE FROM river_job WHERE kind = 'scan'",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "fleet.db")
			s := open(t, file)
			addEnvironments(t, s, "a")
			f := must.Get(fleet.New(s, fleet.Options{}))
			ids := must.Get(f.ScanNow(t.Context(), "jane", "a"))
			must.Get(storetest.Database(t, file).ExecContext(t.Context(), lose))
			start(t, s, fleet.Options{Scanner: &fakeScanner{scan: compliant}})
			eventually(t, "the run ends", func() bool {
				r, err := s.Run(t.Context(), ids[0])
				return err == nil && r.State == store.RunCompliant
			})
		})
	}
}

// TestNoSecretInJob checks that the arguments of a job, which are not encrypted, are only names.
func TestNoSecretInJob(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.db")
	s := open(t, file)
	addEnvironments(t, s, "a")
	f := must.Get(fleet.New(s, fleet.Options{}))
	must.Get(f.ScanNow(t.Context(), "jane", "a"))
	var args string
	must.Do(t, storetest.Database(t, file).QueryRowContext(t.Context(), "SELECT json(args) FROM river_job").Scan(&args))
	for _, part := range []string{`"environment":"a"`, `"trigger":"manual"`} {
		if !strings.Contains(args, part) {
			t.Errorf("the job is %s, want %s in it", args, part)
		}
	}
	if strings.Contains(args, "url") {
		t.Errorf("the job is %s, want only names", args)
	}
}

// TestNotStored checks that a scan is repeated soon if its outcome could not be stored, however often
// that happens. River's own policy would wait for 1, 16 and 81 seconds.
func TestNotStored(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		addEnvironments(t, s, "a")
		start(t, s, fleet.Options{Scanner: &fakeScanner{scan: func(_ context.Context, e store.Environment, before int) ([]audit.Result, error) {
			time.Sleep(1200 * time.Millisecond)
			if before < 3 {
				return nil, nil // the store refuses a scan without results
			}
			return result(e), nil
		}}})
		eventually(t, "stored", func() bool { return lastRun(t, s, "a").State == store.RunCompliant })
	})
}

// TestOtherVersion checks that a process stops if the store gets a later version, by an upgrade, or
// an earlier one, from a backup. The job waits for a process with that version.
func TestOtherVersion(t *testing.T) {
	for what, test := range map[string]struct {
		change, revert string
		want           error
	}{
		"later":   {"INSERT INTO schema_version (version, at) VALUES (1000, 0)", "DELETE FROM schema_version WHERE version = 1000", store.ErrNewerVersion},
		"earlier": {"UPDATE schema_version SET version = version - 1000", "UPDATE schema_version SET version = version + 1000", store.ErrOutdated},
	} {
		t.Run(what, func(t *testing.T) {
			storetest.OnBoth(t, func(t *testing.T, name string) {
				s := open(t, name)
				addEnvironments(t, s, "a")
				client := must.Get(fleet.New(s, fleet.Options{}))
				ids := must.Get(client.ScanNow(t.Context(), "jane", "a"))
				db := storetest.Database(t, name)
				must.Get(db.ExecContext(t.Context(), test.change))
				scanner := &fakeScanner{scan: compliant}
				o := fleet.Options{Scanner: scanner, PollInterval: 100 * time.Millisecond, Worker: "other"}
				other := must.Get(fleet.New(s, o))
				if err := other.Run(t.Context()); !errors.Is(err, test.want) {
					t.Errorf("the process ended with %v, want %v", err, test.want)
				}
				must.Get(db.ExecContext(t.Context(), test.revert))
				if n := scanner.scansOf("a"); n != 0 {
					t.Errorf("it was scanned %d times", n)
				}
				start(t, s, fleet.Options{Scanner: scanner})
				if r := awaitState(t, s, "a", store.RunCompliant); r.ID < ids[0] {
					t.Errorf("run: %+v", r)
				}
			})
		})
	}
}

// TestRetention checks that a process with a retention prunes older results, except one in each
// month.
func TestRetention(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		const day = 24 * time.Hour
		at := time.Now().Add(-200 * day)
		past := must.Get(store.Open(t.Context(), name, store.Options{Now: func() time.Time { return at }}))
		t.Cleanup(func() { past.Close() })
		addEnvironments(t, past, "a")
		must.Do(t, past.Pause(t.Context(), "jane", []string{"a"}, true))
		for ; at.Before(time.Now()); at = at.Add(2 * day) {
			list := result(store.Environment{Name: "a"})
			list[0].Snapshot.TakenAt = at
			must.Do(t, past.Record(t.Context(), list, nil, "test"))
		}
		s := open(t, name)
		start(t, s, fleet.Options{Retention: 30 * day})
		left := func() []store.Point { return must.Get(s.Trend(t.Context(), "a", "demandbase", time.Time{})) }
		eventually(t, "old results are removed", func() bool { n := len(left()); return n >= 15+5 && n <= 16+7 })
		for _, p := range left()[1:8] {
			if p.TakenAt.Before(time.Now().Add(-35*day)) && p.TakenAt.Day() > 2 {
				t.Errorf("the result of %s is kept, want the first of each month", p.TakenAt)
			}
		}
	})
}
