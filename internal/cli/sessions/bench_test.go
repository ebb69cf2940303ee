package sessions_test

import (
	"crypto/x509"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A serialTransport sends requests one after another.
type serialTransport struct {
	mu   sync.Mutex
	next http.RoundTripper
}

func (o *serialTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next.RoundTrip(r)
}

// BenchmarkScanUnderLatency measures a whole scan with sign-in if each request takes 100 ms, with
// concurrent and with serial requests. The metric "latencies" is the time without the scan's own
// work, in units of 100 ms: two for the sign-in if the tenant is known, and one for each round of
// reads. The scan's own work is measured without latency in the same run.
func BenchmarkScanUnderLatency(b *testing.B) {
	const latency = 100 * time.Millisecond
	var wait time.Duration
	calls := 0
	var mu sync.Mutex
	server := serve(b, builtin(b, "sample"), simulator.Options{Faults: func(*http.Request) simulator.Fault {
		mu.Lock()
		defer mu.Unlock()
		calls++
		return simulator.Fault{Kind: simulator.FaultSlow, Delay: wait}
	}})
	for _, mode := range []struct {
		name string
		wrap func(http.RoundTripper) http.RoundTripper
	}{
		{"as it is", func(rt http.RoundTripper) http.RoundTripper { return rt }},
		{"one after another", func(rt http.RoundTripper) http.RoundTripper { return &serialTransport{next: rt} }},
	} {
		b.Run(mode.name, func(b *testing.B) {
			p := newConfiguredProcess(b, server)
			transport := mode.wrap(p.env.Transport(nil))
			p.env.Transport = func(*x509.CertPool) http.RoundTripper { return transport }
			scan := func(with time.Duration) time.Duration {
				mu.Lock()
				wait = with
				mu.Unlock()
				began := time.Now()
				p.run("scan", "-q", "-f", "json").must(b, 1)
				return time.Since(began)
			}
			scan(0) // connections and the compiler's caches
			var slow, work time.Duration
			calls = 0
			b.ResetTimer()
			for range b.N {
				slow += scan(latency)
				b.StopTimer()
				work += scan(0)
				b.StartTimer()
			}
			b.ReportMetric((slow-work).Seconds()/float64(b.N)/latency.Seconds(), "latencies")
			b.ReportMetric(work.Seconds()*1e3/float64(b.N), "work-ms")
			b.ReportMetric(float64(calls)/float64(2*b.N), "calls")
		})
	}
}
