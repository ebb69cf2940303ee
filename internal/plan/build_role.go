package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A roleChange collects the changes of a role.
type roleChange struct {
	ref            change.Ref
	grants         map[string]audit.Grant
	removals       []string
	reasons        []change.Reason            // to create the role
	grantReasons   map[string][]change.Reason // by privilege
	removalReasons []change.Reason
	unit           change.Ref
}

// role returns the changes of a role, or nil if the role cannot be edited.
func (b *builder) role(ref *audit.Reference) *roleChange {
	if ref == nil || ref.ID == "" {
		return nil
	}
	if r := b.roles[ref.ID]; r != nil {
		return r
	}
	role, known := b.snapshot.Roles[ref.ID]
	if !known || role.RootID != ref.ID || !role.Customizable || role.TemplateID != "" || b.snapshot.RolePrivileges[ref.ID] == nil {
		return nil
	}
	b.roles[ref.ID] = newRoleChange(change.Ref{ID: ref.ID, Name: role.Name}, b.unit(role.BusinessUnitID))
	return b.roles[ref.ID]
}

func newRoleChange(role, unit change.Ref) *roleChange {
	return &roleChange{ref: role, unit: unit, grants: map[string]audit.Grant{}, grantReasons: map[string][]change.Reason{}}
}

func (b *builder) unit(id string) change.Ref {
	return change.Ref{ID: id, Name: b.snapshot.BusinessUnits[id].Name}
}

func (r *roleChange) grant(list []audit.Grant, why change.Reason) {
	for _, g := range list {
		if g.ID == "" || g.Depth == audit.DepthNone {
			continue
		}
		if g.Depth > r.grants[g.Name].Depth {
			r.grants[g.Name] = g
		}
		r.grantReasons[g.Name] = addReasons(r.grantReasons[g.Name], why)
	}
}

// roleObstacle returns why a role cannot be changed.
func (b *builder) roleObstacle(ref *audit.Reference) obstacle {
	if role, known := b.snapshot.Roles[refID(ref)]; known && (!role.Customizable || role.TemplateID != "") {
		return obstacleRoleLocked
	}
	return obstacleRoleUnread
}

// grantPrivileges grants the privileges of a fix, and assigns the role if the fix names a user.
// It replaces grants for some records only with [Options.ReplaceFiltered].
func (b *builder) grantPrivileges(c cause) {
	r := b.role(c.fix.Role)
	if r == nil {
		b.addManual(c, b.roleObstacle(c.fix.Role))
		return
	}
	if filtered := b.filteredGrants(c.fix); len(filtered) > 0 && !b.ReplaceFiltered {
		all := c.fix.Privileges
		c.fix.Privileges = filtered
		b.addManual(c, obstacleFiltered)
		if len(filtered) == len(all) {
			return
		}
		c.fix.Privileges = slices.DeleteFunc(slices.Clone(all), func(g audit.Grant) bool { return slices.Contains(filtered, g) })
	}
	r.grant(c.fix.Privileges, c.reason())
	if c.fix.User != nil {
		b.needsAssignment[c.finding.Fingerprint] = true
		c.fix = audit.Fix{Kind: change.AssignRole, Role: c.fix.Role, User: c.fix.User}
		b.assignRole(c)
	}
}

// filteredGrants returns the privileges of a fix that its role grants for some records only.
func (b *builder) filteredGrants(fix audit.Fix) []audit.Grant {
	return slices.DeleteFunc(slices.Clone(fix.Privileges), func(g audit.Grant) bool {
		_, filtered := b.snapshot.FilteredPrivileges[refID(fix.Role)][g.Name]
		return !filtered
	})
}

// rootUnit returns the business unit without a parent.
func (b *builder) rootUnit() (change.Ref, bool) {
	return b.findUnit(func(_ string, u snapshot.BusinessUnit) bool { return u.ParentID == "" })
}

// unitNamed returns the enabled business unit with the name, or the root for an empty name.
func (b *builder) unitNamed(name string) (change.Ref, bool) {
	if name == "" {
		return b.rootUnit()
	}
	return b.findUnit(func(id string, u snapshot.BusinessUnit) bool {
		_, disabled := b.disabledUnit(id)
		return strings.EqualFold(u.Name, name) && !disabled
	})
}

func (b *builder) findUnit(matches func(id string, u snapshot.BusinessUnit) bool) (change.Ref, bool) {
	for _, id := range slices.Sorted(maps.Keys(b.snapshot.BusinessUnits)) {
		if matches(id, b.snapshot.BusinessUnits[id]) {
			return b.unit(id), true
		}
	}
	return change.Ref{}, false
}

func (b *builder) createRole(c cause) {
	root, ok := b.rootUnit()
	if !ok || c.fix.Role == nil || c.fix.Role.Name == "" {
		b.addManual(c, obstacleRootUnread)
		return
	}
	if b.newRole == nil {
		b.addUndefinedPrivileges(c)
		b.newRole = newRoleChange(change.Ref{Name: c.fix.Role.Name}, root)
	}
	b.newRole.reasons = addReasons(b.newRole.reasons, c.reason())
	b.newRole.grant(c.fix.Privileges, c.reason())
}

// addUndefinedPrivileges adds the manual step for privileges that the environment does not define.
func (b *builder) addUndefinedPrivileges(c cause) {
	var missing []audit.Grant
	for _, name := range b.Minimum {
		if _, defined := b.snapshot.Privileges[name]; !defined {
			missing = append(missing, audit.Grant{Name: name})
		}
	}
	if missing != nil {
		c.fix = audit.Fix{Kind: change.InstallApp, Privileges: missing}
		b.addManual(c, obstacleNone)
	}
}

func (b *builder) removePrivileges(c cause) {
	r := b.role(c.fix.Role)
	switch {
	case r == nil:
		b.addManual(c, b.roleObstacle(c.fix.Role))
		return
	case b.LeastPrivilege && slices.ContainsFunc(b.filteredGrants(c.fix), func(g audit.Grant) bool {
		_, held := b.snapshot.RolePrivileges[r.ref.ID][g.Name]
		return !held || !b.ReplaceFiltered
	}):
		b.addManual(c, obstacleFiltered)
		return
	case !b.LeastPrivilege:
		b.withhold(c)
		return
	}
	for _, g := range c.fix.Privileges {
		if _, held := b.snapshot.RolePrivileges[r.ref.ID][g.Name]; held && !slices.Contains(r.removals, g.Name) {
			r.removals = append(r.removals, g.Name)
		}
	}
	r.removalReasons = addReasons(r.removalReasons, c.reason())
}

// appendGrants appends the grants of a role: first missing privileges, then greater depths.
func (b *builder) appendGrants(r *roleChange, has map[string]audit.Depth) {
	restored := missingRestored(has)
	if r.ref.ID == "" {
		restored = nil // a new role already has them
	}
	for _, kind := range []audit.FixKind{change.AddPrivilege, change.RaiseDepth} {
		a := change.NewAction(kind, change.Target{
			Role: &r.ref, BusinessUnit: &r.unit, Managed: b.snapshot.Roles[r.ref.ID].Managed,
			Privileges: map[string]string{}, Levels: map[string][]audit.Depth{},
		}, nil)
		a.UndoneWith, a.Before, a.After = r.ref.MadeBy, change.State{}, change.State{}
		for _, name := range slices.Sorted(maps.Keys(r.grants)) {
			g := r.grants[name]
			if g.Depth <= has[name] || (kind == change.RaiseDepth) != (has[name] != audit.DepthNone) {
				continue
			}
			a.Before[name], a.After[name], a.Target.Privileges[name] = has[name].String(), g.Depth.String(), strings.ToLower(g.ID)
			if g.Depth > change.RequiredDepth(name, b.plan.Requirement, b.Depths) {
				a.Target.Levels[name] = b.snapshot.Privileges[name].Depths
			}
			if _, filtered := b.snapshot.FilteredPrivileges[r.ref.ID][name]; filtered {
				a.Target.Filtered = append(a.Target.Filtered, name)
			}
			a.Why = addReasons(a.Why, r.grantReasons[name]...)
		}
		if len(a.After) == 0 {
			continue
		}
		a.Along = slices.DeleteFunc(restored, func(name string) bool { return a.After[name] != "" })
		restored = nil // the first request restores them all
		b.appendAction(a)
	}
}

// missingRestored returns the privileges that a role lacks and any grant restores.
func missingRestored(has map[string]audit.Depth) []string {
	return slices.DeleteFunc(change.RestoredPrivileges(), func(name string) bool { return has[name] != audit.DepthNone })
}

func (b *builder) appendRemovals(r *roleChange) {
	for _, name := range r.removals {
		target := change.Target{Role: &r.ref, BusinessUnit: &r.unit, Managed: b.snapshot.Roles[r.ref.ID].Managed}
		a := change.NewAction(change.RemovePrivilege, target, r.removalReasons)
		a.Before, a.After = change.State{name: b.snapshot.RolePrivileges[r.ref.ID][name].String()}, change.State{name: change.None}
		b.appendAction(a)
	}
}

// grantsAfter returns all privileges of a role after the changes of the plan.
func (b *builder) grantsAfter(root string) change.Depths {
	has := b.snapshot.RolePrivileges[root]
	grants := change.Depths{}
	maps.Copy(grants, has)
	maps.DeleteFunc(grants, func(_ string, depth audit.Depth) bool { return depth == audit.DepthNone })
	r := b.roles[root]
	if r == nil {
		return grants
	}
	for name, g := range r.grants {
		if g.Depth > has[name] {
			grants[name] = g.Depth
			for _, name := range missingRestored(has) {
				grants[name] = audit.DepthGlobal
			}
		}
	}
	for _, name := range r.removals {
		delete(grants, name)
	}
	return grants
}
