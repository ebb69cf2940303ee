package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// judgesAllRoles reports whether each role of the files is judged.
func (a criteria) judgesAllRoles() bool {
	return a.Options.AllRoles || a.profile.Name == engine.LintProfile && a.requirement.Role == ""
}

// mayJudge reports whether a role with this name may be meant: its name is the required one, or
// has the profile's pattern in it.
func (a criteria) mayJudge(name string) bool {
	return a.judgesAllRoles() || a.requirement.MatchesRole(name, a.profile.Pattern)
}

// mostLikely keeps the roles of the name that grants most of the minimum, by what the
// policies found granted, at whatever level.
func (a criteria) mostLikely(judged []RoleResult) []RoleResult {
	score := map[string]int{}
	for _, one := range judged {
		name := strings.ToLower(one.Role.Name)
		granted := 0
		if of := one.Result.Integration; of != nil {
			granted = len(of.Granted)
		}
		score[name] = max(score[name], granted)
	}
	best := slices.MinFunc(slices.Collect(maps.Keys(score)), func(a, b string) int {
		return cmp.Or(cmp.Compare(score[b], score[a]), cmp.Compare(a, b))
	})
	var chosen []RoleResult
	var others []string
	for _, one := range judged {
		if strings.EqualFold(one.Role.Name, best) {
			chosen = append(chosen, one)
		} else {
			others = append(others, fmt.Sprintf("%q (%s)", one.Role.Name, one.Role.File))
		}
	}
	if len(others) > 0 {
		a.Warnf("several roles could be the integration role; %q was judged, not %s", chosen[0].Role.Name, strings.Join(others, ", "))
	}
	return chosen
}

// distinctTitles names each role by its file; if that has several, by its name too, and if they
// share the name, by its id or else its line.
func distinctTitles(judged []RoleResult) []string {
	titles := make([]string, len(judged))
	for i, one := range judged {
		titles[i] = one.Role.File
	}
	for _, more := range []func(solution.Role) string{
		func(r solution.Role) string { return ": " + r.Name },
		func(r solution.Role) string {
			if r.ID == "" {
				return ""
			}
			return " " + r.ID
		},
		func(r solution.Role) string { return fmt.Sprintf(" (line %d)", r.At.Line) },
	} {
		count := map[string]int{}
		for _, title := range titles {
			count[title]++
		}
		for i, one := range judged {
			if count[titles[i]] > 1 {
				titles[i] += more(one.Role)
			}
		}
	}
	return titles
}
