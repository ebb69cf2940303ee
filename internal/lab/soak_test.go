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

// schedules is how many random schedules of faults are run; make soak runs more.
var schedules = flag.Int("soak.seeds", 40, "number of random fault schedules")

// TestVerdictUnderFaults has faults in the environment and faults on the way to
// it at the same time. Whatever happens to the requests, a control is judged as without
// faults, or is unknown: nothing that a server loses, repeats or breaks may look like
// compliance, or like a fault that does not exist.
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
	seeds := *schedules
	if isShortRun() && seeds < 100 {
		seeds = min(seeds, 10)
	}
	judged, unknown, none := 0, 0, 0
	for seed := range uint64(seeds) {
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
			none++
			continue
		}
		for i, c := range disturbed.Controls {
			switch was := clean.Controls[i]; c.Outcome {
			case was.Outcome:
				judged++
			case audit.OutcomeUnknown:
				unknown++
				if c.Reason == "" {
					t.Errorf("seed %d, %s: %s is unknown and does not say why", seed, f.name, c.ID)
				}
			default:
				t.Errorf("seed %d, %s: %s is %s, without faults %s: %s%v", seed, f.name, c.ID, c.Outcome, was.Outcome, c.Reason, c.Findings)
			}
		}
		if disturbed.Verdict == audit.VerdictCompliant && clean.Verdict != audit.VerdictCompliant {
			t.Errorf("seed %d, %s: compliant, and %s without faults", seed, f.name, clean.Verdict)
		}
	}
	t.Logf("%d controls judged as without faults, %d unknown; %d times there was nothing to judge", judged, unknown, none)
}

// randomFaults draws faults of every kind that the simulator knows, at up to three
// requests of ten.
func randomFaults(random *rand.Rand) func(*http.Request) simulator.Fault {
	share := 0.3 * random.Float64()
	statuses := []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable}
	return func(*http.Request) simulator.Fault {
		if random.Float64() >= share {
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
