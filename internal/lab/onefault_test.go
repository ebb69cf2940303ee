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

// TestOneFault makes each fault by itself in the compliant environment: exactly
// the expected findings come of it, and no other control changes.
func TestOneFault(t *testing.T) {
	t.Parallel()
	labs := newPool(t)
	p := labs.profile
	t.Run("none", func(t *testing.T) { labs.check(t, fault{change: func(*Scenario) {}}) })
	faults := slices.Concat(privilegeFaults(p), controlFaults(p))
	if n := len(p.Minimum()); n != 44 {
		t.Errorf("the profile asks for %d privileges, want 44", n)
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			labs.check(t, f)
		})
	}
}

// pool are the labs that tests take turns at: a lab holds one world at a time.
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

// check makes faults in the compliant world and holds dbaudit to what must come
// of them. It reports whether that is what comes of each of them by itself.
func (p *pool) check(t *testing.T, faults ...fault) (independent bool) {
	t.Helper()
	l := <-p.free
	defer func() { p.free <- l }()
	sc := l.Compliant.Clone()
	var want []string
	known := true
	for _, f := range faults {
		f.change(&sc)
		want = append(want, f.expect...)
		known = known && !f.unpaired
	}
	slices.Sort(want)
	want = slices.Compact(want)
	l.Serve(t, &sc)
	if told := expectedDeviations(sc, l.Profile); known && !slices.Equal(told, want) {
		if len(faults) == 1 {
			t.Errorf("the oracle errs:\n%s", diffLines(told, want))
		}
		want = told
	} else {
		independent = true
	}
	result, _ := l.JudgeServed(t, sc.Requirement)
	if got := deviations(result); !slices.Equal(got, want) {
		t.Errorf("dbaudit says otherwise:\n%s", diffLines(got, want))
	}
	return independent
}

func diffLines(got, want []string) string {
	var b strings.Builder
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintf(&b, "  too much: %s\n", line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintf(&b, "  missing:  %s\n", line)
		}
	}
	if b.Len() == 0 {
		b.WriteString("  a line stands more than once")
	}
	return b.String()
}

// TestTwoFaults draws pairs of faults from a fixed seed. Where two faults have
// nothing to do with each other, the findings are those of both; where they have,
// the oracle says what the contract makes of them.
func TestTwoFaults(t *testing.T) {
	t.Parallel()
	pairs := max(60, *schedules) // make pairs draws 500, make soak more
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
	t.Logf("%d of %d pairs have nothing to do with each other", independent.Load(), pairs)
}
