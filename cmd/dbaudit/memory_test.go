package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

// TestCollectAt checks the memory at which the collector works hardest, for small, large and too
// large inputs.
func TestCollectAt(t *testing.T) {
	t.Parallel()
	const limit = 1 << 30
	for _, test := range []struct{ live, want int64 }{
		{0, minCollectAt}, {80 << 20, minCollectAt}, {100 << 20, 200 << 20}, {900 << 20, limit},
	} {
		if got := collectAt(test.live, limit); got != test.want {
			t.Errorf("%d in use: %d, want %d", test.live, got, test.want)
		}
	}
}

// TestFirstCollection checks that the first collection is postponed while little memory is used,
// that the collector then gets the settings for a long run, and that the user's settings take
// precedence.
func TestFirstCollection(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	settings := func() (percent, limit uint64) {
		samples := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
		metrics.Read(samples)
		return samples[0].Value.Uint64(), samples[1].Value.Uint64()
	}
	newMemoryWatcher(true)
	if p, l := settings(); p != 100 || l != math.MaxInt64 {
		t.Errorf("what the user chose became %d %% and %d bytes", p, l)
	}
	m := newMemoryWatcher(false)
	if p, l := settings(); p != math.MaxUint64 || l != firstCollectAt {
		t.Errorf("before the first collection: %d %%, %d bytes", p, l)
	}
	runtime.GC()
	go m.watch(func(string) {})
	deadline := time.Now().Add(10 * time.Second)
	for {
		p, l := settings()
		if p == gcPercent && l == minCollectAt {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the first collection: %d %%, %d bytes", p, l)
		}
		time.Sleep(watchInterval)
	}
}
