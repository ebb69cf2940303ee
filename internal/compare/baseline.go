package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// MarkBaseline marks each finding as new or unchanged against earlier results. It is unchanged if
// an earlier result of the same organization and profile has it to the same extent; one with a
// waiver that has expired is new. A file is compared with its earlier version, also if it was
// moved.
func MarkBaseline(results, earlier []audit.Result) []audit.Result {
	out := make([]audit.Result, len(results))
	moved := movedFiles(results, earlier)
	for i := range out {
		out[i] = results[i].Clone()
		known := map[string][]audit.Finding{}
		for j, r := range earlier {
			if Comparable(out[i], r) && (!out[i].IsFile() || out[i].Environment.Name == r.Environment.Name || moved[j] == i+1) {
				eachFinding(r, func(f audit.Finding) { known[f.Fingerprint] = append(known[f.Fingerprint], f) })
			}
		}
		if other, differs := find(earlier, func(was audit.Result) bool { return Comparable(out[i], was) && out[i].Profile.Differs(was.Profile) }); differs {
			out[i].Notes = append(out[i].Notes, fmt.Sprintf(
				"the baseline was judged by a different profile %s (%s) than this result (%s): a finding may be new or fixed because the requirements changed",
				other.Profile.Name, other.Profile.Edition(), out[i].Profile.Edition()))
		}
		for _, c := range out[i].Controls {
			for k := range c.Findings {
				f := &c.Findings[k]
				f.Baseline = audit.BaselineNew
				if slices.ContainsFunc(known[f.Fingerprint], func(was audit.Finding) bool { return isKnown(*f, was) }) {
					f.Baseline = audit.BaselineUnchanged
				}
			}
		}
	}
	return out
}

// movedFiles finds which files have another path than in earlier results: by the index of the
// earlier result, the number of the present one, counted from 1. Files that share more of the
// end of their paths take precedence, then those that share more findings.
func movedFiles(results, earlier []audit.Result) map[int]int {
	type pair struct{ now, was, path, findings int }
	named := func(rs []audit.Result, r audit.Result) bool {
		return slices.ContainsFunc(rs, func(other audit.Result) bool {
			return Comparable(other, r) && other.Environment.Name == r.Environment.Name
		})
	}
	gone := map[string][]int{} // by a finding
	for j, was := range earlier {
		if was.IsFile() && !named(results, was) {
			eachFinding(was, func(f audit.Finding) { gone[f.Fingerprint] = append(gone[f.Fingerprint], j) })
		}
	}
	if len(gone) == 0 {
		return nil
	}
	var pairs []pair
	for i, now := range results {
		if !now.IsFile() || named(earlier, now) {
			continue
		}
		shared := map[int]int{}
		eachFinding(now, func(f audit.Finding) {
			for _, j := range gone[f.Fingerprint] {
				shared[j]++
			}
		})
		for j, n := range shared {
			if Comparable(now, earlier[j]) {
				pairs = append(pairs, pair{i, j, commonSuffixLength(now.Environment.Name, earlier[j].Environment.Name), n})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(b.path-a.path, b.findings-a.findings, a.now-b.now, a.was-b.was)
	})
	moved, taken := map[int]int{}, map[int]bool{}
	for _, p := range pairs {
		if moved[p.was] == 0 && !taken[p.now] {
			moved[p.was], taken[p.now] = p.now+1, true
		}
	}
	return moved
}

// commonSuffixLength counts the last elements that two paths have in common.
func commonSuffixLength(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < min(len(as), len(bs)) && as[len(as)-1-n] == bs[len(bs)-1-n] {
		n++
	}
	return n
}

// Comparable reports whether two results judge the same environment by the same
// profile.
func Comparable(a, b audit.Result) bool {
	return strings.EqualFold(a.Environment.OrganizationID, b.Environment.OrganizationID) && a.Profile.Name == b.Profile.Name
}

func eachFinding(r audit.Result, do func(audit.Finding)) {
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			do(f)
		}
	}
}

// isKnown reports whether a finding did not get worse.
func isKnown(now, was audit.Finding) bool {
	return (was.Waiver == nil || now.Waiver != nil) && !hasWorsened(now.Evidence, was.Evidence)
}

// hasWorsened reports whether a fault has grown: a lower depth, another state, or a longer list.
func hasWorsened(now, was audit.Evidence) bool {
	depthNow, _ := audit.ParseDepth(now.Text("actual_depth"))
	depthWas, _ := audit.ParseDepth(was.Text("actual_depth"))
	if depthNow < depthWas {
		return true
	}
	if state := now.Text("state"); state != was.Text("state") && state != "shallow" {
		return true
	}
	for _, key := range []string{"surplus", "principals", "powers", "privileges"} {
		before := was.Texts(key)
		if slices.ContainsFunc(now.Texts(key), func(s string) bool { return !slices.Contains(before, s) }) {
			return true
		}
	}
	return false
}
