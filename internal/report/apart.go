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
