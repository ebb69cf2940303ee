package lab

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// An oracle says what must be found in a world, from the world itself: no
// request, no snapshot and no policy has part in it. It is the contract's
// chapter on controls once more, in another language, for worlds whose
// requirement names user and role.
type oracle struct {
	Scenario

	profile profile.Profile
	defined map[string]simulator.Privilege
	lines   []string
}

// expectedDeviations gives the deviations of a world.
func expectedDeviations(sc Scenario, p profile.Profile) []string {
	o := &oracle{Scenario: sc, profile: p, defined: definedPrivileges(sc.Environment)}
	o.privileges()
	o.roleControls()
	o.userControls()
	o.viewControls()
	slices.Sort(o.lines)
	return o.lines
}

func definedPrivileges(env *simulator.Environment) map[string]simulator.Privilege {
	defined := map[string]simulator.Privilege{}
	for _, p := range simulator.StandardPrivileges() {
		if !slices.Contains(env.UndefinedPrivileges, p.Name) {
			defined[p.Name] = p
		}
	}
	return defined
}

func (o *oracle) addFinding(id audit.ControlID, kind, name, fix string, evidence map[string]any) {
	o.lines = append(o.lines, findingLine(id, kind, name, fix, evidence))
}

func (o *oracle) addOutcome(outcome audit.Outcome, ids ...audit.ControlID) {
	for _, id := range ids {
		o.lines = append(o.lines, fmt.Sprintf("%s %s", id, outcome))
	}
}

// integrationUser is the one live user of the required application id, or nil.
func (o *oracle) integrationUser() *simulator.User {
	users := o.activeUsers()
	if len(users) != 1 {
		return nil
	}
	return users[0]
}

func (o *oracle) activeUsers() []*simulator.User {
	var users []*simulator.User
	for i := range o.ApplicationUsers {
		if u := &o.ApplicationUsers[i]; u.ApplicationID == o.Requirement.ApplicationID && !u.SoftDeleted {
			users = append(users, u)
		}
	}
	return users
}

func (o *oracle) requiredRole() *simulator.Role { return o.Role(o.Requirement.Role) }

// teamsOf are the written-down teams that a user is a member of.
func (o *oracle) teamsOf(u *simulator.User) []*simulator.Team {
	var teams []*simulator.Team
	for i := range o.Teams {
		t := &o.Teams[i]
		if !t.Default && slices.ContainsFunc(t.Members, func(m string) bool {
			return m == u.Name || m == u.UPN && m != "" || m == u.ID || m == u.ApplicationID && m != ""
		}) {
			teams = append(teams, t)
		}
	}
	return teams
}

// enabledTeamsOf are those of them whose business unit, and each one above it, is enabled.
func (o *oracle) enabledTeamsOf(u *simulator.User) []*simulator.Team {
	return slices.DeleteFunc(o.teamsOf(u), func(t *simulator.Team) bool { return o.disabledUnit(t.BusinessUnit) != "" })
}

// disabledUnit names the business unit for which one counts as disabled: itself or one
// above it; "" for none. A unit that is not named is the root.
func (o *oracle) disabledUnit(unit string) string {
	found := ""
	for b := o.BusinessUnit(cmp.Or(unit, o.BusinessUnits[0].Name)); b != nil; b = o.BusinessUnit(b.Parent) {
		if b.Disabled && found == "" {
			found = b.Name
		}
	}
	return found
}

// A assignment is how a role is assigned to a user.
type assignment struct {
	role *simulator.Role
	team *simulator.Team // nil: assigned
	unit string          // that of the role's copy
}

func (o *oracle) assignments(u *simulator.User) []assignment {
	var ways []assignment
	if u == nil {
		return nil
	}
	add := func(assignments []simulator.RoleAssignment, home string, t *simulator.Team) {
		home = o.BusinessUnit(cmp.Or(home, o.BusinessUnits[0].Name)).Name
		for _, a := range assignments {
			at := o.BusinessUnit(cmp.Or(a.BusinessUnit, home)).Name
			if at == home || o.Organization.RecordOwnershipAcrossBusinessUnits == simulator.On {
				ways = append(ways, assignment{o.Role(a.Role), t, at})
			}
		}
	}
	add(u.Roles, u.BusinessUnit, nil)
	for _, t := range o.enabledTeamsOf(u) {
		add(t.Roles, t.BusinessUnit, t)
	}
	return ways
}

func (o *oracle) grantedDepth(r *simulator.Role, privilege string) simulator.Depth {
	definition, ok := o.defined[privilege]
	switch {
	case r == nil || !ok:
		return simulator.DepthNone
	case templateName(r) == "System Administrator":
		return definition.Deepest()
	case o.specialDepth(r, privilege) != "":
		return simulator.DepthNone
	}
	return r.Privileges[privilege]
}

// specialDepth is how a role words a grant that does not count: that of a record filter, or an
// unknown depth, or "".
func (o *oracle) specialDepth(r *simulator.Role, privilege string) string {
	switch {
	case r == nil || r.Privileges[privilege] == simulator.DepthNone || templateName(r) == "System Administrator":
		return ""
	case slices.Contains(r.RecordFilters, privilege):
		return "RecordFilter"
	}
	return r.DepthWords[privilege]
}

// specialDepths are those of a user's roles or, if it has none, of the role itself.
func (o *oracle) specialDepths(u *simulator.User, privilege string) []string {
	ways := o.assignments(u)
	if len(ways) == 0 {
		ways = []assignment{{role: o.requiredRole()}}
	}
	var words []string
	for _, w := range ways {
		if word := o.specialDepth(w.role, privilege); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// templateName names the administrators' role templates, by their ids.
func templateName(r *simulator.Role) string {
	switch r.Template {
	case "627090ff-40a3-4053-8790-584edc5be201":
		return "System Administrator"
	case "119f245c-3cc8-4b62-b31c-d1a046ced15d":
		return "System Customizer"
	}
	return r.Template
}

// effectiveDepth is the depth at which a user has a privilege itself.
func (o *oracle) effectiveDepth(u *simulator.User, privilege string) simulator.Depth {
	deepest := simulator.DepthNone
	for _, w := range o.assignments(u) {
		depth := o.grantedDepth(w.role, privilege)
		if depth > simulator.DepthBasic && !o.covers(depth, w.unit, u) {
			depth = simulator.DepthBasic // the user's own records
		}
		if w.team != nil && w.role.TeamPrivilegesOnly && depth == simulator.DepthBasic {
			continue
		}
		deepest = max(deepest, depth)
	}
	return deepest
}

// covers reports whether a depth that is counted from a business unit takes in that
// of a user.
func (o *oracle) covers(depth simulator.Depth, from string, u *simulator.User) bool {
	home := o.BusinessUnit(cmp.Or(u.BusinessUnit, o.BusinessUnits[0].Name))
	if depth == simulator.DepthLocal {
		return home.Name == from
	}
	for b := home; b != nil; b = o.BusinessUnit(b.Parent) {
		if b.Name == from {
			return true
		}
	}
	return depth == simulator.DepthGlobal
}

func (o *oracle) requiredDepth(privilege string) simulator.Depth {
	want := simulator.DepthGlobal
	if depth, ok := o.Requirement.Depth[privilege]; ok {
		want = simulator.Depth(depth)
	}
	best := simulator.DepthNone
	for _, d := range slices.Sorted(slices.Values(o.defined[privilege].Depths)) {
		best = d
		if d >= want {
			break
		}
	}
	return best
}

// grantFix is how the role comes to grant a privilege.
func (o *oracle) grantFix(privilege string) string {
	r := o.requiredRole()
	switch {
	case r == nil:
		return "create-role"
	case r.Template != "" || r.NotCustomizable:
		return "replace-role"
	case o.grantedDepth(r, privilege) != simulator.DepthNone:
		return "raise-depth"
	}
	return "add-privilege"
}

func grantState(actual simulator.Depth) string {
	if actual == simulator.DepthNone {
		return "missing"
	}
	return "shallow"
}
