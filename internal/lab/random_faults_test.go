package lab

import (
	"flag"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// seeds is the number of random fault schedules. make soak runs more.
var seeds = flag.Int("soak.seeds", 40, "number of random fault schedules")

// TestVerdictUnderFaults combines faults of the environment with faults of requests. Whatever happens to the
// requests, each control has the same outcome as without them or is unknown: nothing that a server loses, repeats
// or breaks may look like compliance, or like a fault that does not exist.
func TestVerdictUnderFaults(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var faults func(*http.Request) simulator.Fault
	l := NewWithOptions(t, simulator.Options{PageSize: 7, Faults: func(r *http.Request) simulator.Fault {
		mu.Lock()
		defer mu.Unlock()
		if faults == nil || !strings.HasPrefix(r.URL.Path, "/api/data/") {
			return simulator.Fault{}
		}
		return faults(r)
	}})
	set := func(next func(*http.Request) simulator.Fault) {
		mu.Lock()
		defer mu.Unlock()
		faults = next
	}
	all := slices.Concat(controlFaults(l.Profile), privilegeFaults(l.Profile))
	situations := reportedFaults(l.Profile)
	count := *seeds
	if isShortRun() && count < 100 {
		count = min(count, 10)
	}
	judged, unknown, failed := 0, 0, 0
	for seed := range uint64(count) {
		random := rand.New(rand.NewPCG(seed, 5))
		f := all[random.IntN(len(all))]
		if seed%2 == 0 {
			f = situations[random.IntN(len(situations))]
		}
		sc := l.Compliant.Clone()
		f.change(&sc)
		l.Serve(t, &sc)
		set(nil)
		clean, _ := l.JudgeServed(t, sc.Requirement)
		set(randomFaults(random))
		disturbed, _, err := l.TryJudgeServed(t.Context(), sc.Requirement)
		if err != nil {
			failed++
			continue
		}
		for i, c := range disturbed.Controls {
			switch want := clean.Controls[i]; c.Outcome {
			case want.Outcome:
				judged++
			case audit.OutcomeUnknown:
				unknown++
				if c.Reason == "" {
					t.Errorf("seed %d, %s: %s is unknown without a reason", seed, f.name, c.ID)
				}
			default:
				t.Errorf("seed %d, %s: %s is %s, without faults %s: %s%v", seed, f.name, c.ID, c.Outcome, want.Outcome, c.Reason, c.Findings)
			}
		}
		if disturbed.Verdict == audit.VerdictCompliant && clean.Verdict != audit.VerdictCompliant {
			t.Errorf("seed %d, %s: compliant, but %s without faults", seed, f.name, clean.Verdict)
		}
	}
	t.Logf("%d controls judged as without faults, %d unknown; %d times the environment could not be read", judged, unknown, failed)
}

// randomFaults returns faults of all kinds for up to 30 % of the requests.
func randomFaults(random *rand.Rand) func(*http.Request) simulator.Fault {
	probability := 0.3 * random.Float64()
	statuses := []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable}
	return func(*http.Request) simulator.Fault {
		if random.Float64() >= probability {
			return simulator.Fault{}
		}
		f := simulator.Fault{Kind: simulator.FaultKind(1 + random.IntN(int(simulator.FaultDropColumn)))}
		if f.Kind == simulator.FaultStatus {
			f.Status = statuses[random.IntN(len(statuses))]
		}
		f.Chunked = f.Kind == simulator.FaultTruncate && random.IntN(2) == 0
		return f
	}
}
