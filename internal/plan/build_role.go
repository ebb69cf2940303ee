package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type roleChange struct {
	ref            change.Ref
	grants         map[string]audit.Grant
	removals       []string
	reasons        []change.Reason // of the role as a whole
	grantReasons   map[string][]change.Reason
	removalReasons []change.Reason
	unit           change.Ref
}

// role is the work on a role that may be edited, or nil.
func (b *builder) role(ref *audit.Reference) *roleChange {
	if ref == nil || ref.ID == "" {
		return nil
	}
	if w := b.roles[ref.ID]; w != nil {
		return w
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

func (w *roleChange) grant(list []audit.Grant, why change.Reason) {
	for _, g := range list {
		if g.ID == "" || g.Depth == audit.DepthNone {
			continue
		}
		if g.Depth > w.grants[g.Name].Depth {
			w.grants[g.Name] = g
		}
		w.grantReasons[g.Name] = addReasons(w.grantReasons[g.Name], why)
	}
}

// roleObstacle says why a role cannot be changed.
func (b *builder) roleObstacle(ref *audit.Reference) obstacle {
	if role, known := b.snapshot.Roles[refID(ref)]; known && (!role.Customizable || role.TemplateID != "") {
		return obstacleRoleLocked
	}
	return obstacleRoleUnread
}

// grantPrivileges grants what a role lacks, and assigns the role if the fix needs that.
// Grants for some records only are replaced only on request.
func (b *builder) grantPrivileges(c cause) {
	w := b.role(c.fix.Role)
	if w == nil {
		b.addManual(c, b.roleObstacle(c.fix.Role))
		return
	}
	if limited := b.filteredGrants(c.fix); len(limited) > 0 && !b.ReplaceFiltered {
		all := c.fix.Privileges
		c.fix.Privileges = limited
		b.addManual(c, obstacleFiltered)
		if len(limited) == len(all) {
			return
		}
		c.fix.Privileges = slices.DeleteFunc(slices.Clone(all), func(g audit.Grant) bool { return slices.Contains(limited, g) })
	}
	w.grant(c.fix.Privileges, c.reason())
	if c.fix.User != nil {
		b.needsAssignment[c.finding.Fingerprint] = true
		c.fix = audit.Fix{Kind: change.AssignRole, Role: c.fix.Role, User: c.fix.User}
		b.assignRole(c)
	}
}

// filteredGrants are the privileges of a fix that its role grants for some records only.
func (b *builder) filteredGrants(fix audit.Fix) []audit.Grant {
	return slices.DeleteFunc(slices.Clone(fix.Privileges), func(g audit.Grant) bool {
		_, limited := b.snapshot.FilteredPrivileges[refID(fix.Role)][g.Name]
		return !limited
	})
}

// rootUnit is the business unit without a parent.
func (b *builder) rootUnit() (change.Ref, bool) {
	return b.findUnit(func(_ string, u snapshot.BusinessUnit) bool { return u.ParentID == "" })
}

// unitNamed is the enabled business unit with a name, or the root without a name.
func (b *builder) unitNamed(name string) (change.Ref, bool) {
	if name == "" {
		return b.rootUnit()
	}
	return b.findUnit(func(id string, u snapshot.BusinessUnit) bool {
		_, locked := b.disabledUnit(id)
		return strings.EqualFold(u.Name, name) && !locked
	})
}

func (b *builder) findUnit(is func(id string, u snapshot.BusinessUnit) bool) (change.Ref, bool) {
	for _, id := range slices.Sorted(maps.Keys(b.snapshot.BusinessUnits)) {
		if is(id, b.snapshot.BusinessUnits[id]) {
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

// addUndefinedPrivileges makes manual steps of privileges that the environment does not define.
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
	w := b.role(c.fix.Role)
	switch {
	case w == nil:
		b.addManual(c, b.roleObstacle(c.fix.Role))
		return
	case b.LeastPrivilege && slices.ContainsFunc(b.filteredGrants(c.fix), func(g audit.Grant) bool {
		_, held := b.snapshot.RolePrivileges[w.ref.ID][g.Name]
		return !held || !b.ReplaceFiltered
	}):
		b.addManual(c, obstacleFiltered)
		return
	case !b.LeastPrivilege:
		b.withhold(c)
		return
	}
	for _, g := range c.fix.Privileges {
		if _, held := b.snapshot.RolePrivileges[w.ref.ID][g.Name]; held && !slices.Contains(w.removals, g.Name) {
			w.removals = append(w.removals, g.Name)
		}
	}
	w.removalReasons = addReasons(w.removalReasons, c.reason())
}

// appendGrants emits the grants of a role: missing privileges first, then higher depths.
func (b *builder) appendGrants(w *roleChange, has map[string]audit.Depth) {
	lacking := missingRestored(has)
	if w.ref.ID == "" {
		lacking = nil // a new role already has them
	}
	for _, kind := range []audit.FixKind{change.AddPrivilege, change.RaiseDepth} {
		a := change.NewAction(kind, change.Target{
			Role: &w.ref, BusinessUnit: &w.unit, Managed: b.snapshot.Roles[w.ref.ID].Managed,
			Privileges: map[string]string{}, Levels: map[string][]audit.Depth{},
		}, nil)
		a.UndoneWith, a.Before, a.After = w.ref.MadeBy, change.State{}, change.State{}
		for _, name := range slices.Sorted(maps.Keys(w.grants)) {
			g := w.grants[name]
			if g.Depth <= has[name] || (kind == change.RaiseDepth) != (has[name] != audit.DepthNone) {
				continue
			}
			a.Before[name], a.After[name], a.Target.Privileges[name] = has[name].String(), g.Depth.String(), strings.ToLower(g.ID)
			if g.Depth > change.RequiredDepth(name, b.plan.Requirement, b.Depths) {
				a.Target.Levels[name] = b.snapshot.Privileges[name].Depths
			}
			if _, limited := b.snapshot.FilteredPrivileges[w.ref.ID][name]; limited {
				a.Target.Filtered = append(a.Target.Filtered, name)
			}
			a.Why = addReasons(a.Why, w.grantReasons[name]...)
		}
		if len(a.After) == 0 {
			continue
		}
		a.Along = slices.DeleteFunc(lacking, func(name string) bool { return a.After[name] != "" })
		lacking = nil // the first request restores them all
		b.appendAction(a)
	}
}

// missingRestored are the platform's defaults that a role lacks; any grant restores them.
func missingRestored(has map[string]audit.Depth) []string {
	return slices.DeleteFunc(change.RestoredPrivileges(), func(name string) bool { return has[name] != audit.DepthNone })
}

func (b *builder) appendRemovals(w *roleChange) {
	for _, name := range w.removals {
		a := change.NewAction(change.RemovePrivilege, change.Target{Role: &w.ref, BusinessUnit: &w.unit, Managed: b.snapshot.Roles[w.ref.ID].Managed}, w.removalReasons)
		a.Before, a.After = change.State{name: b.snapshot.RolePrivileges[w.ref.ID][name].String()}, change.State{name: change.None}
		b.appendAction(a)
	}
}

// grantsAfter is everything that a role grants after this plan's changes.
func (b *builder) grantsAfter(root string) change.Depths {
	has := b.snapshot.RolePrivileges[root]
	grants := change.Depths{}
	maps.Copy(grants, has)
	maps.DeleteFunc(grants, func(_ string, depth audit.Depth) bool { return depth == audit.DepthNone })
	w := b.roles[root]
	if w == nil {
		return grants
	}
	for name, g := range w.grants {
		if g.Depth > has[name] {
			grants[name] = g.Depth
			for _, name := range missingRestored(has) {
				grants[name] = audit.DepthGlobal
			}
		}
	}
	for _, name := range w.removals {
		delete(grants, name)
	}
	return grants
}
