package store_test

import (
	"database/sql"
	"errors"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/store/storetest"
)

// A postgresStore is a store in PostgreSQL with an application name of its own, by which the
// server lists its connections.
type postgresStore struct {
	*store.Store

	db    *sql.DB
	name  string
	clock *clock
}

func openPostgresStore(t *testing.T) *postgresStore {
	t.Helper()
	u := must.Get(url.Parse(storetest.Postgres(t)))
	query := u.Query()
	s := &postgresStore{db: storetest.Database(t, u.String()), name: query.Get("search_path"), clock: newClock()}
	query.Set("application_name", s.name)
	u.RawQuery = query.Encode()
	s.Store = open(t, u.String(), s.clock)
	return s
}

// awaitBlocked waits until n transactions of the store are waiting for locks.
func (s *postgresStore) awaitBlocked(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var blocked int
		must.Do(t, s.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'", s.name).Scan(&blocked))
		if blocked == n {
			return
		}
	}
	t.Fatalf("%d transactions do not wait for locks", n)
}

func (s *postgresStore) startRun(t *testing.T, environment string) int64 {
	t.Helper()
	id := enqueue(t, s.Store, s.clock, environment)
	if _, _, err := s.Start(t.Context(), id, "w1", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	return id
}

// finish finishes a run in the background.
func (s *postgresStore) finish(t *testing.T, run int64, results ...audit.Result) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		done <- s.InTx(t.Context(), func(tx *store.Tx) error {
			return tx.Finish(t.Context(), run, map[string]string{"demandbase": ""}, results)
		})
	}()
	return done
}

// TestFinishAndRemoveDoNotDeadlock checks that one transaction can remove an environment while
// another stores the result of one of its runs.
func TestFinishAndRemoveDoNotDeadlock(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t)
	addEnvironments(t, s.Store, time.Hour, "contoso")
	id := s.startRun(t, "contoso")
	var finished <-chan error
	must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
		e, err := tx.LockEnvironment(t.Context(), "contoso")
		if err != nil {
			return err
		}
		finished = s.finish(t, id, result("contoso", "1", s.clock.at, pass("A")))
		s.awaitBlocked(t, 1)
		if err := tx.Fail(t.Context(), id, store.Failure{State: store.RunCancelled, Final: true}); err != nil {
			return err
		}
		return tx.RetireEnvironment(t.Context(), e)
	}))
	if err := <-finished; !errors.Is(err, store.ErrEnded) {
		t.Errorf("the run that was cancelled: %v, want %v", err, store.ErrEnded)
	}
}

// TestLockedRowsAreSkipped checks that environments that are due, and runs without a job, are left out
// while another process has locked them, so that two processes do not wait for each other.
func TestLockedRowsAreSkipped(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t)
	addEnvironments(t, s.Store, time.Hour, "contoso", "fabrikam")
	for i, name := range []string{"contoso", "fabrikam"} {
		id := enqueue(t, s.Store, s.clock, name)
		must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error { return tx.SetJob(t.Context(), id, int64(1000+i)) }))
	}
	selected := func() (names []string) {
		t.Helper()
		must.Do(t, s.InTx(t.Context(), func(tx *store.Tx) error {
			for _, e := range must.Get(tx.DueEnvironments(t.Context(), 9)) {
				names = append(names, e.Name)
			}
			for _, r := range must.Get(tx.OrphanedRuns(t.Context())) {
				names = append(names, "run of "+r.Environment)
			}
			return nil
		}))
		slices.Sort(names)
		return names
	}
	want := func(when string, want ...string) {
		t.Helper()
		if got := selected(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	want("nothing is locked", "contoso", "fabrikam", "run of contoso", "run of fabrikam")
	holder := must.Get(s.db.BeginTx(t.Context(), nil))
	must.Get(holder.ExecContext(t.Context(), "SELECT 1 FROM environment WHERE name = 'contoso' FOR UPDATE"))
	must.Get(holder.ExecContext(t.Context(), "SELECT 1 FROM run WHERE environment_id = (SELECT id FROM environment WHERE name = 'fabrikam') FOR UPDATE"))
	want("locked", "fabrikam", "run of contoso")
	must.Do(t, holder.Rollback())
}

// TestTwoFinishesDoNotDeadlock checks that two transactions can store results with the same
// verdicts in opposite order. Both change the same counts of the day.
func TestTwoFinishesDoNotDeadlock(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t)
	addEnvironments(t, s.Store, time.Hour, "contoso", "fabrikam", "first")
	ofProfile := func(environment, profile string, c control) audit.Result {
		r := result(environment, "1", s.clock.at, c)
		r.Profile.Name = profile
		return r
	}
	scan(t, s.Store, s.clock, "first", ofProfile("first", "p", pass("A")), ofProfile("first", "q", fail("A", "x")))
	contoso, fabrikam := s.startRun(t, "contoso"), s.startRun(t, "fabrikam")
	holder := must.Get(s.db.BeginTx(t.Context(), nil))
	must.Get(holder.ExecContext(t.Context(), "SELECT 1 FROM fleet_day WHERE verdict = 'compliant' FOR UPDATE"))
	compliantFirst := s.finish(t, contoso, ofProfile("contoso", "p", pass("A")), ofProfile("contoso", "q", fail("A", "x")))
	s.awaitBlocked(t, 1)
	compliantLast := s.finish(t, fabrikam, ofProfile("fabrikam", "p", fail("A", "x")), ofProfile("fabrikam", "q", pass("A")))
	s.awaitBlocked(t, 2)
	must.Do(t, holder.Rollback())
	must.Do(t, errors.Join(<-compliantFirst, <-compliantLast))
	days := must.Get(s.Days(t.Context(), s.clock.at.Add(-24*time.Hour)))
	if len(days) != 1 || days[0].Compliant != 3 || days[0].Noncompliant != 3 {
		t.Errorf("days: %+v", days)
	}
}
