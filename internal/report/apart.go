package report

import (
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// apart gives the results of several integrations of one environment names that tell
// them apart, for a format that shows a result by its environment's name. The results are
// the renderer's own. Commands still get the environment's name.
func apart(rs []audit.Result, o *Options) {
	names := make([]string, len(rs))
	for i, r := range rs {
		if slices.ContainsFunc(rs, func(other audit.Result) bool {
			return other.Environment == r.Environment && other.Profile.Name != r.Profile.Name
		}) {
			names[i] = r.Environment.Name + " (" + r.Profile.Name + ")"
		}
	}
	own := map[audit.Environment]string{}
	for i, name := range names {
		if name != "" {
			env := &rs[i].Environment
			was := env.Name
			env.Name = name
			own[*env] = was
		}
	}
	if asked := o.Asked; asked != nil && len(own) > 0 {
		o.Asked = func(r audit.Result) []string {
			if name, changed := own[r.Environment]; changed {
				r.Environment.Name = name
			}
			return asked(r)
		}
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
