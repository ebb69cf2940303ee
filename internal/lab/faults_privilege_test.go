package lab

import (
	"fmt"
	"slices"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// privilegeFaults returns the faults of each of the 44 privileges: not granted, granted at each depth that is too
// shallow, and undefined.
func privilegeFaults(p profile.Profile) []fault {
	var faults []fault
	defined := definedPrivileges(&simulator.Environment{})
	for _, c := range p.Controls {
		for _, name := range c.Privileges {
			deepest := defined[name].Deepest()
			deviation := func(state, fix, actual, required string) []string {
				return oneFinding(string(c.ID), "role", integrationName, fix, map[string]any{
					"privilege": name, "required_depth": required, "actual_depth": actual, "state": state,
				})
			}
			faults = append(faults, fault{
				name:   "without " + name,
				change: func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { delete(r.Privileges, name) }) },
				expect: deviation("missing", "add-privilege", "none", deepest.String()),
			})
			shallower := slices.DeleteFunc(slices.Clone(defined[name].Depths), func(d simulator.Depth) bool { return d >= deepest })
			for i, depth := range shallower {
				if !isShortRun() || i == len(shallower)-1 {
					faults = append(faults, fault{
						name:   fmt.Sprintf("%s at %s depth", name, depth),
						change: func(sc *Scenario) { sc.changeRole(func(r *simulator.Role) { r.Privileges[name] = depth }) },
						expect: deviation("shallow", "raise-depth", depth.String(), deepest.String()),
					})
				}
			}
			undefined := fault{
				name:   "no definition of " + name,
				change: func(sc *Scenario) { sc.UndefinedPrivileges = append(sc.UndefinedPrivileges, name) },
				expect: deviation("undefined", "install-app", "none", "global"),
			}
			switch name {
			case "prvReadUserQuery":
				// Nobody can read a personal view.
				undefined.expect = append(undefined.expect, unknown("DB-VIEW-SHARED", "DB-VIEW-ACTIVE")...)
			case "prvReadQuery":
				// Nobody can read a system view, so the required view may be one.
				undefined.expect = append(undefined.expect, unknown("DB-VIEW-SHARED")...)
			case "prvReadUser":
				// Nobody can read a user, not even the auditor, so nothing can be judged.
				undefined.expect, undefined.unpaired = nil, true
				for _, c := range p.Controls {
					undefined.expect = append(undefined.expect, unknown(string(c.ID))...)
				}
			}
			faults = append(faults, undefined)
		}
	}
	return faults
}
