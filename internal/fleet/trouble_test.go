package fleet_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/store/storetest"
)

// A slowness makes a database slow: PostgreSQL by a proxy that delays whatever goes through
// it, SQLite by another process that holds its lock.
type slowness struct {
	delay atomic.Int64 // of each packet through the proxy
	db    *sql.DB      // of a file of SQLite
}

// slowed returns the name of a store that can be made slow, and what makes it so.
func slowed(t *testing.T, name string) (string, *slowness) {
	t.Helper()
	s := &slowness{}
	if !store.IsPostgres(name) {
		s.db = storetest.Database(t, name)
		return name, s
	}
	u := must.Get(url.Parse(name))
	listener := must.Get(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { listener.Close() })
	server := u.Host
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				continue
			}
			go s.pipe(client, to)
			go s.pipe(to, client)
		}
	}()
	u.Host = listener.Addr().String()
	return u.String(), s
}

func (s *slowness) pipe(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	packet := make([]byte, 64<<10)
	for {
		n, err := from.Read(packet)
		time.Sleep(time.Duration(s.delay.Load()))
		if _, failed := to.Write(packet[:n]); err != nil || failed != nil {
			return
		}
	}
}

// last makes the database slow for a time: by 50 ms each way, or 9 of 10 parts of the time.
func (s *slowness) last(ctx context.Context, long time.Duration) {
	if s.db == nil {
		const each = 50 * time.Millisecond
		s.delay.Store(int64(each))
		time.Sleep(long)
		s.delay.Store(0)
		return
	}
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return
		}
		_, _ = conn.ExecContext(ctx, "PRAGMA busy_timeout = 10000")
		if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err == nil {
			time.Sleep(900 * time.Millisecond)
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		}
		conn.Close()
	}
}

// fill makes a database full, and returns what gives it room again. PostgreSQL has no limit
// that a test could set: there each change fails with the error of a full disk.
func fill(t *testing.T, s *store.Store, name string) (empty func()) {
	t.Helper()
	exec := func(query string) {
		t.Helper()
		if err := s.QueueDriver().GetExecutor().Exec(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if !store.IsPostgres(name) {
		exec("PRAGMA max_page_count = 1") // as many pages as there are
		return func() { exec("PRAGMA max_page_count = 1000000000") }
	}
	tables := strings.Fields("environment integration run document result finding_span control_span fleet_day alert audit river_job river_leader river_queue")
	exec("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$")
	for _, table := range tables {
		exec("CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON " + table + " FOR EACH STATEMENT EXECUTE FUNCTION full_disk()")
	}
	return func() { exec("DROP FUNCTION full_disk CASCADE") }
}

// manyNames are names of environments.
func manyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("e%04d", i)
	}
	return names
}

// allOnce waits until each environment has one run, which gave a result. A job whose end could
// not be stored counts as lost after a while, and the queue looks for those each half minute.
func allOnce(t *testing.T, s *store.Store, names []string) {
	t.Helper()
	for _, name := range names {
		for end := time.Now().Add(3 * time.Minute); lastRun(t, s, name).State != store.RunCompliant && time.Now().Before(end); {
			time.Sleep(50 * time.Millisecond)
		}
	}
	for _, name := range names {
		runs, err := s.Runs(t.Context(), name, 0, 10)
		points, failed := s.Trend(t.Context(), name, "demandbase", time.Time{})
		if err != nil || failed != nil || len(runs) != 1 || len(points) != 1 {
			t.Errorf("%s has the runs %+v and %d results: %v, %v", name, runs, len(points), err, failed)
		}
	}
}

// TestSlowDatabase: a slow database loses no scan and repeats none.
func TestSlowDatabase(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		names := manyNames(24)
		environments(t, s, names...)
		through, slow := slowed(t, name)
		scanner := &scans{do: compliant}
		for _, worker := range []string{"w1", "w2"} {
			start(t, open(t, through), fleet.Options{Scanner: scanner, Worker: worker, SweepInterval: time.Second, Concurrency: 4})
		}
		slow.last(t.Context(), 8*time.Second)
		allOnce(t, s, names)
		for _, name := range names {
			if n := scanner.of(name); n != 1 {
				t.Errorf("%s was scanned %d times", name, n)
			}
		}
	})
}

// TestFullDatabase: while nothing can be stored, nothing is known to be compliant; once there
// is room, the same processes go on, and each environment has one result.
func TestFullDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits until the queue takes up what could not be ended")
	}
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		names := manyNames(60)
		environments(t, s, names...)
		begun := make(chan struct{}, len(names)*100)
		scanner := &scans{do: func(ctx context.Context, e store.Environment, before int) ([]audit.Result, error) {
			begun <- struct{}{}
			return compliant(ctx, e, before)
		}}
		start(t, s, fleet.Options{Scanner: scanner, SweepInterval: time.Second, Concurrency: 4, Timeout: 2 * time.Second})
		<-begun
		empty := fill(t, s, name)
		time.Sleep(5 * time.Second)
		list := must.Get(s.FleetStatus(t.Context()))
		green := 0
		for _, st := range list {
			if st.IsCompliant() {
				green++
			}
		}
		if green == len(names) {
			t.Error("it was not full before all was done")
		}
		empty()
		allOnce(t, s, names)
	})
}

// TestClockJumps: whatever way the clock of the processes jumps, each interval has one run,
// and the interval that it is now has one.
func TestClockJumps(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		var offset atomic.Int64
		s := must.Get(store.Open(t.Context(), name, store.Options{Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }}))
		t.Cleanup(func() { s.Close() })
		e := store.Environment{Name: "a", URL: "https://a.crm.dynamics.com", Every: time.Hour, Config: "url: x", Profiles: []string{"demandbase"}}
		must.Get(s.Import(t.Context(), "jane", []store.Environment{e}))
		start(t, s, fleet.Options{Scanner: &scans{do: compliant}, SweepInterval: time.Second})
		for _, jump := range []time.Duration{0, 3 * time.Hour, -5 * time.Hour, 0, 400 * 24 * time.Hour, time.Hour} {
			offset.Store(int64(jump))
			now := must.Get(s.Environment(t.Context(), "a"))
			period := now.Period(s.Now())
			periods := map[time.Time]bool{}
			eventually(t, fmt.Sprintf("the interval of %s has its result", jump), func() bool {
				runs, err := s.Runs(t.Context(), "a", 0, 10)
				found := false
				for _, r := range runs {
					found = found || r.Period.Equal(period) && r.State == store.RunCompliant
				}
				return err == nil && found
			})
			runs, err := s.Runs(t.Context(), "a", 0, 10)
			for _, r := range runs {
				if periods[r.Period] {
					t.Errorf("two runs for %s", r.Period)
				}
				periods[r.Period] = true
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}
