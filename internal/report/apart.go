package report

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// apart gives the results of several integrations of one environment names that tell
// them apart, for a format that shows a result by its environment's name. The results are
// the renderer's own.
func apart(rs []audit.Result) {
	names := make([]string, len(rs))
	for i, r := range rs {
		names[i] = r.Environment.Name
		if slices.ContainsFunc(rs, func(other audit.Result) bool {
			return other.Environment == r.Environment && other.Profile.Name != r.Profile.Name
		}) {
			names[i] += " (" + r.Profile.Name + ")"
		}
	}
	for i, name := range names {
		rs[i].Environment.Name = name
	}
}

// byEnvironment puts the results of several integrations of one environment together: for each
// page the places of its results.
func byEnvironment(rs []audit.Result) [][]int {
	var groups [][]int
	of := map[audit.Environment]int{}
	for i, r := range rs {
		n, known := of[r.Environment]
		if known && !slices.ContainsFunc(groups[n], func(at int) bool { return rs[at].Profile.Name == r.Profile.Name }) {
			groups[n] = append(groups[n], i)
			continue
		}
		of[r.Environment] = len(groups)
		groups = append(groups, []int{i})
	}
	return groups
}
