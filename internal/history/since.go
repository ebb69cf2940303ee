package history

import (
	"cmp"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Since gives, for each environment under each profile, the result that was the newest at
// a time, and the newest of those that came later. An environment without the one or the
// other is in one list only: what was not read since does not count as unchanged.
func Since(results []audit.Result, at time.Time) (older, newer []audit.Result) {
	for _, group := range grouped(results) {
		last := group[len(group)-1]
		for _, r := range slices.Backward(group) {
			if !when(r).After(at) {
				older = append(older, r)
				break
			}
		}
		if when(last).After(at) {
			newer = append(newer, last)
		}
	}
	for _, list := range [][]audit.Result{older, newer} {
		slices.SortFunc(list, func(a, b audit.Result) int {
			return cmp.Or(cmp.Compare(a.Environment.Name, b.Environment.Name), cmp.Compare(a.Profile.Name, b.Profile.Name))
		})
	}
	return older, newer
}
