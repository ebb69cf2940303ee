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

// A site is a simulated environment, in this process, and a folder to scan it from.
type site struct {
	*simulator.Server
	dir     string
	env     []string
	latency atomic.Int64
}

func newSite(t *testing.T) *site {
	t.Helper()
	sample, err := simulator.Builtin("sample")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{dir: t.TempDir()}
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

// scan scans the environment under as many names.
func (s *site) scan(t *testing.T, names int, args ...string) run {
	t.Helper()
	return start(t, s.env, *dbauditBinary, append([]string{"scan", "-q", "-c", s.configuration(t, names), "--all-envs", "--parallel", "64", "-o", filepath.Join(s.dir, "out"), "-f", "json"}, args...)...)
}

// configuration writes one that gives the environment several names.
func (s *site) configuration(t *testing.T, names int) string {
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

// scans measures the memory of one scan and of a thousand.
func scans(t *testing.T) []figure {
	t.Helper()
	s := newSite(t)
	return []figure{
		{"scan: peak memory", s.scan(t, 1).peak, " MB", false, 80},
		{"scan of 1,000 environments: peak memory", s.scan(t, 1000).peak, " MB", false, 250},
	}
}

// fleet measures how near many scans at once under latency come to the ideal, which is the
// greater of two bounds: the time of their rounds of requests, as many scans at once as are
// allowed, and the time of their work, which is that of as many scans without latency on
// this machine, the simulator's work included. On a machine with few processors the second
// is the greater, so the share of the first is printed beside it.
func fleet(t *testing.T) []figure {
	t.Helper()
	const many, parallel, wait = 1000, 64, 100 * time.Millisecond
	s := newSite(t)
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
