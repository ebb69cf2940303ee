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

// A brake slows a database down: PostgreSQL by a proxy that delays each packet, SQLite by another
// connection that holds its lock.
type brake struct {
	delay atomic.Int64 // of the proxy, for each packet
	db    *sql.DB      // of an SQLite file
}

// withBrake returns the name by which a store goes through a brake, and the brake.
func withBrake(t *testing.T, name string) (string, *brake) {
	t.Helper()
	s := &brake{}
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

func (s *brake) pipe(from, to net.Conn) {
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

// apply slows the database down for a duration: by 50 ms each way, or by a lock for 90 % of the time.
func (s *brake) apply(ctx context.Context, d time.Duration) {
	if s.db == nil {
		s.delay.Store(int64(50 * time.Millisecond))
		time.Sleep(d)
		s.delay.Store(0)
		return
	}
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
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

// fill makes a database full and returns a function that gives it space again. PostgreSQL has no
// limit for that, so triggers fail each change with the error of a full disk.
func fill(t *testing.T, s *store.Store, name string) (free func()) {
	t.Helper()
	exec := func(query string) {
		t.Helper()
		if err := s.QueueDriver().GetExecutor().Exec(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	if !store.IsPostgres(name) {
		exec("PRAGMA max_page_count = 1") // it cannot be less than the current number
		return func() { exec("PRAGMA max_page_count = 1000000000") }
	}
	tables := strings.Fields("environment integration run document result finding_span control_span fleet_day alert audit river_job river_leader river_queue")
	exec("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$")
	for _, table := range tables {
		exec("CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON " + table + " FOR EACH STATEMENT EXECUTE FUNCTION full_disk()")
	}
	return func() { exec("DROP FUNCTION full_disk CASCADE") }
}

func manyNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("e%04d", i)
	}
	return names
}

// awaitOneResultEach waits until each environment has exactly one run, with a result. That can take
// minutes: the queue looks for jobs that could not be completed every half minute.
func awaitOneResultEach(t *testing.T, s *store.Store, names []string) {
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

// TestSlowDatabase checks that a slow database loses no scan and repeats none.
func TestSlowDatabase(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		names := manyNames(24)
		addEnvironments(t, s, names...)
		slowName, b := withBrake(t, name)
		scanner := &fakeScanner{scan: compliant}
		for _, worker := range []string{"w1", "w2"} {
			start(t, open(t, slowName), fleet.Options{Scanner: scanner, Worker: worker, SweepInterval: time.Second, Concurrency: 4})
		}
		b.apply(t.Context(), 8*time.Second)
		awaitOneResultEach(t, s, names)
		for _, name := range names {
			if n := scanner.scansOf(name); n != 1 {
				t.Errorf("%s was scanned %d times", name, n)
			}
		}
	})
}

// TestFullDatabase checks that while nothing can be stored no environment becomes compliant, and that
// the same processes continue when there is space again.
func TestFullDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the queue to rescue jobs")
	}
	storetest.OnBoth(t, func(t *testing.T, name string) {
		s := open(t, name)
		names := manyNames(60)
		addEnvironments(t, s, names...)
		started := make(chan struct{}, len(names)*100)
		scanner := &fakeScanner{scan: func(ctx context.Context, e store.Environment, before int) ([]audit.Result, error) {
			started <- struct{}{}
			return compliant(ctx, e, before)
		}}
		start(t, s, fleet.Options{Scanner: scanner, SweepInterval: time.Second, Concurrency: 4, Timeout: 2 * time.Second})
		<-started
		free := fill(t, s, name)
		time.Sleep(5 * time.Second)
		list := must.Get(s.Status(t.Context(), ""))
		compliant := 0
		for _, st := range list {
			if st.IsCompliant() {
				compliant++
			}
		}
		if compliant == len(names) {
			t.Error("all scans ended before the database was full")
		}
		free()
		awaitOneResultEach(t, s, names)
	})
}

// TestClockJumps checks that each interval has at most one run, and the current interval has one,
// however the clock jumps.
func TestClockJumps(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		var offset atomic.Int64
		s := must.Get(store.Open(t.Context(), name, store.Options{Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }}))
		t.Cleanup(func() { s.Close() })
		e := store.Environment{Name: "a", URL: "https://a.crm.dynamics.com", Every: time.Hour, Config: "url: x", Requirements: store.Requirements{"demandbase": ""}}
		must.Get(s.Import(t.Context(), "jane", []store.Environment{e}))
		start(t, s, fleet.Options{Scanner: &fakeScanner{scan: compliant}, SweepInterval: time.Second})
		for _, jump := range []time.Duration{0, 3 * time.Hour, -5 * time.Hour, 0, 400 * 24 * time.Hour, time.Hour} {
			offset.Store(int64(jump))
			now := must.Get(s.Status(t.Context(), "a"))[0].Environment
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
