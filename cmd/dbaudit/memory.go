package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/dbaudit/dbaudit/internal/bounds"
)

// defaultLimit is the default limit of memory: several times what the largest inputs need.
const defaultLimit = 4 << 30

// minCollectAt is how much memory is used before the collector works harder: a thousand
// environments are scanned within 250 MB (make bench).
const minCollectAt = 192 << 20

// firstCollectAt is how much memory is used before the first collection. Most runs end before it,
// and save a tenth of their time.
const firstCollectAt = 64 << 20

// gcPercent is how much garbage is collected together later, in percent of the memory in
// use.
const gcPercent = 700

// watchInterval is the time between two measurements of memory.
const watchInterval = 20 * time.Millisecond

// collectAt is the memory at which the collector works hardest, for the memory in use: twice as
// much, because looking through a thousand results takes as long as judging twenty.
func collectAt(live, limit int64) int64 {
	return min(max(minCollectAt, 2*live), limit)
}

// availableMemory is the memory of the machine or the container, if Linux says it.
func availableMemory() int64 {
	least := int64(math.MaxInt64)
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if data, err := os.ReadFile(name); err == nil {
			if n, err := strconv.ParseInt(string(bytes.TrimSpace(data)), 10, 64); err == nil && n > 0 {
				least = min(least, n)
			}
		}
	}
	if data, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kilobytes int64
		if _, err := fmt.Sscanf(string(data), "MemTotal: %d kB", &kilobytes); err == nil && kilobytes > 0 {
			least = min(least, kilobytes<<10)
		}
	}
	return least
}

// A memoryWatcher watches the memory of the process, and sets how hard the garbage collector works.
type memoryWatcher struct {
	limit                  int64 // the user's; 0 for none
	firstCollectionPending bool  // whether the first collection is postponed
}

// newMemoryWatcher sets how hard the collector works at first, unless the user chose that.
func newMemoryWatcher(chosen bool) memoryWatcher {
	var m memoryWatcher
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		m.limit = limit
	}
	switch {
	case chosen:
	case m.limit != 0:
		debug.SetGCPercent(gcPercent)
	default:
		m.firstCollectionPending = true
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(firstCollectAt)
	}
	return m
}

// watch ends the process when it uses a quarter more than the limit, because neither the
// runtime's dump nor the system's killer gives advice. Unless the user chose the limit, it also
// adjusts the collector.
func (m memoryWatcher) watch(end func(text string)) {
	limit := m.limit
	if limit == 0 {
		limit = min(int64(defaultLimit), availableMemory()/4*3)
	}
	most := uint64(limit) + uint64(limit)/4
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/gc/heap/live:bytes"}}
	at := int64(0)
	for {
		metrics.Read(samples)
		live := int64(min(samples[2].Value.Uint64(), math.MaxInt64)) // after the last collection
		if m.firstCollectionPending && live > 0 {
			m.firstCollectionPending = false
			debug.SetGCPercent(gcPercent)
		}
		if next := collectAt(live, limit); m.limit == 0 && !m.firstCollectionPending && next != at {
			at = next
			debug.SetMemoryLimit(at)
		}
		if used := samples[0].Value.Uint64() - samples[1].Value.Uint64(); used > most {
			end(fmt.Sprintf("out of memory: %d MiB are in use, and the limit is %s: look for an input or a rule that is too large, "+
				"judge fewer at a time, or raise the limit with GOMEMLIMIT", used>>20, bounds.FormatSize(limit)))
			return
		}
		time.Sleep(watchInterval)
	}
}
