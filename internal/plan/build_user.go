package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// An assignment is an action that assigns or removes a role, with the findings that it fixes.
type assignment struct {
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
		b.addManual(c, obstacleNoApplication)
	case !ok && name == "":
		b.addManual(c, obstacleRootUnread)
	case !ok:
		b.addManualNamed(c, obstacleNoUnit, name)
	default:
		a := change.NewAction(change.CreateApplicationUser, change.Target{
			User: &change.Ref{Kind: "systemuser", Name: "application " + app}, ApplicationID: app, BusinessUnit: &unit,
		}, []change.Reason{c.reason()})
		b.newUser = &a
	}
}

func (b *builder) enableUser(c cause) {
	user, ok := b.user(c.fix.User)
	if !ok {
		b.addManual(c, obstacleUserMissing)
		return
	}
	unit := b.unitOf(user)
	if name, disabled := b.disabledUnit(unit.ID); disabled {
		b.addManualNamed(c, obstacleUnitDisabled, name)
		return
	}
	a := change.NewAction(change.EnableUser, change.Target{
		User: &user, ApplicationID: b.snapshot.Users[user.ID].ApplicationID, BusinessUnit: &unit,
	}, []change.Reason{c.reason()})
	b.enable = &a
}

// moveUser adds the manual step. The business unit must exist first.
func (b *builder) moveUser(c cause) {
	if unit := c.fix.BusinessUnit; unit != nil {
		if _, ok := b.unitNamed(unit.Name); !ok {
			b.addManualNamed(c, obstacleNoUnit, unit.Name)
			return
		}
	}
	b.addManual(c, obstacleNone)
}

func (b *builder) user(ref *audit.Reference) (change.Ref, bool) {
	if ref == nil || ref.ID == "" {
		return change.Ref{}, false
	}
	u, known := b.snapshot.Users[ref.ID]
	return change.Ref{Kind: "systemuser", ID: ref.ID, Name: u.Name, ObjectID: u.ObjectID}, known && !u.Deleted
}

// unitOf returns the business unit of a user. A user without an id is the one that the plan creates.
func (b *builder) unitOf(user change.Ref) change.Ref {
	if user.ID == "" {
		return *b.newUser.Target.BusinessUnit
	}
	return b.unit(b.snapshot.Users[user.ID].BusinessUnitID)
}

func (b *builder) assignRole(c cause) {
	user, ok := b.user(c.fix.User)
	role, known := b.snapshot.Roles[refID(c.fix.Role)]
	switch {
	case !ok:
		b.addManual(c, obstacleUserMissing)
	case !known:
		b.addManual(c, obstacleRoleUnread)
	case b.assign != nil:
		b.assign.Why, b.assign.causes = addReasons(b.assign.Why, c.reason()), append(b.assign.causes, c)
	default:
		b.setAssignment(c, c.reason(), change.Ref{ID: c.fix.Role.ID, Name: role.Name}, user)
	}
}

// setAssignment assigns the copy of a role in the user's business unit, unless it is certain that
// the copy does not exist.
func (b *builder) setAssignment(c cause, why change.Reason, role, user change.Ref) {
	unit := b.unitOf(user)
	if name, disabled := b.disabledUnit(unit.ID); disabled {
		b.roleUnassigned = true
		b.addManualNamed(c, obstacleUnitDisabled, name)
		return
	}
	home := b.snapshot.Roles[role.ID].BusinessUnitID
	if role.ID == "" {
		home = b.newRole.unit.ID
	}
	var copied change.Ref // the role's copy in the unit, if it is known
	switch {
	case home == unit.ID:
		copied = role
	case role.ID != "":
		for id, r := range b.snapshot.Roles {
			if r.RootID == role.ID && r.BusinessUnitID == unit.ID {
				copied = change.Ref{ID: id, Name: r.Name}
			}
		}
	}
	across := b.snapshot.Organization.OwnershipAcrossBusinessUnits == snapshot.SettingOn
	root, read := b.rootUnit()
	if copied == (change.Ref{}) && read && home != root.ID && !across {
		b.roleUnassigned = true
		b.addManual(c, obstacleNoCopy)
		return
	}
	b.assign = &assignment{change.NewAction(change.AssignRole, change.Target{
		Role: &role, Copy: &copied, User: &user, BusinessUnit: &unit, AnyUnit: across,
	}, []change.Reason{why}), []cause{c}}
}

// disabledUnit returns the name of the disabled business unit that a unit is, or is below. Its
// users cannot sign in, so the plan does not enable them or assign roles to them.
func (b *builder) disabledUnit(id string) (name string, ok bool) {
	disabled, ok := b.snapshot.DisabledBusinessUnit(id)
	return b.snapshot.BusinessUnits[disabled].Name, ok
}

// copiesOf returns the roles that are copies of the root.
func (b *builder) copiesOf(root string, roles []string) []string {
	return slices.DeleteFunc(slices.Clone(roles), func(id string) bool { return b.snapshot.Roles[id].RootID != root })
}

func (b *builder) unassignRole(c cause) {
	user, ok := b.user(c.fix.User)
	root := refID(c.fix.Role)
	switch {
	case !ok:
		b.addManual(c, obstacleUserMissing)
		return
	case root == "":
		b.addManual(c, obstacleRoleUnread)
		return
	}
	why := c.reason()
	for _, id := range b.snapshot.Users[user.ID].Teams {
		team := b.snapshot.Teams[id]
		if len(b.copiesOf(root, team.Roles)) > 0 {
			why.Partly = true
			part := c
			part.fix = audit.Fix{Kind: change.RemoveFromTeam, Role: c.fix.Role, User: c.fix.User, Team: &audit.Reference{ID: id, Name: team.Name}}
			b.addManual(part, obstacleThroughTeam)
		}
	}
	if !b.UnassignAdministrator {
		b.withhold(c)
		return
	}
	for _, id := range b.copiesOf(root, b.snapshot.Users[user.ID].Roles) {
		role := b.snapshot.Roles[id]
		unit := b.unit(role.BusinessUnitID)
		b.unassign = append(b.unassign, assignment{change.NewAction(change.UnassignRole, change.Target{
			Role: &change.Ref{ID: root, Name: role.Name}, Copy: &change.Ref{ID: id, Name: role.Name}, User: &user, BusinessUnit: &unit,
		}, []change.Reason{why}), []cause{c}})
	}
}

// assignNewRole assigns the integration role if the plan creates the role or the user.
func (b *builder) assignNewRole() {
	var role, user change.Ref
	var reason change.Reason
	if b.newRole != nil {
		role, reason = b.newRole.ref, b.newRole.reasons[0]
	} else {
		role.ID = subjectID(b.integration().Role)
		role.Name = b.snapshot.Roles[role.ID].Name
	}
	if b.newUser != nil {
		user, reason = *b.newUser.Target.User, b.newUser.Why[0]
	} else {
		user = change.Ref{Kind: "systemuser", ID: b.plan.IntegrationUser, Name: b.snapshot.Users[b.plan.IntegrationUser].Name}
	}
	if (role.ID != "" || b.newRole != nil) && (user.ID != "" || b.newUser != nil) {
		b.followUpAssignment(reason, role, user)
	}
}

// assignBeforeUnassign assigns the integration role to the user if it has the role only through a
// team that does not pass on the role's Basic rights. The administrator role, which the plan
// removes, grants them until then.
func (b *builder) assignBeforeUnassign() {
	id := subjectID(b.integration().Role)
	role, known := b.snapshot.Roles[id]
	if len(b.unassign) == 0 || !known || role.Inherited {
		return
	}
	user := *b.unassign[0].Target.User
	if len(b.copiesOf(role.RootID, b.snapshot.Users[user.ID].Roles)) == 0 {
		b.followUpAssignment(b.unassign[0].Why[0], change.Ref{ID: role.RootID, Name: role.Name}, user)
	}
}

// followUpAssignment assigns a role because of another finding.
func (b *builder) followUpAssignment(reason change.Reason, role, user change.Ref) {
	c, ok := b.controlByRule(ruleUserRole)
	if !ok || b.assign != nil {
		return
	}
	b.setAssignment(cause{c, audit.Finding{Fingerprint: reason.Fingerprint}, audit.Fix{
		Kind: change.AssignRole, Role: &audit.Reference{ID: role.ID, Name: role.Name},
		User: &audit.Reference{Kind: user.Kind, ID: user.ID, Name: user.Name},
	}}, followUpReason(c, reason), role, user)
}

// followUpReason returns the reason for a change that follows from another finding.
func followUpReason(c audit.Control, reason change.Reason) change.Reason {
	return change.Reason{Control: c.ID, Fingerprint: reason.Fingerprint, Follows: true}
}

// checkAssignment records what a role grants before it is assigned. If that is unknown, or more
// than is required, it makes the assignment a manual step.
func (b *builder) checkAssignment(root, name string) {
	surplus := slices.DeleteFunc(slices.Clone(b.integration().Surplus), func(name string) bool {
		return b.roles[root] != nil && slices.Contains(b.roles[root].removals, name)
	})
	builtIn := slices.ContainsFunc(slices.Collect(maps.Values(b.snapshot.Roles)), func(r snapshot.Role) bool { return r.RootID == root && r.TemplateID != "" })
	replace := "Set integration.role in the configuration to the name of a custom role, or to a new name, so that dbaudit creates the role; then make the plan again."
	switch summary := strings.TrimSuffix(change.Summary(b.assign.causes[0].fix), "."); {
	case builtIn:
		b.refuseAssignment(fmt.Sprintf("Give the integration a custom role: %q is built in, and dbaudit does not assign built-in roles.", name), replace)
	case b.snapshot.RolePrivileges[root] == nil:
		b.refuseAssignment(summary + ": what the role grants was not read.")
	case len(surplus) > 0:
		remedy := "Make the plan again with --least-privilege, which removes them from the role first; or list intended ones in allow:."
		if b.LeastPrivilege {
			remedy = "Remove them from the role manually; or list intended ones in allow:. " + planAgain
		}
		if b.role(&audit.Reference{ID: root}) == nil {
			remedy = "The role cannot be edited. " + replace
		}
		b.refuseAssignment(fmt.Sprintf("%s once it grants no more than required: it grants %s beyond the minimum: %s.",
			summary, text.Count(len(surplus), "privilege"), change.JoinFirst(surplus)),
			"Beyond the minimum, dangerous privileges first: "+strings.Join(surplus, ", ")+".", remedy)
	default:
		b.assign.Target.Grants = b.grantsAfter(root)
	}
}

// refuseAssignment makes the assignment a manual step.
func (b *builder) refuseAssignment(summary string, steps ...string) {
	for _, c := range b.assign.causes {
		b.appendManual(c, summary, change.SystemAdministrator, steps)
	}
	b.assign, b.roleUnassigned = nil, true
}

// integration returns the user and the role that the verdict is about; zero if unknown.
func (b *builder) integration() audit.Integration {
	if b.result.Integration == nil {
		return audit.Integration{}
	}
	return *b.result.Integration
}

func subjectID(s *audit.Subject) string {
	if s == nil {
		return ""
	}
	return s.ID
}
