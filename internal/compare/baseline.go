package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Baseline returns the results with each finding marked as new or unchanged
// against earlier results. A finding is unchanged where an earlier result of the
// same organization and profile has it, to no lesser extent, and accepted no more
// than now: a waiver that has run out does not pass for an old fault. Whatever
// cannot be compared is new.
func Baseline(results, earlier []audit.Result) []audit.Result {
	out := slices.Clone(results)
	for i := range out {
		known := map[string][]audit.Finding{}
		for _, r := range earlier {
			if Comparable(out[i], r) {
				eachFinding(r, func(_ audit.Control, f audit.Finding) { known[f.Fingerprint] = append(known[f.Fingerprint], f) })
			}
		}
		if other, differs := anotherProfile(out[i], earlier); differs {
			out[i].Notes = append(slices.Clone(out[i].Notes), fmt.Sprintf(
				"the baseline was judged by another profile of the name %s (%s) than this result (%s): a finding may be new because more is asked for, and one may be gone because less is",
				other.Name, other.Edition(), out[i].Profile.Edition()))
		}
		out[i].Controls = slices.Clone(out[i].Controls)
		for j := range out[i].Controls {
			c := &out[i].Controls[j]
			c.Findings = slices.Clone(c.Findings)
			for k := range c.Findings {
				f := &c.Findings[k]
				f.Baseline = audit.BaselineNew
				if slices.ContainsFunc(known[f.Fingerprint], func(was audit.Finding) bool { return asBad(*f, was) }) {
					f.Baseline = audit.BaselineUnchanged
				}
			}
		}
	}
	return out
}

// anotherProfile is the profile of a comparable result that asks for other things than
// the one of the same name that judged r.
func anotherProfile(r audit.Result, earlier []audit.Result) (audit.Profile, bool) {
	for _, was := range earlier {
		if Comparable(r, was) && r.Profile.Differs(was.Profile) {
			return was.Profile, true
		}
	}
	return audit.Profile{}, false
}

// Comparable reports whether two results judge the same environment by the same
// profile.
func Comparable(a, b audit.Result) bool {
	return strings.EqualFold(a.Environment.OrganizationID, b.Environment.OrganizationID) && a.Profile.Name == b.Profile.Name
}

func eachFinding(r audit.Result, do func(audit.Control, audit.Finding)) {
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			do(c, f)
		}
	}
}

// asBad reports whether a finding is no worse than it was.
func asBad(now, was audit.Finding) bool {
	return (was.Waiver == nil || now.Waiver != nil) && !worse(now.Evidence, was.Evidence)
}

// worse reports whether the fault that the evidence shows has grown: a privilege
// at a lesser depth or in another state, more that is granted or shared in excess.
// Other evidence, such as where a line stands, has no part in it.
func worse(now, was audit.Evidence) bool {
	if depthRank(now.Text("actual_depth")) < depthRank(was.Text("actual_depth")) {
		return true
	}
	if state := now.Text("state"); state != was.Text("state") && state != "shallow" {
		return true
	}
	for _, key := range []string{"surplus", "principals", "powers", "privileges"} {
		before := texts(was[key])
		if slices.ContainsFunc(texts(now[key]), func(s string) bool { return !slices.Contains(before, s) }) {
			return true
		}
	}
	return false
}

func depthRank(depth string) int {
	return slices.Index([]string{"none", "basic", "local", "deep", "global"}, depth)
}

// texts is a list of strings in evidence, which a policy's answer and a saved
// result hold as []any.
func texts(value any) []string {
	switch list := value.(type) {
	case []string:
		return list
	case []any:
		var out []string
		for _, v := range list {
			if s, ok := v.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
