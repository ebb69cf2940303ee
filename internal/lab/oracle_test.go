package lab

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// An oracle predicts the deviations of a scenario from the scenario itself, without requests, a snapshot or
// policies. It implements the controls of the contract a second time, for requirements that name the user and
// the role.
type oracle struct {
	Scenario

	profile profile.Profile
	defined map[string]simulator.Privilege
	lines   []string
}

// expectedDeviations returns the deviations that the oracle predicts for a scenario.
func expectedDeviations(sc Scenario, p profile.Profile) []string {
	o := &oracle{Scenario: sc, profile: p, defined: definedPrivileges(sc.Environment)}
	o.checkPrivileges()
	o.checkRole()
	o.checkUser()
	o.checkViews()
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

// integrationUser returns the only active user with the required application id, or nil.
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

// teamsOf returns the teams that a user is a member of, except default teams.
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

// enabledTeamsOf returns the teams of a user that are not in a disabled business unit or below one.
func (o *oracle) enabledTeamsOf(u *simulator.User) []*simulator.Team {
	return slices.DeleteFunc(o.teamsOf(u), func(t *simulator.Team) bool { return o.disabledUnit(t.BusinessUnit) != "" })
}

// disabledUnit returns the name of the first disabled business unit from a unit upwards, or "". An empty unit
// stands for the root.
func (o *oracle) disabledUnit(unit string) string {
	found := ""
	for b := o.BusinessUnit(cmp.Or(unit, o.BusinessUnits[0].Name)); b != nil; b = o.BusinessUnit(b.Parent) {
		if b.Disabled && found == "" {
			found = b.Name
		}
	}
	return found
}

// An assignment is one way in which a user has a role.
type assignment struct {
	role *simulator.Role
	team *simulator.Team // nil if the role is assigned to the user directly
	unit string          // of the role's copy
}

func (o *oracle) assignments(u *simulator.User) []assignment {
	var all []assignment
	if u == nil {
		return nil
	}
	add := func(assignments []simulator.RoleAssignment, home string, t *simulator.Team) {
		home = o.BusinessUnit(cmp.Or(home, o.BusinessUnits[0].Name)).Name
		for _, a := range assignments {
			at := o.BusinessUnit(cmp.Or(a.BusinessUnit, home)).Name
			if at == home || o.Organization.RecordOwnershipAcrossBusinessUnits == simulator.On {
				all = append(all, assignment{o.Role(a.Role), t, at})
			}
		}
	}
	add(u.Roles, u.BusinessUnit, nil)
	for _, t := range o.enabledTeamsOf(u) {
		add(t.Roles, t.BusinessUnit, t)
	}
	return all
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

// specialDepth returns the depth of a grant that has no effect, RecordFilter or an unknown depth, or "".
func (o *oracle) specialDepth(r *simulator.Role, privilege string) string {
	switch {
	case r == nil || r.Privileges[privilege] == simulator.DepthNone || templateName(r) == "System Administrator":
		return ""
	case slices.Contains(r.RecordFilters, privilege):
		return "RecordFilter"
	}
	return r.DepthWords[privilege]
}

// specialDepths returns the special depths in the roles of a user or, if it has none, in the required role.
func (o *oracle) specialDepths(u *simulator.User, privilege string) []string {
	assignments := o.assignments(u)
	if len(assignments) == 0 {
		assignments = []assignment{{role: o.requiredRole()}}
	}
	var depths []string
	for _, a := range assignments {
		if depth := o.specialDepth(a.role, privilege); depth != "" {
			depths = append(depths, depth)
		}
	}
	return depths
}

// templateName returns the name of a role's template if it is one of the two administrators' templates.
func templateName(r *simulator.Role) string {
	switch r.Template {
	case "627090ff-40a3-4053-8790-584edc5be201":
		return "System Administrator"
	case "119f245c-3cc8-4b62-b31c-d1a046ced15d":
		return "System Customizer"
	}
	return r.Template
}

// effectiveDepth returns the depth at which a user has a privilege for records of its own business unit.
func (o *oracle) effectiveDepth(u *simulator.User, privilege string) simulator.Depth {
	deepest := simulator.DepthNone
	for _, a := range o.assignments(u) {
		depth := o.grantedDepth(a.role, privilege)
		if depth > simulator.DepthBasic && !o.covers(depth, a.unit, u) {
			depth = simulator.DepthBasic // the user's own records
		}
		if a.team != nil && a.role.TeamPrivilegesOnly && depth == simulator.DepthBasic {
			continue
		}
		deepest = max(deepest, depth)
	}
	return deepest
}

// covers reports whether a depth, measured from a business unit, covers the business unit of a user.
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

// grantFix returns the kind of fix that makes the role grant a privilege.
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
