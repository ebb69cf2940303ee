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

// judgesAllRoles reports whether every role in the files is judged.
func (in integration) judgesAllRoles() bool {
	return in.Options.AllRoles || in.profile.Name == engine.LintProfile && in.requirement.Role == ""
}

// mayJudge reports whether a role with the name may be judged: all are, or the name is the required
// one or contains the profile's pattern.
func (in integration) mayJudge(name string) bool {
	return in.judgesAllRoles() || in.requirement.MatchesRole(name, in.profile.Pattern)
}

// mostLikely returns the results for the role that is most likely the integration's: the role with
// the most privileges of the minimum, at any level. A role may be in several files.
func (in integration) mostLikely(results []RoleResult) []RoleResult {
	granted := map[string]int{} // by the role's name
	for _, r := range results {
		name, count := strings.ToLower(r.Role.Name), 0
		if r.Result.Integration != nil {
			count = len(r.Result.Integration.Granted)
		}
		granted[name] = max(granted[name], count)
	}
	best := slices.MinFunc(slices.Collect(maps.Keys(granted)), func(a, b string) int {
		return cmp.Or(cmp.Compare(granted[b], granted[a]), cmp.Compare(a, b))
	})
	var chosen []RoleResult
	var others []string
	for _, r := range results {
		if strings.EqualFold(r.Role.Name, best) {
			chosen = append(chosen, r)
		} else {
			others = append(others, fmt.Sprintf("%q (%s)", r.Role.Name, r.Role.File))
		}
	}
	if len(others) > 0 {
		in.Warnf("several roles could be the integration role; %q was judged, not %s", chosen[0].Role.Name, strings.Join(others, ", "))
	}
	return chosen
}

// distinctTitles returns a title for each result: the role's file, with its name if the file has
// several roles, with its id if they have the same name, and with its line if they have no id.
func distinctTitles(results []RoleResult) []string {
	titles := make([]string, len(results))
	for i, r := range results {
		titles[i] = r.Role.File
	}
	for _, suffix := range []func(solution.Role) string{
		func(r solution.Role) string { return ": " + r.Name },
		func(r solution.Role) string {
			if r.ID == "" {
				return ""
			}
			return " " + r.ID
		},
		func(r solution.Role) string { return fmt.Sprintf(" (line %d)", r.Position.Line) },
	} {
		count := map[string]int{}
		for _, title := range titles {
			count[title]++
		}
		for i, r := range results {
			if count[titles[i]] > 1 {
				titles[i] += suffix(r.Role)
			}
		}
	}
	return titles
}
