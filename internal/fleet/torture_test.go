package fleet_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/alert"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/store/storetest"
)

// The size of TestTorture; make soak has it at full size.
var (
	tortureEnvironments = flag.Int("torture.environments", 24, "environments that are due at once")
	tortureKills        = flag.Int("torture.kills", 6, "processes that are killed")
)

// Variables that make of this test's program a process of a fleet.
const (
	tortureStore    = "DBAUDIT_TORTURE_STORE"
	tortureScanner  = "DBAUDIT_TORTURE_SCANNER"
	tortureReceiver = "DBAUDIT_TORTURE_RECEIVER" // the address that alerts are sent to
)

// The scanners of such a process: one whose outcomes and time are by chance, and one that
// always takes the same time, as one does that waits for an environment.
const (
	byChance   = "by chance"
	steady     = "steady"
	steadyTime = 200 * time.Millisecond
)

// tortureTimeout is how long an attempt may take: what a killed process leaves behind is
// taken up after that.
const tortureTimeout = 5 * time.Second

// concurrency is how many environments a process scans at once.
const concurrency = 8

func TestMain(m *testing.M) {
	if name := os.Getenv(tortureStore); name != "" {
		if err := member(context.Background(), name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	_ = flag.Set("test.parallel", "16") // most tests wait, and so more of them run at once than there are CPUs
	os.Exit(m.Run())
}

// member is one process of a tortured fleet, which works until it is killed. A database
// that is down is waited for, as whatever starts such a process would.
func member(ctx context.Context, name string) error {
	o := fleet.Options{Worker: fmt.Sprint(os.Getpid()), Timeout: tortureTimeout, SweepInterval: time.Second, PollInterval: 100 * time.Millisecond, Concurrency: concurrency}
	switch os.Getenv(tortureScanner) {
	case byChance:
		o.Scanner = &scans{do: tortured}
	case steady:
		o.Scanner = &scans{do: func(ctx context.Context, e store.Environment, _ int) ([]audit.Result, error) {
			time.Sleep(steadyTime)
			return result(e), nil
		}}
	}
	if to := os.Getenv(tortureReceiver); to != "" {
		o.Alerts = &fleet.Alerts{Rules: rules(), RetryWait: time.Second, Send: func(ctx context.Context, _ string, m alert.Message) error { return post(ctx, to, m) }}
	}
	for {
		err := func() error {
			s, err := store.Open(ctx, name, store.Options{Now: time.Now})
			if err != nil {
				return err
			}
			defer s.Close()
			f, err := fleet.New(s, o)
			if err != nil {
				return err
			}
			return f.Run(ctx)
		}()
		fmt.Fprintln(os.Stderr, "again:", err)
		time.Sleep(200 * time.Millisecond)
	}
}

// post sends a message to the receiver of the torture.
func post(ctx context.Context, to string, m alert.Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// A hearing keeps what the processes of a torture report.
type hearing struct {
	mu       sync.Mutex
	messages map[string]int    // how often each came
	items    map[string]string // the message that each item is in
	faults   []string
}

// listen starts the receiver, and returns its address.
func (h *hearing) listen(t *testing.T) string {
	h.messages, h.items = map[string]int{}, map[string]string{}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m alert.Message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			return // the process was killed in the meantime
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.messages[m.ID]++
		for _, i := range m.Items {
			item := fmt.Sprint(i.Environment, i.Event, i.Control, i.Text, i.Since.UnixMicro(), i.Ended)
			if was, ok := h.items[item]; ok && was != m.ID {
				h.faults = append(h.faults, fmt.Sprintf("%s is in %s and in %s", item, was, m.ID))
			}
			h.items[item] = m.ID
		}
	}))
	t.Cleanup(receiver.Close)
	return receiver.URL
}

// check checks that nothing was reported twice, except what a process had sent when it was
// killed.
func (h *hearing) check(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	again := 0
	for _, n := range h.messages {
		again += n - 1
	}
	t.Logf("%d messages with %d items, of which %d came again", len(h.messages), len(h.items), again)
	if len(h.items) == 0 || again > *tortureKills || len(h.faults) > 0 {
		t.Errorf("reported again: %d messages with %d kills; %v", again, *tortureKills, h.faults)
	}
}

// tortured is a scan whose outcomes are by chance, so that spans begin, end and break.
func tortured(ctx context.Context, e store.Environment, _ int) ([]audit.Result, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Duration(rand.IntN(200)) * time.Millisecond):
	}
	now := time.Now().UTC()
	r := result(e)[0]
	r.Profile.Digest = fmt.Sprintf("sha256:%d", now.Unix()/7) // it changes now and then
	r.Controls = nil
	for _, id := range []audit.ControlID{"A", "B", "C", "D"} {
		c := audit.Control{ID: id, Severity: audit.SeverityHigh, Outcome: audit.Outcomes()[rand.IntN(4)], Findings: []audit.Finding{}}
		if c.Outcome == audit.OutcomeFail {
			for n := range 1 + rand.IntN(3) {
				c.Findings = append(c.Findings, audit.Finding{Fingerprint: fmt.Sprintf("%s%d", id, n), Message: fmt.Sprintf("fault %s%d", id, n), Subject: audit.Subject{Kind: audit.SubjectRole}})
			}
		}
		r.Controls = append(r.Controls, c)
	}
	r.Summary = audit.Summarize(r.Controls)
	r.Verdict = r.Summary.Verdict()
	return []audit.Result{r}, nil
}

// TestTorture: each environment and period has one result, whatever happens: the
// processes that schedule, scan and report are killed at random while all environments are
// due and are also requested manually, and the database is slow for a time; PostgreSQL is
// also full for a time, and stopped where there are many kills. Nothing is reported twice. Then every span is what one process computes of
// the same results that nobody disturbs.
func TestTorture(t *testing.T) {
	if testing.Short() || os.Getenv("DBAUDIT_TEST_POSTGRES") == "" {
		t.Skip("it waits for what dead processes left behind: make postgres runs it on both databases")
	}
	storetest.OnBoth(t, func(t *testing.T, name string) { torture(t, name) })
}

func torture(t *testing.T, name string) {
	s := open(t, name)
	names := manyNames(*tortureEnvironments)
	environments(t, s, names...)
	asking := must.Get(fleet.New(s, fleet.Options{}))
	must.Get(asking.ScanNow(t.Context(), "jane", names...))
	through, slow := slowed(t, name)
	var heard hearing
	receiver := heard.listen(t)
	begin := func(i int) *exec.Cmd {
		return spawn(t, tortureStore+"="+through, tortureScanner+"="+scannerOf(i), tortureReceiver+"="+receiver)
	}
	members := make([]*exec.Cmd, 4)
	for i := range members {
		members[i] = begin(i)
	}
	t.Cleanup(func() {
		for _, m := range members {
			kill(m)
		}
	})
	stopping := os.Getenv("DBAUDIT_TEST_POSTGRES_CTL") != "" && store.IsPostgres(name) && *tortureKills >= 50
	for n := range *tortureKills {
		time.Sleep(time.Duration(100+rand.IntN(900)) * time.Millisecond)
		i := rand.IntN(len(members))
		kill(members[i])
		members[i] = begin(i)
		switch {
		case stopping && n%50 == 25:
			restartPostgres(t)
		case n%50 == 2:
			slow.last(t.Context(), 3*time.Second)
		case n%50 == 4 && store.IsPostgres(name):
			empty := fill(t, s, name)
			time.Sleep(2 * time.Second)
			empty()
		}
	}
	well := time.Now()
	// What was done is not looked at again: looking takes turns with the scans.
	waiting := slices.Clone(names)
	var left []store.Run
	look := func() int {
		left = nil
		waiting = slices.DeleteFunc(waiting, func(name string) bool {
			runs, err := s.Runs(t.Context(), name, 0, 10)
			left = append(left, runs...)
			return err == nil && len(runs) > 1 && !slices.ContainsFunc(runs, func(r store.Run) bool { return !r.Ended() })
		})
		return len(waiting)
	}
	for end := time.Now().Add(5 * time.Minute); look() > 0; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d environments were not scanned: %+v\n%s", len(waiting), len(names), left, jobs(t, name))
		}
	}
	took := time.Since(well)
	t.Logf("%d environments, %d kills: all was done %s after the last", len(names), *tortureKills, took.Round(time.Second))
	// The longest is a dead worker's job, which counts as dead after its time, 15 s more
	// and the half minute between two looks.
	if limit := tortureTimeout + 15*time.Second + 70*time.Second + time.Duration(len(names))*50*time.Millisecond; took > limit {
		t.Errorf("all was done %s after things were well, want %s at most", took, limit)
	}
	for i, m := range members {
		kill(m)
		members[i] = nil
	}
	onceEach(t, s, names)
	undisturbed(t, s, names)
	heard.check(t)
}

// jobs lists what the queue has that is not done, for a test that failed.
func jobs(t *testing.T, name string) string {
	rows := must.Get(storetest.Database(t, name).QueryContext(t.Context(), "SELECT id, kind, CAST(state AS TEXT), attempt, CAST(attempted_at AS TEXT), CAST(scheduled_at AS TEXT) FROM river_job WHERE state <> 'completed' ORDER BY id LIMIT 20"))
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var id, attempt int64
		var kind, state string
		var attempted, scheduled sql.NullString
		must.Do(t, rows.Scan(&id, &kind, &state, &attempt, &attempted, &scheduled))
		lines = append(lines, fmt.Sprint(id, kind, state, attempt, attempted.String, scheduled.String))
	}
	return strings.Join(append(lines, fmt.Sprint(time.Now().UTC(), rows.Err())), "\n")
}

// onceEach checks that there is one run, and one result of it, for each environment,
// period and trigger.
func onceEach(t *testing.T, s *store.Store, names []string) {
	t.Helper()
	for _, name := range names {
		runs := must.Get(s.Runs(t.Context(), name, 0, 10))
		// The next interval of some of them begins in the meantime.
		type what struct {
			period  time.Time
			trigger store.Trigger
		}
		distinct, byHand := map[what]bool{}, 0
		for _, r := range runs {
			distinct[what{r.Period, r.Trigger}] = true
			if r.Trigger == store.TriggerManual {
				byHand++
			}
			if r.State != store.RunCompliant && r.State != store.RunNoncompliant && r.State != store.RunIncomplete {
				t.Errorf("%s: %+v", name, r)
			}
			if _, err := s.Result(t.Context(), r.ID, "demandbase"); err != nil {
				t.Errorf("%s: the run %d has no result: %v", name, r.ID, err)
			}
		}
		points, err := s.Trend(t.Context(), name, "demandbase", time.Time{})
		if err != nil || len(points) != len(runs) || len(distinct) != len(runs) || byHand != 1 || len(runs) > 3 {
			t.Errorf("%s has %d results of the runs %+v: %v", name, len(points), runs, err)
		}
	}
}

// undisturbed compares the spans with those that one process makes of the same results.
func undisturbed(t *testing.T, s *store.Store, names []string) {
	t.Helper()
	calm := open(t, filepath.Join(t.TempDir(), "calm.db"))
	if err := s.Results(t.Context(), "", func(r audit.Result) error {
		return calm.Record(t.Context(), []audit.Result{r}, "calm")
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if diff := cmp.Diff(spansOf(t, calm, name), spansOf(t, s, name)); diff != "" {
			t.Errorf("%s (-undisturbed +tortured):\n%s", name, diff)
		}
	}
}

// spansOf lists the spans of an environment, with the number of a result in place of its
// run.
func spansOf(t *testing.T, s *store.Store, name string) []string {
	t.Helper()
	points := must.Get(s.Trend(t.Context(), name, "demandbase", time.Time{}))
	seq := map[int64]int{}
	for i, p := range points {
		seq[p.Run] = i + 1
	}
	findings := must.Get(s.Findings(t.Context(), name))
	controls := must.Get(s.ControlSpans(t.Context(), name, "demandbase"))
	var lines []string
	for _, f := range findings {
		lines = append(lines, fmt.Sprintf("%s %s %d-%d %s, %d %s", f.Control, f.Fingerprint, seq[f.FirstRun], seq[f.LastSeenRun], f.OpenedReason, seq[f.ClosedRun], f.ClosedReason))
	}
	for _, c := range controls {
		lines = append(lines, fmt.Sprintf("%s %s %d-%d %s", c.Control, c.Outcome, seq[c.FromRun], seq[c.ToRun], c.OpenedReason))
	}
	slices.Sort(lines)
	return lines
}

// scannerOf is the scanner of a process: the first only schedules.
func scannerOf(member int) string {
	if member == 0 {
		return ""
	}
	return byChance
}

func spawn(t testing.TB, variables ...string) *exec.Cmd {
	t.Helper()
	self := must.Get(os.Executable())
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), variables...)
	must.Do(t, cmd.Start())
	return cmd
}

// kill ends a process as a crash does.
func kill(cmd *exec.Cmd) {
	if cmd != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// restartPostgres stops the server that scripts/with-postgres started, as a crash does,
// and starts it again after a while.
func restartPostgres(t *testing.T) {
	t.Helper()
	ctl := strings.Fields(os.Getenv("DBAUDIT_TEST_POSTGRES_CTL"))
	for _, args := range [][]string{{"-m", "immediate", "-w", "stop"}, {"-w", "restart"}} {
		// Its output is not read: the server would keep it open.
		if err := exec.Command(ctl[0], append(ctl[1:], args...)...).Run(); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		time.Sleep(2 * time.Second)
	}
}

// BenchmarkWorkers measures how long 1, 2 and 4 processes that run take for environments that
// each take the same time, beside the ideal, in which nothing but that time counts.
func BenchmarkWorkers(b *testing.B) {
	const environmentsEach = 160
	for _, kind := range []string{"sqlite", "postgres"} {
		for _, workers := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("%s/%d", kind, workers), func(b *testing.B) {
				ideal := time.Duration(environmentsEach/(workers*concurrency)) * steadyTime
				for range b.N {
					b.StopTimer()
					name := filepath.Join(b.TempDir(), "fleet.db")
					if kind == "postgres" {
						name = storetest.Postgres(b)
					}
					s := open(b, name)
					names := manyNames(environmentsEach)
					environments(b, s, names...)
					must.Do(b, s.Pause(b.Context(), "jane", names, true))
					asking := must.Get(fleet.New(s, fleet.Options{}))
					members := make([]*exec.Cmd, workers)
					for i := range members {
						members[i] = spawn(b, tortureStore+"="+name, tortureScanner+"="+steady)
					}
					time.Sleep(starting)
					must.Get(asking.ScanNow(b.Context(), "jane", names...))
					b.StartTimer()
					eventually(b, "all are scanned", func() bool {
						days, err := s.Days(b.Context(), time.Now().Add(-24*time.Hour))
						scanned := 0
						for _, d := range days {
							scanned += d.Compliant
						}
						return err == nil && scanned == environmentsEach
					})
					b.StopTimer()
					var used time.Duration
					for _, m := range members {
						kill(m)
						used += m.ProcessState.UserTime() + m.ProcessState.SystemTime()
					}
					b.ReportMetric(float64(used.Milliseconds())/environmentsEach, "cpu-ms/scan")
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/ideal.Seconds(), "of-ideal")
			})
		}
	}
}

// starting is how long processes may take until they look for work.
const starting = 4 * time.Second
