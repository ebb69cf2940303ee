package cli

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// integrations lists an environment once for each integration that is meant: all, or
// the one whose profile is named. Each has a profile of its own, since results are told
// apart by environment and profile.
func (a *app) integrations(file *config.File, env config.Environment, req requirementFlags) ([]config.Environment, error) {
	if len(env.Integrations) == 0 {
		return []config.Environment{env}, nil
	}
	given := first(req.profile, a.Getenv("DBAUDIT_PROFILE"))
	var all, chosen []config.Environment
	var names []string
	for _, one := range file.Each(env) {
		one.Profile = first(one.Profile, file.Profile, defaultProfile)
		p, err := a.profile(one.Profile)
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, p.Name) {
			return nil, &usageError{file.Repeated(one, p.Name)}
		}
		names = append(names, p.Name)
		all = append(all, one)
		if given == one.Profile || given == p.Name || given == "" && req.of == p.Name {
			chosen = append(chosen, one)
		}
	}
	switch {
	case req.any:
		return all[:1], nil
	case given == "" && req.of == "":
		chosen = all
	case len(chosen) == 0:
		return nil, usagef("there is no integration of the profile %q in %s: its integrations are of %s",
			first(given, req.of), file.Name(), strings.Join(names, ", "))
	}
	if len(chosen) == 1 {
		return chosen, nil
	}
	if req.appID != "" || req.user != "" || req.role != "" || req.businessUnit != "" || len(req.views) > 0 {
		return nil, usagef("--integration-*, --business-unit and --view say something of one integration, and %d are meant: choose one by --profile", len(chosen))
	}
	for _, name := range []string{"DBAUDIT_INTEGRATION_APP_ID", "DBAUDIT_INTEGRATION_USER", "DBAUDIT_INTEGRATION_ROLE", "DBAUDIT_BUSINESS_UNIT"} {
		if a.Getenv(name) != "" {
			return nil, usagef("%s says something of one integration, and %d are meant: choose one by --profile, or unset it", name, len(chosen))
		}
	}
	return chosen, nil
}

// environments gives the bounds of the targets that are one environment's.
func environments(targets []target) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for begin := 0; begin < len(targets); {
			end := begin + 1
			for end < len(targets) && targets[end].name == targets[begin].name && targets[end].url == targets[begin].url {
				end++
			}
			if !yield(begin, end) {
				return
			}
			begin = end
		}
	}
}

// shared says which custom roles of an integration's user others' users hold as well:
// what one of them needs of such a role is surplus for the other.
func shared(targets []target, snapshots []*snapshot.Snapshot, of int) []string {
	mine := snapshots[of].Held(targets[of].profile.Pattern)
	var notes []string
	for _, root := range slices.Sorted(maps.Keys(mine)) {
		var others []string
		for i, t := range targets {
			_, theirs := snapshots[i].Held(t.profile.Pattern)[root]
			if i != of && theirs && !sameUser(snapshots[i], snapshots[of], t.profile.Pattern, targets[of].profile.Pattern) {
				others = append(others, t.profile.Name)
			}
		}
		if others != nil {
			notes = append(notes, fmt.Sprintf("the role %q is assigned to the users of %s too: what one integration needs of it is surplus for the other; give each a role of its own",
				text.Line(mine[root]), strings.Join(others, ", ")))
		}
	}
	return notes
}

func sameUser(a, b *snapshot.Snapshot, patternA, patternB string) bool {
	x, _ := a.User(a.Requirement, patternA)
	y, _ := b.User(b.Requirement, patternB)
	return x == y
}
