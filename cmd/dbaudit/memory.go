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

// defaultMemory is the most memory that is used where nobody says otherwise: several
// times what the largest inputs take.
const defaultMemory = 4 << 30

// frugalMemory is how much memory is used before garbage is collected for its sake: a
// thousand environments are scanned within 250 MB (make bench).
const frugalMemory = 160 << 20

// watchInterval is the time from one look at the memory to the next.
const watchInterval = 20 * time.Millisecond

// memoryLimit is how much memory may be used: what GOMEMLIMIT says, else the default or
// three quarters of what this machine or its container has.
func memoryLimit() (limit int64, chosen bool) {
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit, true
	}
	return min(int64(defaultMemory), available()/4*3), false
}

// collectAt is the memory from which on the collector works hardest, for so much that is
// in use: little, but with room, so that large inputs are not slowed.
func collectAt(live, limit int64) int64 {
	return min(max(frugalMemory, live/5*7), limit)
}

// available is how much memory the machine or the container has, where Linux says so.
func available() int64 {
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

// watchMemory ends the process once it uses a quarter more than the limit, in place of
// the runtime's dump or the system's killer, which say nothing that helps. Unless the user
// chose the limit, this also sets how hard the collector works. The shortest runs end
// before it begins.
func watchMemory(end func(text string)) {
	time.Sleep(watchInterval)
	limit, chosen := memoryLimit()
	most := uint64(limit) + uint64(limit)/4
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/gc/heap/live:bytes"}}
	at := int64(0)
	for {
		metrics.Read(samples)
		if next := collectAt(int64(min(samples[2].Value.Uint64(), math.MaxInt64)), limit); !chosen && next != at {
			at = next
			debug.SetMemoryLimit(at)
		}
		if used := samples[0].Value.Uint64() - samples[1].Value.Uint64(); used > most {
			end(fmt.Sprintf("out of memory: %d MiB are in use, and the limit is %s: look for an input or a rule that is too large, "+
				"judge fewer at a time, or raise the limit by GOMEMLIMIT", used>>20, bounds.Size(limit)))
			return
		}
		time.Sleep(watchInterval)
	}
}
