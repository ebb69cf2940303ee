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

// defaultLimit is the default memory limit: several times what the largest inputs need.
const defaultLimit = 4 << 30

// minCollectAt is the memory use below which the garbage collector does not work harder. A scan of a
// thousand environments takes less than 250 MB (make bench).
const minCollectAt = 192 << 20

// firstCollectAt is the memory use at which the first collection begins. Most runs end before it and
// save a tenth of their time.
const firstCollectAt = 64 << 20

// gcPercent is the value for [debug.SetGCPercent] after the first collection.
const gcPercent = 700

// watchInterval is the time between two measurements of memory.
const watchInterval = 20 * time.Millisecond

// collectAt returns the memory use at which the collector works hardest. It is twice the live memory,
// because each collection marks all of it: for a thousand results, that takes as long as judging
// twenty.
func collectAt(live, limit int64) int64 {
	return min(max(minCollectAt, 2*live), limit)
}

// availableMemory returns the memory of the machine or the container in bytes. It returns
// [math.MaxInt64] on systems other than Linux.
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

// A memoryWatcher watches the memory of the process and tunes the garbage collector.
type memoryWatcher struct {
	limit                  int64 // the user's; 0 for none
	firstCollectionPending bool  // whether the first collection is postponed
}

// newMemoryWatcher postpones the first collection, unless the user set GOGC or GOMEMLIMIT.
func newMemoryWatcher(gogcSet bool) memoryWatcher {
	var m memoryWatcher
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		m.limit = limit
	}
	switch {
	case gogcSet:
	case m.limit != 0:
		debug.SetGCPercent(gcPercent)
	default:
		m.firstCollectionPending = true
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(firstCollectAt)
	}
	return m
}

// watch calls exit when the process uses a quarter more than the limit, because neither the runtime's
// dump nor the system's out-of-memory killer gives advice. Unless the user set the limit, it also
// tunes the collector.
func (m memoryWatcher) watch(exit func(message string)) {
	limit := m.limit
	if limit == 0 {
		limit = min(int64(defaultLimit), availableMemory()/4*3)
	}
	maxUsed := uint64(limit) + uint64(limit)/4
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
		if used := samples[0].Value.Uint64() - samples[1].Value.Uint64(); used > maxUsed {
			exit(fmt.Sprintf("out of memory: %d MiB are in use, and the limit is %s: look for an input or a rule that is too large, "+
				"judge fewer at a time, or raise the limit with GOMEMLIMIT", used>>20, bounds.FormatSize(limit)))
			return
		}
		time.Sleep(watchInterval)
	}
}
