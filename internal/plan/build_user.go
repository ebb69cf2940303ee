package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An assignWork is the assignment of a role, or its removal from a user, with the fixes that
// ask for it.
type assignWork struct {
	change.Action

	causes []cause
}

func (b *builder) createUser(c cause) {
	name := ""
	if c.fix.BusinessUnit != nil {
		name = c.fix.BusinessUnit.Name
	}
	unit, ok := b.unitNamed(name)
	app := c.fix.ApplicationID
	switch {
	case app == "":
		b.manual(c, obstacleNoApplication)
		return
	case !ok && name == "":
		b.manual(c, obstacleRootUnread)
		return
	case !ok:
		b.stop(c, hurdle{obstacle: obstacleNoUnit, fix: c.fix, name: name})
		return
	}
	b.newUser = b.actOn(change.CreateApplicationUser, c, change.Target{
		User: &change.Ref{Kind: "systemuser", Name: "application " + app}, ApplicationID: app, BusinessUnit: &unit,
	})
}

func (b *builder) enableUser(c cause) {
	user, ok := b.user(c.fix.User)
	if !ok {
		b.manual(c, obstacleUserGone)
		return
	}
	u := b.snapshot.Users[user.ID]
	if name, locked := b.lockedUnit(u.BusinessUnitID); locked {
		b.stop(c, hurdle{obstacle: obstacleUnitDisabled, fix: c.fix, name: name})
		return
	}
	unit := b.unit(u.BusinessUnitID)
	b.enable = b.actOn(change.EnableUser, c, change.Target{User: &user, ApplicationID: u.ApplicationID, BusinessUnit: &unit})
}

// actOn is the action that a fix asks for.
func (b *builder) actOn(kind audit.FixKind, c cause, t change.Target) *change.Action {
	a := change.Act(kind, t, []change.Reason{c.reason()})
	return &a
}

func (b *builder) user(ref *audit.Reference) (change.Ref, bool) {
	if ref == nil || ref.ID == "" {
		return change.Ref{}, false
	}
	u, known := b.snapshot.Users[ref.ID]
	return change.Ref{Kind: "systemuser", ID: ref.ID, Name: u.Name, ObjectID: u.ObjectID}, known && !u.Deleted
}

func (b *builder) assignRole(c cause) {
	user, ok := b.user(c.fix.User)
	role, known := b.snapshot.Roles[refID(c.fix.Role)]
	switch {
	case !ok:
		b.manual(c, obstacleUserGone)
		return
	case !known:
		b.manual(c, obstacleRoleUnread)
		return
	}
	if b.assign != nil {
		b.assign.Why, b.assign.causes = add(b.assign.Why, c.reason()), append(b.assign.causes, c)
		return
	}
	b.prepareAssign(c, c.reason(), change.Ref{ID: c.fix.Role.ID, Name: role.Name}, role.BusinessUnitID, user, b.unit(b.snapshot.Users[user.ID].BusinessUnitID))
}

// prepareAssign decides which copy of a role is assigned to a user: the one in the user's
// business unit. If that copy certainly does not exist, the assignment is a manual step.
func (b *builder) prepareAssign(c cause, why change.Reason, role change.Ref, home string, user, unit change.Ref) {
	if name, locked := b.lockedUnit(unit.ID); locked {
		b.unreached = true
		b.stop(c, hurdle{obstacle: obstacleUnitDisabled, fix: c.fix, name: name})
		return
	}
	copied := change.Ref{}
	switch {
	case home == unit.ID:
		copied = role
	case role.ID != "":
		copied = b.copyIn(unit, role)
	}
	root, read := b.rootUnit()
	if copied == (change.Ref{}) && read && home != root.ID && !b.across() {
		b.unreached = true
		b.manual(c, obstacleNoCopy)
		return
	}
	b.assign = &assignWork{change.Act(change.AssignRole, change.Target{
		Role: &role, Copy: &copied, User: &user, BusinessUnit: &unit, AnyUnit: b.across(),
	}, []change.Reason{why}), []cause{c}}
}

// lockedUnit names the disabled business unit that a unit is, or is below. Its users cannot
// sign in, so the plan does not enable them or assign roles to them.
func (b *builder) lockedUnit(id string) (name string, locked bool) {
	disabled, locked := b.snapshot.DisabledUnit(id)
	return b.snapshot.BusinessUnits[disabled].Name, locked
}

// copyIn is a role's copy in a business unit, or nothing.
func (b *builder) copyIn(unit, role change.Ref) change.Ref {
	for id, r := range b.snapshot.Roles {
		if r.RootID == role.ID && r.BusinessUnitID == unit.ID {
			return change.Ref{ID: id, Name: r.Name}
		}
	}
	return change.Ref{}
}

func (b *builder) across() bool {
	return b.snapshot.Organization.OwnershipAcrossBusinessUnits == snapshot.SettingOn
}

func (b *builder) unassignRole(c cause) {
	user, ok := b.user(c.fix.User)
	root := refID(c.fix.Role)
	switch {
	case !ok:
		b.manual(c, obstacleUserGone)
		return
	case root == "":
		b.manual(c, obstacleRoleUnread)
		return
	}
	why := c.reason()
	for _, id := range b.snapshot.Users[user.ID].Teams {
		team := b.snapshot.Teams[id]
		if slices.ContainsFunc(team.Roles, func(id string) bool { return b.snapshot.Roles[id].RootID == root }) {
			why.Partly = true
			part := c
			part.fix = audit.Fix{Kind: change.RemoveFromTeam, Role: c.fix.Role, User: c.fix.User, Team: &audit.Reference{ID: id, Name: team.Name}}
			b.manual(part, obstacleThroughTeam)
		}
	}
	if !b.UnassignAdministrator {
		b.withhold(c, "--unassign-administrator")
		return
	}
	for _, id := range b.snapshot.Users[user.ID].Roles {
		if r := b.snapshot.Roles[id]; r.RootID == root {
			unit := b.unit(r.BusinessUnitID)
			b.unassign = append(b.unassign, assignWork{change.Act(change.UnassignRole, change.Target{
				Role: &change.Ref{ID: r.RootID, Name: r.Name}, Copy: &change.Ref{ID: id, Name: r.Name}, User: &user, BusinessUnit: &unit,
			}, []change.Reason{why}), []cause{c}})
		}
	}
}

func (b *builder) followRole() {
	c, ok := b.controlOf(ruleUserRole)
	if !ok || b.assign != nil {
		return
	}
	var role, user, unit change.Ref
	var home string
	var because change.Reason
	switch {
	case b.newRole != nil:
		role, home, because = b.newRole.ref, b.newRole.unit.ID, b.newRole.why[0]
	default:
		id := b.integrationRole()
		if id == "" {
			return
		}
		role, home = change.Ref{ID: id, Name: b.snapshot.Roles[id].Name}, b.snapshot.Roles[id].BusinessUnitID
	}
	switch id := b.integrationUser(); {
	case b.newUser != nil:
		user, unit, because = *b.newUser.Target.User, *b.newUser.Target.BusinessUnit, b.newUser.Why[0]
	case id != "":
		u := b.snapshot.Users[id]
		user, unit = change.Ref{Kind: "systemuser", ID: id, Name: u.Name}, b.unit(u.BusinessUnitID)
	default:
		return
	}
	b.prepareAssign(assignment(c, because, role, user), following(c, because), role, home, user, unit)
}

// following is the reason for a change that follows from another finding.
func following(c audit.Control, because change.Reason) change.Reason {
	return change.Reason{Control: c.ID, Fingerprint: because.Fingerprint, Follows: true}
}

// assignment is the cause of an assignment that follows from another finding.
func assignment(c audit.Control, because change.Reason, role, user change.Ref) cause {
	return cause{c, audit.Finding{Fingerprint: because.Fingerprint}, audit.Fix{
		Kind: change.AssignRole, Role: &audit.Reference{ID: role.ID, Name: role.Name},
		User: &audit.Reference{Kind: user.Kind, ID: user.ID, Name: user.Name},
	}}
}

// followUnassign assigns the integration role to the user itself if it comes through a team
// that does not pass on the role's Basic rights: until now, the administrator role gave
// them.
func (b *builder) followUnassign() {
	if len(b.unassign) == 0 || b.assign != nil {
		return
	}
	c, ok := b.controlOf(ruleUserRole)
	role, known := b.snapshot.Roles[b.integrationRole()]
	if !ok || !known || role.Inherited {
		return
	}
	user := *b.unassign[0].Target.User
	for _, id := range b.snapshot.Users[user.ID].Roles {
		if b.snapshot.Roles[id].RootID == role.RootID {
			return
		}
	}
	ref, because := change.Ref{ID: role.RootID, Name: role.Name}, b.unassign[0].Why[0]
	b.prepareAssign(assignment(c, because, ref, user), following(c, because), ref, role.BusinessUnitID, user, b.unit(b.snapshot.Users[user.ID].BusinessUnitID))
}

// settleAssign records what the role to be assigned grants, and makes the assignment a
// manual step if that is more than is required, or unknown. For a role that this plan
// creates, it is known.
func (b *builder) settleAssign() {
	if b.assign == nil || b.assign.Target.Role.ID == "" {
		return
	}
	root, name := b.assign.Target.Role.ID, b.assign.Target.Role.Name
	editable := b.role(&audit.Reference{ID: root}) != nil
	grants := b.granted(root)
	surplus := slices.DeleteFunc(slices.Clone(b.integration().Surplus), func(name string) bool { return grants[name] == audit.DepthNone })
	builtIn := b.builtIn(root)
	replace := "Set integration.role in the configuration to the name of a custom role, or to a new name, so that dbaudit creates the role; then make the plan again."
	switch summary := change.Summary(b.assign.causes[0].fix); {
	case builtIn:
		b.deny(fmt.Sprintf("Give the integration a custom role: %q is built in, and dbaudit does not assign built-in roles.", name), replace)
	case b.snapshot.RolePrivileges[root] == nil:
		b.deny(strings.TrimSuffix(summary, ".") + ": what the role grants was not read.")
	case len(surplus) > 0:
		remedy := "Make the plan again with --least-privilege, which removes them from the role first; or list intended ones in allow:."
		if !editable {
			remedy = "The role cannot be edited. " + replace
		}
		b.deny(fmt.Sprintf("%s once it grants no more than required: it grants %s beyond the minimum: %s.",
			strings.TrimSuffix(summary, "."), text.Count(len(surplus), "privilege"), change.Listed(surplus)),
			"Beyond the minimum, dangerous privileges first: "+strings.Join(surplus, ", ")+".", remedy)
	default:
		b.assign.Target.Grants = grants
	}
}

// builtIn reports whether a role, or any copy of it, comes from a template.
func (b *builder) builtIn(root string) bool {
	for _, r := range b.snapshot.Roles {
		if r.RootID == root && r.TemplateID != "" {
			return true
		}
	}
	return false
}

// deny makes the assignment a manual step.
func (b *builder) deny(summary string, steps ...string) {
	for _, c := range b.assign.causes {
		b.leave(c, summary, change.SystemAdministrator, steps)
	}
	b.assign, b.unreached = nil, true
}

// integration is what the verdict is about; zero if it is not known.
func (b *builder) integration() audit.Integration {
	if b.result.Integration == nil {
		return audit.Integration{}
	}
	return *b.result.Integration
}

// integrationRole is the id of the role that the verdict is about, or "".
func (b *builder) integrationRole() string { return subjectID(b.integration().Role) }

// integrationUser is the id of the user that the verdict is about, or "".
func (b *builder) integrationUser() string { return subjectID(b.integration().User) }

func subjectID(s *audit.Subject) string {
	if s == nil {
		return ""
	}
	return s.ID
}
