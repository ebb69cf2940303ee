package report

import (
	"reflect"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// withDistinctNames adds the profile to the environment's name where several results are of one environment,
// for formats that identify a result by that name. Commands still get the plain name.
func withDistinctNames(rs []audit.Result, o *Options) []audit.Result {
	out := slices.Clone(rs)
	plain := map[audit.Environment]string{}
	for i := range out {
		env := &out[i].Environment
		rewriteStrings(reflect.ValueOf(env).Elem(), visible)
		if slices.ContainsFunc(rs, func(other audit.Result) bool {
			return other.Environment == rs[i].Environment && other.Profile.Name != rs[i].Profile.Name
		}) {
			env.Name += " (" + visible(rs[i].Profile.Name) + ")"
			plain[*env] = rs[i].Environment.Name
		}
	}
	if asked := o.TargetFlags; asked != nil && len(plain) > 0 {
		o.TargetFlags = func(r audit.Result) []string {
			if name, changed := plain[r.Environment]; changed {
				r.Environment.Name = name
			}
			return asked(r)
		}
	}
	return out
}

// groupByEnvironment groups the results of each environment; a group lists their indexes.
func groupByEnvironment(rs []audit.Result) [][]int {
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
