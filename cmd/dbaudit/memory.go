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

// memoryLimit sets how much memory is used before the collector works hardest: what
// GOMEMLIMIT says, else the default or three quarters of what this machine or its
// container has.
func memoryLimit() int64 {
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit
	}
	limit := min(int64(defaultMemory), available()/4*3)
	debug.SetMemoryLimit(limit)
	return limit
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
// the runtime's dump or the system's killer, which say nothing that helps.
func watchMemory(limit int64, end func(text string)) {
	most := uint64(limit) + uint64(limit)/4
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for {
		metrics.Read(samples)
		if used := samples[0].Value.Uint64() - samples[1].Value.Uint64(); used > most {
			end(fmt.Sprintf("out of memory: %d MiB are in use, and the limit is %s: look for an input or a rule that is too large, "+
				"judge fewer at a time, or raise the limit by GOMEMLIMIT", used>>20, bounds.Size(limit)))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
