package store_test

import (
	"database/sql"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/store/storetest"
)

// A lockedStore is a store in PostgreSQL whose connections the server lists under a name.
type lockedStore struct {
	*store.Store

	db    *sql.DB
	name  string
	clock *clock
}

func openLocked(t *testing.T) *lockedStore {
	t.Helper()
	u := must.Get(url.Parse(storetest.Postgres(t)))
	query := u.Query()
	l := &lockedStore{db: storetest.Database(t, u.String()), name: query.Get("search_path"), clock: newClock()}
	query.Set("application_name", l.name)
	u.RawQuery = query.Encode()
	l.Store = open(t, u.String(), l.clock)
	return l
}

// awaitBlocked waits until n transactions of the store wait for locks.
func (l *lockedStore) awaitBlocked(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var blocked int
		must.Do(t, l.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'", l.name).Scan(&blocked))
		if blocked == n {
			return
		}
	}
	t.Fatalf("%d transactions do not wait for locks", n)
}

// begin returns a run that has started.
func (l *lockedStore) begin(t *testing.T, environment string) int64 {
	t.Helper()
	id := enqueue(t, l.Store, l.clock, environment)
	if _, _, err := l.Start(t.Context(), id, "w1", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	return id
}

// finish finishes a run in the background.
func (l *lockedStore) finish(t *testing.T, run int64, results ...audit.Result) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		done <- l.InTx(t.Context(), func(tx *store.Tx) error { return tx.Finish(t.Context(), run, results) })
	}()
	return done
}

// TestFinishAndRemoveDoNotDeadlock: one transaction removes an environment and ends its runs,
// while another stores the result of such a run.
func TestFinishAndRemoveDoNotDeadlock(t *testing.T) {
	t.Parallel()
	l := openLocked(t)
	addEnvironments(t, l.Store, time.Hour, "contoso")
	id := l.begin(t, "contoso")
	var finished <-chan error
	must.Do(t, l.InTx(t.Context(), func(tx *store.Tx) error {
		e, err := tx.LockEnvironment(t.Context(), "contoso")
		if err != nil {
			return err
		}
		finished = l.finish(t, id, result("contoso", "1", l.clock.at, pass("A")))
		l.awaitBlocked(t, 1)
		if err := tx.Fail(t.Context(), id, store.Failure{State: store.RunCancelled, Final: true}); err != nil {
			return err
		}
		return tx.RetireEnvironment(t.Context(), e)
	}))
	if err := <-finished; !errors.Is(err, store.ErrEnded) {
		t.Errorf("the run that was cancelled: %v, want %v", err, store.ErrEnded)
	}
}

// TestTwoFinishesDoNotDeadlock: two environments have integrations with the same verdicts, in
// opposite order. Both transactions change the same counts of the day.
func TestTwoFinishesDoNotDeadlock(t *testing.T) {
	t.Parallel()
	l := openLocked(t)
	addEnvironments(t, l.Store, time.Hour, "contoso", "fabrikam", "first")
	ofProfile := func(environment, profile string, c control) audit.Result {
		r := result(environment, "1", l.clock.at, c)
		r.Profile.Name = profile
		return r
	}
	scan(t, l.Store, l.clock, "first", ofProfile("first", "p", pass("A")), ofProfile("first", "q", fail("A", "x")))
	contoso, fabrikam := l.begin(t, "contoso"), l.begin(t, "fabrikam")
	holder := must.Get(l.db.BeginTx(t.Context(), nil))
	must.Get(holder.ExecContext(t.Context(), "SELECT 1 FROM fleet_day WHERE verdict = 'compliant' FOR UPDATE"))
	compliantFirst := l.finish(t, contoso, ofProfile("contoso", "p", pass("A")), ofProfile("contoso", "q", fail("A", "x")))
	l.awaitBlocked(t, 1)
	compliantLast := l.finish(t, fabrikam, ofProfile("fabrikam", "p", fail("A", "x")), ofProfile("fabrikam", "q", pass("A")))
	l.awaitBlocked(t, 2)
	must.Do(t, holder.Rollback())
	must.Do(t, errors.Join(<-compliantFirst, <-compliantLast))
	days := must.Get(l.Days(t.Context(), l.clock.at.Add(-24*time.Hour)))
	if len(days) != 1 || days[0].Compliant != 3 || days[0].Noncompliant != 3 {
		t.Errorf("days: %+v", days)
	}
}
