//go:build unix

package bench_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A testEnvironment is a simulated environment in this process, with a directory from which to scan it.
type testEnvironment struct {
	*simulator.Server
	dir     string
	env     []string
	latency atomic.Int64
}

func newTestEnvironment(t *testing.T) *testEnvironment {
	t.Helper()
	sample, err := simulator.Builtin("sample")
	if err != nil {
		t.Fatal(err)
	}
	s := &testEnvironment{dir: t.TempDir()}
	s.Server, err = simulator.Start(t.Context(), sample, simulator.Options{Faults: func(*http.Request) simulator.Fault {
		return simulator.Fault{Kind: simulator.FaultSlow, Delay: time.Duration(s.latency.Load())}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	ca := filepath.Join(s.dir, "ca.pem")
	if err := os.WriteFile(ca, s.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = []string{"HOME=" + s.dir, "SSL_CERT_FILE=" + ca, "DBAUDIT_CLIENT_SECRET=" + sample.Client(sample.Suggest.Auditor).Secret}
	return s
}

// scan runs a scan of the environment with several names at once.
func (s *testEnvironment) scan(t *testing.T, names int, args ...string) run {
	t.Helper()
	return start(t, s.env, *dbauditBinary, append([]string{"scan", "-q", "-c", s.configuration(t, names), "--all-envs", "--parallel", "64", "-o", filepath.Join(s.dir, "out"), "-f", "json"}, args...)...)
}

// configuration writes a configuration with several names for the environment, and returns its path.
func (s *testEnvironment) configuration(t *testing.T, names int) string {
	t.Helper()
	file := filepath.Join(s.dir, fmt.Sprintf("%d.yaml", names))
	var b strings.Builder
	fmt.Fprintf(&b, "auth: {tenant_id: %s, client_id: %s, authority: %q}\nenvironments:\n", s.TenantID(), s.Environment().Suggest.Auditor, s.AuthorityURL())
	for i := range names {
		fmt.Fprintf(&b, "  e%d: {url: %s}\n", i, s.URL())
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// measureScans measures the memory of a scan of one and of 1,000 environments.
func measureScans(t *testing.T) []figure {
	t.Helper()
	s := newTestEnvironment(t)
	return []figure{
		{"scan: peak memory", s.scan(t, 1).peak, " MB", false, 80},
		{"scan of 1,000 environments: peak memory", s.scan(t, 1000).peak, " MB", false, 250},
	}
}

// measureFleet compares the time of many concurrent scans with latency with the ideal time. The ideal is the greater
// of two bounds: the time of the rounds of requests, with the allowed number of concurrent scans, and the time of the
// same scans without latency, which includes the simulator's work. On a machine with few processors the second bound
// is the greater one, so the share of the first is printed too.
func measureFleet(t *testing.T) []figure {
	t.Helper()
	const many, parallel, wait = 1000, 64, 100 * time.Millisecond
	s := newTestEnvironment(t)
	fast, work := s.scan(t, 1), s.scan(t, many)
	s.latency.Store(int64(wait))
	slow, all := s.scan(t, 1), s.scan(t, many)
	rounds := (slow.wall - fast.wall).Round(wait)
	latency := (many + parallel - 1) / parallel * rounds
	t.Logf("%d environments in %v, CPU %v; without latency in %v, CPU %v; %d rounds of %v by %d at once are %v",
		many, all.wall, all.cpu, work.wall, work.cpu, rounds/wait, wait, parallel, latency)
	return []figure{
		{"scan of 1,000 environments: CPU of each", float64(work.cpu.Microseconds()) / 1e3 / many, " ms", false, 8},
		{
			"scan of 1,000 environments at 100 ms, --parallel 64: ideal time, of the time",
			max(latency, work.wall).Seconds() / all.wall.Seconds(), "", true, 0.9,
		},
		{"the same: time of the latency alone, of the time", latency.Seconds() / all.wall.Seconds(), "", true, 0},
	}
}
