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

// The size of TestTorture. make soak runs it at full size.
var (
	tortureEnvironments = flag.Int("torture.environments", 24, "environments that are due at once")
	tortureKills        = flag.Int("torture.kills", 6, "processes that are killed")
)

// Environment variables that make the test binary a process of a fleet.
const (
	tortureStore    = "DBAUDIT_TORTURE_STORE"
	tortureScanner  = "DBAUDIT_TORTURE_SCANNER"
	tortureReceiver = "DBAUDIT_TORTURE_RECEIVER" // the address for alerts
)

// The scanners of such a process: one with random results and durations, and one that always takes
// steadyTime.
const (
	randomScanner = "random"
	steadyScanner = "steady"
	steadyTime    = 200 * time.Millisecond
)

// tortureTimeout is the time limit of an attempt. The jobs of a killed process are rescued after it.
const tortureTimeout = 5 * time.Second

const concurrency = 8

func TestMain(m *testing.M) {
	if name := os.Getenv(tortureStore); name != "" {
		if err := runMember(context.Background(), name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	_ = flag.Set("test.parallel", "16") // most tests wait, so more of them than CPUs can run at once
	os.Exit(m.Run())
}

// runMember runs one process of the fleet until it is killed. It starts again while the database is
// down.
func runMember(ctx context.Context, name string) error {
	o := fleet.Options{Worker: fmt.Sprint(os.Getpid()), Timeout: tortureTimeout, SweepInterval: time.Second, PollInterval: 100 * time.Millisecond, Concurrency: concurrency}
	switch os.Getenv(tortureScanner) {
	case randomScanner:
		o.Scanner = &fakeScanner{scan: randomScan}
	case steadyScanner:
		o.Scanner = &fakeScanner{scan: func(ctx context.Context, e store.Environment, _ int) ([]audit.Result, error) {
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

func post(ctx context.Context, to string, m alert.Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

type alertReceiver struct {
	mu       sync.Mutex
	messages map[string]int    // how often each was received, by id
	items    map[string]string // the id of the message of each item
	faults   []string
}

func (r *alertReceiver) listen(t *testing.T) string {
	r.messages, r.items = map[string]int{}, map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		var m alert.Message
		if err := json.NewDecoder(request.Body).Decode(&m); err != nil {
			return // the process was killed while it was sending
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.messages[m.ID]++
		for _, i := range m.Items {
			item := fmt.Sprint(i.Environment, i.Event, i.Control, i.Text, i.Since.UnixMicro(), i.Ended)
			if id, ok := r.items[item]; ok && id != m.ID {
				r.faults = append(r.faults, fmt.Sprintf("%s is in %s and in %s", item, id, m.ID))
			}
			r.items[item] = m.ID
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// check checks that nothing was reported twice, except for messages whose process was killed before
// it had recorded that they were sent.
func (r *alertReceiver) check(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	copies := 0
	for _, n := range r.messages {
		copies += n - 1
	}
	t.Logf("%d messages with %d items, and %d copies", len(r.messages), len(r.items), copies)
	if len(r.items) == 0 || copies > *tortureKills || len(r.faults) > 0 {
		t.Errorf("%d copies of messages with %d kills; %v", copies, *tortureKills, r.faults)
	}
}

// randomScan is a scan with random outcomes, so that spans begin, end and are interrupted.
func randomScan(ctx context.Context, e store.Environment, _ int) ([]audit.Result, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Duration(rand.IntN(200)) * time.Millisecond):
	}
	now := time.Now().UTC()
	r := result(e)[0]
	r.Profile.Digest = fmt.Sprintf("sha256:%d", now.Unix()/7) // it changes every 7 seconds
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

// TestTorture checks that each run has one result, that nothing is reported twice, and that the spans
// are those that one undisturbed process computes from the same results. All environments are due
// and are also requested manually. In the meantime, processes are killed at random and the database is
// slow for a time. PostgreSQL is also full for a time and, with many kills, restarted.
func TestTorture(t *testing.T) {
	if testing.Short() || os.Getenv("DBAUDIT_TEST_POSTGRES") == "" {
		t.Skip("waits for the jobs of dead processes: make postgres runs it on both databases")
	}
	storetest.OnBoth(t, func(t *testing.T, name string) { torture(t, name) })
}

func torture(t *testing.T, name string) {
	s := open(t, name)
	names := manyNames(*tortureEnvironments)
	addEnvironments(t, s, names...)
	client := must.Get(fleet.New(s, fleet.Options{}))
	must.Get(client.ScanNow(t.Context(), "jane", names...))
	slowName, b := withBrake(t, name)
	var alerts alertReceiver
	receiver := alerts.listen(t)
	startMember := func(i int) *exec.Cmd {
		return spawn(t, tortureStore+"="+slowName, tortureScanner+"="+scannerOf(i), tortureReceiver+"="+receiver)
	}
	members := make([]*exec.Cmd, 4)
	for i := range members {
		members[i] = startMember(i)
	}
	t.Cleanup(func() {
		for _, m := range members {
			kill(m)
		}
	})
	restarts := os.Getenv("DBAUDIT_TEST_POSTGRES_CTL") != "" && store.IsPostgres(name) && *tortureKills >= 50
	for n := range *tortureKills {
		time.Sleep(time.Duration(100+rand.IntN(900)) * time.Millisecond)
		i := rand.IntN(len(members))
		kill(members[i])
		members[i] = startMember(i)
		switch {
		case restarts && n%50 == 25:
			restartPostgres(t)
		case n%50 == 2:
			b.apply(t.Context(), 3*time.Second)
		case n%50 == 4 && store.IsPostgres(name):
			free := fill(t, s, name)
			time.Sleep(2 * time.Second)
			free()
		}
	}
	recovered := time.Now()
	// Queries compete with the scans, so environments that are done are not queried again.
	waiting := slices.Clone(names)
	var left []store.Run
	countWaiting := func() int {
		left = nil
		waiting = slices.DeleteFunc(waiting, func(name string) bool {
			runs, err := s.Runs(t.Context(), name, 0, 10)
			left = append(left, runs...)
			return err == nil && len(runs) > 1 && !slices.ContainsFunc(runs, func(r store.Run) bool { return !r.Ended() })
		})
		return len(waiting)
	}
	for end := time.Now().Add(5 * time.Minute); countWaiting() > 0; time.Sleep(500 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d environments were not scanned: %+v\n%s", len(waiting), len(names), left, unfinishedJobs(t, name))
		}
	}
	took := time.Since(recovered)
	t.Logf("%d environments, %d kills: all runs ended %s after the last kill", len(names), *tortureKills, took.Round(time.Second))
	// A dead worker's job takes longest. It is rescued 15 s after its timeout, when the queue next
	// looks for such jobs, which it does every half minute.
	if limit := tortureTimeout + 15*time.Second + 70*time.Second + time.Duration(len(names))*50*time.Millisecond; took > limit {
		t.Errorf("all runs ended %s after the last kill, want %s at most", took, limit)
	}
	for i, m := range members {
		kill(m)
		members[i] = nil
	}
	checkOneResultEach(t, s, names)
	checkSpans(t, s, name, names)
	alerts.check(t)
}

// unfinishedJobs describes the jobs that are not completed, for a failed test.
func unfinishedJobs(t *testing.T, name string) string {
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

// checkOneResultEach checks that there is one run with one result for each environment, period and
// trigger.
func checkOneResultEach(t *testing.T, s *store.Store, names []string) {
	t.Helper()
	for _, name := range names {
		runs := must.Get(s.Runs(t.Context(), name, 0, 10))
		type key struct {
			period  time.Time
			trigger store.Trigger
		}
		distinct, manual := map[key]bool{}, 0
		for _, r := range runs {
			distinct[key{r.Period, r.Trigger}] = true
			if r.Trigger == store.TriggerManual {
				manual++
			}
			if r.State != store.RunCompliant && r.State != store.RunNoncompliant && r.State != store.RunIncomplete {
				t.Errorf("%s: %+v", name, r)
			}
			if _, err := s.Result(t.Context(), r.ID, "demandbase"); err != nil {
				t.Errorf("%s: the run %d has no result: %v", name, r.ID, err)
			}
		}
		points, err := s.Trend(t.Context(), name, "demandbase", time.Time{})
		if err != nil || len(points) != len(runs) || len(distinct) != len(runs) || manual != 1 || len(runs) > 3 { // the next interval of some has begun
			t.Errorf("%s has %d results of the runs %+v: %v", name, len(points), runs, err)
		}
	}
}

// checkSpans compares the spans with those that one process computes from the same results.
func checkSpans(t *testing.T, s *store.Store, storeName string, names []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "undisturbed.db")
	undisturbed := open(t, file)
	if err := s.Results(t.Context(), "", func(r audit.Result) error {
		return undisturbed.Record(t.Context(), []audit.Result{r}, nil, "undisturbed")
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if diff := cmp.Diff(spansOf(t, file, name), spansOf(t, storeName, name)); diff != "" {
			t.Errorf("%s (-undisturbed +tortured):\n%s", name, diff)
		}
	}
}

// spansOf describes the spans of an environment, with the number of a result instead of its run.
func spansOf(t *testing.T, storeName, environment string) []string {
	t.Helper()
	seq := func(run string) string {
		return "COALESCE((SELECT s.seq FROM result s WHERE s.integration_id = x.integration_id AND s.run_id = x." + run + "), 0)"
	}
	const of = " x JOIN integration i ON i.id = x.integration_id JOIN environment e ON e.id = i.environment_id WHERE e.name = $1"
	rows := must.Get(storetest.Database(t, storeName).QueryContext(t.Context(),
		"SELECT control, fingerprint, "+seq("first_run")+", "+seq("last_seen_run")+", opened, "+seq("closed_run")+", reason FROM finding_span"+of+
			" UNION ALL SELECT control, outcome, "+seq("from_run")+", "+seq("to_run")+", '', 0, '' FROM control_span"+of+" ORDER BY 1, 2, 3", environment))
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var control, what, opened, reason string
		var first, last, closed int
		must.Do(t, rows.Scan(&control, &what, &first, &last, &opened, &closed, &reason))
		lines = append(lines, fmt.Sprintf("%s %s %d-%d %s, %d %s", control, what, first, last, opened, closed, reason))
	}
	must.Do(t, rows.Err())
	return lines
}

// scannerOf returns the scanner of a process. The first process only schedules.
func scannerOf(member int) string {
	if member == 0 {
		return ""
	}
	return randomScanner
}

func spawn(t testing.TB, variables ...string) *exec.Cmd {
	t.Helper()
	self := must.Get(os.Executable())
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), variables...)
	must.Do(t, cmd.Start())
	return cmd
}

// kill kills a process, unless it is nil.
func kill(cmd *exec.Cmd) {
	if cmd != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// restartPostgres stops the server of scripts/with-postgres as a crash would, and starts it again.
func restartPostgres(t *testing.T) {
	t.Helper()
	ctl := strings.Fields(os.Getenv("DBAUDIT_TEST_POSTGRES_CTL"))
	for _, args := range [][]string{{"-m", "immediate", "-w", "stop"}, {"-w", "restart"}} {
		// A pipe for the output would stay open as long as the server runs.
		if err := exec.Command(ctl[0], append(ctl[1:], args...)...).Run(); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		time.Sleep(2 * time.Second)
	}
}

// BenchmarkWorkers measures how long 1, 2 and 4 processes take for environments that each take
// steadyTime, relative to the ideal without any overhead.
func BenchmarkWorkers(b *testing.B) {
	const environments = 160
	for _, kind := range []string{"sqlite", "postgres"} {
		for _, workers := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("%s/%d", kind, workers), func(b *testing.B) {
				ideal := time.Duration(environments/(workers*concurrency)) * steadyTime
				for range b.N {
					b.StopTimer()
					name := filepath.Join(b.TempDir(), "fleet.db")
					if kind == "postgres" {
						name = storetest.Postgres(b)
					}
					s := open(b, name)
					names := manyNames(environments)
					addEnvironments(b, s, names...)
					must.Do(b, s.Pause(b.Context(), "jane", names, true))
					client := must.Get(fleet.New(s, fleet.Options{}))
					members := make([]*exec.Cmd, workers)
					for i := range members {
						members[i] = spawn(b, tortureStore+"="+name, tortureScanner+"="+steadyScanner)
					}
					time.Sleep(startTime)
					must.Get(client.ScanNow(b.Context(), "jane", names...))
					b.StartTimer()
					eventually(b, "all are scanned", func() bool {
						days, err := s.Days(b.Context(), time.Now().Add(-24*time.Hour))
						scanned := 0
						for _, d := range days {
							scanned += d.Compliant
						}
						return err == nil && scanned == environments
					})
					b.StopTimer()
					var used time.Duration
					for _, m := range members {
						kill(m)
						used += m.ProcessState.UserTime() + m.ProcessState.SystemTime()
					}
					b.ReportMetric(float64(used.Milliseconds())/environments, "cpu-ms/scan")
				}
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/ideal.Seconds(), "of-ideal")
			})
		}
	}
}

// startTime is how long the processes of the benchmark may take to start.
const startTime = 4 * time.Second
