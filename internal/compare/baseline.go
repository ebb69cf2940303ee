package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// MarkBaseline returns the results with each finding marked as new or unchanged. A finding is
// unchanged if an earlier result of the same organization and profile has it and it is not worse
// now. It is new if its waiver has expired. A file that was moved is compared with its earlier
// version.
func MarkBaseline(results, earlier []audit.Result) []audit.Result {
	out := make([]audit.Result, len(results))
	moved := movedFiles(results, earlier)
	for i := range out {
		out[i] = results[i].Clone()
		known := map[string][]audit.Finding{}
		for j := range earlier {
			r := &earlier[j]
			if judgeSame(&out[i], r) && (!out[i].IsFile() || out[i].Environment.Name == r.Environment.Name || moved[j] == i+1) {
				eachFinding(*r, func(f audit.Finding) { known[f.Fingerprint] = append(known[f.Fingerprint], f) })
			}
		}
		if other := findResult(earlier, func(r *audit.Result) bool { return out[i].Profile.Differs(r.Profile) && judgeSame(&out[i], r) }); other != nil {
			out[i].Notes = append(out[i].Notes, fmt.Sprintf(
				"the baseline was judged by a different profile %s (%s) than this result (%s): a finding may be new or fixed because the requirements changed",
				other.Profile.Name, other.Profile.Edition(), out[i].Profile.Edition()))
		}
		for _, c := range out[i].Controls {
			for k := range c.Findings {
				f := &c.Findings[k]
				f.Baseline = audit.BaselineNew
				isKnown := func(older audit.Finding) bool {
					return (older.Waiver == nil || f.Waiver != nil) && !isWorse(f.Evidence, older.Evidence)
				}
				if slices.ContainsFunc(known[f.Fingerprint], isKnown) {
					f.Baseline = audit.BaselineUnchanged
				}
			}
		}
	}
	return out
}

// movedFiles matches files that have a different path than in earlier results. It returns the index
// of the present result plus 1 by the index of the earlier one. Pairs of paths with more equal
// elements at their end take precedence, then pairs with more equal findings.
func movedFiles(results, earlier []audit.Result) map[int]int {
	type pair struct{ newer, older, suffix, findings int }
	hasName := func(rs []audit.Result, r *audit.Result) bool {
		return findResult(rs, func(other *audit.Result) bool {
			return other.Environment.Name == r.Environment.Name && judgeSame(other, r)
		}) != nil
	}
	missing := map[string][]int{} // indexes of earlier files that are missing now, by fingerprint
	for j, older := range earlier {
		if older.IsFile() && !hasName(results, &older) {
			eachFinding(older, func(f audit.Finding) { missing[f.Fingerprint] = append(missing[f.Fingerprint], j) })
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var pairs []pair
	for i, newer := range results {
		if !newer.IsFile() || hasName(earlier, &newer) {
			continue
		}
		shared := map[int]int{} // number of equal findings by index of the earlier file
		eachFinding(newer, func(f audit.Finding) {
			for _, j := range missing[f.Fingerprint] {
				shared[j]++
			}
		})
		for j, n := range shared {
			if judgeSame(&newer, &earlier[j]) {
				pairs = append(pairs, pair{i, j, commonSuffixLength(newer.Environment.Name, earlier[j].Environment.Name), n})
			}
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(b.suffix-a.suffix, b.findings-a.findings, a.newer-b.newer, a.older-b.older)
	})
	moved, taken := map[int]int{}, map[int]bool{}
	for _, p := range pairs {
		if moved[p.older] == 0 && !taken[p.newer] {
			moved[p.older], taken[p.newer] = p.newer+1, true
		}
	}
	return moved
}

func commonSuffixLength(a, b string) int {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < min(len(as), len(bs)) && as[len(as)-1-n] == bs[len(bs)-1-n] {
		n++
	}
	return n
}

// findResult returns the first result that matches, or nil. It copies none, because a list of results is
// searched for each result of another.
func findResult(rs []audit.Result, matches func(*audit.Result) bool) *audit.Result {
	for i := range rs {
		if matches(&rs[i]) {
			return &rs[i]
		}
	}
	return nil
}

// HasComparable reports whether a baseline has a result of the same environment by the same profile.
func HasComparable(baseline []audit.Result, r audit.Result) bool {
	return findResult(baseline, func(b *audit.Result) bool { return judgeSame(&r, b) }) != nil
}

// judgeSame reports whether two results judge the same environment by the same profile.
func judgeSame(a, b *audit.Result) bool {
	return strings.EqualFold(a.Environment.OrganizationID, b.Environment.OrganizationID) && a.Profile.Name == b.Profile.Name
}

func eachFinding(r audit.Result, do func(audit.Finding)) {
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			do(f)
		}
	}
}

// isWorse reports whether evidence has a lower depth, a different state or more elements in a list.
func isWorse(newer, older audit.Evidence) bool {
	newDepth, _ := audit.ParseDepth(newer.Text("actual_depth"))
	oldDepth, _ := audit.ParseDepth(older.Text("actual_depth"))
	if newDepth < oldDepth {
		return true
	}
	if state := newer.Text("state"); state != older.Text("state") && state != "shallow" {
		return true
	}
	for _, key := range []string{"surplus", "principals", "powers", "privileges"} {
		before := older.Texts(key)
		if slices.ContainsFunc(newer.Texts(key), func(s string) bool { return !slices.Contains(before, s) }) {
			return true
		}
	}
	return false
}
