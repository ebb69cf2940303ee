package report

import (
	"reflect"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// withDistinctNames appends the profile to the name of each environment that has several results,
// because some formats identify a result by that name. [Options.TargetFlags] still gets the original
// name.
func withDistinctNames(rs []audit.Result, o *Options) []audit.Result {
	renamed := slices.Clone(rs)
	original := map[audit.Environment]string{} // names, by the renamed environment
	for i := range renamed {
		env := &renamed[i].Environment
		rewriteStrings(reflect.ValueOf(env).Elem(), text.Line, validUTF8)
		if slices.ContainsFunc(rs, func(other audit.Result) bool {
			return other.Environment == rs[i].Environment && other.Profile.Name != rs[i].Profile.Name
		}) {
			env.Name += " (" + text.Line(rs[i].Profile.Name) + ")"
			original[*env] = rs[i].Environment.Name
		}
	}
	if targetFlags := o.TargetFlags; targetFlags != nil && len(original) > 0 {
		o.TargetFlags = func(r audit.Result) []string {
			if name, ok := original[r.Environment]; ok {
				r.Environment.Name = name
			}
			return targetFlags(r)
		}
	}
	return renamed
}

// groupByEnvironment returns the indexes of the results of each environment. Two results of one
// profile are in separate groups.
func groupByEnvironment(rs []audit.Result) [][]int {
	var groups [][]int
	groupOf := map[audit.Environment]int{}
	for i, r := range rs {
		n, ok := groupOf[r.Environment]
		if ok && !slices.ContainsFunc(groups[n], func(j int) bool { return rs[j].Profile.Name == r.Profile.Name }) {
			groups[n] = append(groups[n], i)
			continue
		}
		groupOf[r.Environment] = len(groups)
		groups = append(groups, []int{i})
	}
	return groups
}
