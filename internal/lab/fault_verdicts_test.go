package lab

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dbaudit/dbaudit/internal/profile"
)

// TestOneFault checks the findings of each fault in the compliant environment, and that no other control changes.
func TestOneFault(t *testing.T) {
	t.Parallel()
	labs := newPool(t)
	p := labs.profile
	t.Run("none", func(t *testing.T) { labs.check(t, fault{change: func(*Scenario) {}}) })
	faults := slices.Concat(privilegeFaults(p), controlFaults(p))
	if n := len(p.Minimum()); n != 44 {
		t.Errorf("the profile requires %d privileges, want 44", n)
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			labs.check(t, f)
		})
	}
}

// A pool has the labs that parallel tests share. A lab serves one scenario at a time.
type pool struct {
	free    chan *Lab
	profile profile.Profile
}

func newPool(t *testing.T) *pool {
	t.Helper()
	const count = 4
	p := &pool{free: make(chan *Lab, count)}
	var labs sync.WaitGroup
	for range count {
		labs.Go(func() { p.free <- New(t) })
	}
	labs.Wait()
	l := <-p.free
	p.profile = l.Profile
	p.free <- l
	return p
}

// check adds faults to the compliant environment and checks the deviations. It reports whether the faults are
// independent: whether their deviations together are those of each of them.
func (p *pool) check(t *testing.T, faults ...fault) (independent bool) {
	t.Helper()
	l := <-p.free
	defer func() { p.free <- l }()
	sc := l.Compliant.Clone()
	var want []string
	oracleApplies := true
	for _, f := range faults {
		f.change(&sc)
		want = append(want, f.expect...)
		oracleApplies = oracleApplies && !f.unpaired
	}
	slices.Sort(want)
	want = slices.Compact(want)
	l.Serve(t, &sc)
	if predicted := expectedDeviations(sc, l.Profile); oracleApplies && !slices.Equal(predicted, want) {
		if len(faults) == 1 {
			t.Errorf("the oracle is wrong:\n%s", diffLines(predicted, want))
		}
		want = predicted
	} else {
		independent = true
	}
	result, _ := l.JudgeServed(t, sc.Requirement)
	if got := deviations(result); !slices.Equal(got, want) {
		t.Errorf("wrong deviations:\n%s", diffLines(got, want))
	}
	return independent
}

func diffLines(got, want []string) string {
	var b strings.Builder
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintf(&b, "  unexpected: %s\n", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintf(&b, "  missing:    %s\n", line)
		}
	}
	if b.Len() == 0 {
		b.WriteString("  a line appears more than once")
	}
	return b.String()
}

// TestTwoFaults checks random pairs of faults, drawn with a fixed seed. The findings of independent faults are
// those of both. For other pairs the oracle predicts the findings.
func TestTwoFaults(t *testing.T) {
	t.Parallel()
	pairs := max(60, *seeds) // make pairs draws 500, make soak more
	if isShortRun() {
		pairs = 50
	}
	labs := newPool(t)
	faults := slices.Concat(privilegeFaults(labs.profile), controlFaults(labs.profile), controlFaults(labs.profile), controlFaults(labs.profile))
	faults = slices.DeleteFunc(faults, func(f fault) bool { return f.unpaired })
	random := rand.New(rand.NewPCG(20260301, 2))
	var independent atomic.Int32
	t.Run("all", func(t *testing.T) {
		for drawn := 0; drawn < pairs; {
			a, b := faults[random.IntN(len(faults))], faults[random.IntN(len(faults))]
			if a.name == b.name {
				continue
			}
			drawn++
			t.Run(a.name+" and "+b.name, func(t *testing.T) {
				t.Parallel()
				if labs.check(t, a, b) {
					independent.Add(1)
				}
			})
		}
	})
	t.Logf("%d of %d pairs are independent", independent.Load(), pairs)
}
