package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/dbaudit/dbaudit/internal/change"
)

// Verify reads every target once more when all actions are done, and compares it with the
// final state in the plan: if several actions change the same thing, the last one counts.
// It returns a [LostError] for each action whose change did not persist.
func (r *Runner) Verify(ctx context.Context) ([]*LostError, error) {
	type end struct {
		target change.Target
		state  change.State
		last   map[string]int // the action that set a name
	}
	var keys []string
	ends := map[string]*end{}
	for i, a := range r.Journal.Plan.Actions {
		t, err := r.resolve(a)
		if err != nil {
			return nil, err
		}
		k := key(t)
		if ends[k] == nil {
			keys = append(keys, k)
			ends[k] = &end{target: t, state: change.State{}, last: map[string]int{}}
		}
		for name, value := range a.After {
			ends[k].state[name], ends[k].last[name] = value, i
		}
	}
	lost := map[int]change.State{}
	for _, k := range keys {
		e := ends[k]
		now, err := r.Mutator.Current(ctx, e.target, e.state.Names())
		if err != nil {
			return nil, fmt.Errorf("reading back what was changed: %w", err)
		}
		for name, value := range unlike(now.State, e.state) {
			at := e.last[name]
			if lost[at] == nil {
				lost[at] = change.State{}
			}
			lost[at][name] = value
		}
	}
	var list []*LostError
	for _, at := range slices.Sorted(maps.Keys(lost)) {
		list = append(list, &LostError{r.Journal.Plan.Actions[at], lost[at]})
	}
	return list, nil
}
