package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type roleWork struct {
	ref      change.Ref
	grants   map[string]audit.Grant
	removals []string
	why      []change.Reason // of the role as a whole
	addWhy   map[string][]change.Reason
	takeWhy  []change.Reason
	unit     change.Ref
}

// role is the work on a role that may be edited, or nil.
func (b *builder) role(ref *audit.Reference) *roleWork {
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
	b.roles[ref.ID] = newRoleWork(change.Ref{ID: ref.ID, Name: role.Name}, b.unit(role.BusinessUnitID))
	return b.roles[ref.ID]
}

func newRoleWork(role, unit change.Ref) *roleWork {
	return &roleWork{ref: role, unit: unit, grants: map[string]audit.Grant{}, addWhy: map[string][]change.Reason{}}
}

func (b *builder) unit(id string) change.Ref {
	return change.Ref{ID: id, Name: b.snapshot.BusinessUnits[id].Name}
}

func (w *roleWork) grant(list []audit.Grant, why change.Reason) {
	for _, g := range list {
		if g.ID == "" || g.Depth == audit.DepthNone {
			continue
		}
		if g.Depth > w.grants[g.Name].Depth {
			w.grants[g.Name] = g
		}
		w.addWhy[g.Name] = add(w.addWhy[g.Name], why)
	}
}

// locked says why a role cannot be changed.
func (b *builder) locked(ref *audit.Reference) obstacle {
	if role, known := b.snapshot.Roles[refID(ref)]; known && (!role.Customizable || role.TemplateID != "") {
		return obstacleRoleLocked
	}
	return obstacleRoleUnread
}

// grantIn grants what a role lacks, and assigns the role if the fix needs that.
// Grants for some records only are replaced only on request.
func (b *builder) grantIn(c cause) {
	w := b.role(c.fix.Role)
	if w == nil {
		b.manual(c, b.locked(c.fix.Role))
		return
	}
	if limited := b.filtered(c.fix); len(limited) > 0 && !b.ReplaceFiltered {
		all := c.fix.Privileges
		c.fix.Privileges = limited
		b.manual(c, obstacleFiltered)
		if len(limited) == len(all) {
			return
		}
		c.fix.Privileges = slices.DeleteFunc(slices.Clone(all), func(g audit.Grant) bool { return slices.Contains(limited, g) })
	}
	w.grant(c.fix.Privileges, c.reason())
	if c.fix.User != nil {
		b.besides[c.finding.Fingerprint] = true
		c.fix = audit.Fix{Kind: change.AssignRole, Role: c.fix.Role, User: c.fix.User}
		b.assignRole(c)
	}
}

// filtered are the privileges of a fix that its role grants for some records only.
func (b *builder) filtered(fix audit.Fix) []audit.Grant {
	return slices.DeleteFunc(slices.Clone(fix.Privileges), func(g audit.Grant) bool {
		_, limited := b.snapshot.FilteredPrivileges[refID(fix.Role)][g.Name]
		return !limited
	})
}

// rootUnit is the business unit without a parent.
func (b *builder) rootUnit() (change.Ref, bool) {
	return b.unitThat(func(_ string, u snapshot.BusinessUnit) bool { return u.ParentID == "" })
}

// unitNamed is the enabled business unit with a name, or the root without a name.
func (b *builder) unitNamed(name string) (change.Ref, bool) {
	if name == "" {
		return b.rootUnit()
	}
	return b.unitThat(func(id string, u snapshot.BusinessUnit) bool {
		_, locked := b.lockedUnit(id)
		return strings.EqualFold(u.Name, name) && !locked
	})
}

func (b *builder) unitThat(is func(id string, u snapshot.BusinessUnit) bool) (change.Ref, bool) {
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
		b.manual(c, obstacleRootUnread)
		return
	}
	if b.newRole == nil {
		b.undefined(c)
		b.newRole = newRoleWork(change.Ref{Name: c.fix.Role.Name}, root)
	}
	b.newRole.why = add(b.newRole.why, c.reason())
	b.newRole.grant(c.fix.Privileges, c.reason())
}

// undefined makes manual steps of privileges that the environment does not define.
func (b *builder) undefined(c cause) {
	var missing []audit.Grant
	for _, name := range b.Minimum {
		if _, defined := b.snapshot.Privileges[name]; !defined {
			missing = append(missing, audit.Grant{Name: name})
		}
	}
	if missing != nil {
		c.fix = audit.Fix{Kind: change.InstallApp, Privileges: missing}
		b.manual(c, obstacleNone)
	}
}

func (b *builder) removePrivileges(c cause) {
	w := b.role(c.fix.Role)
	switch {
	case w == nil:
		b.manual(c, b.locked(c.fix.Role))
		return
	case b.LeastPrivilege && slices.ContainsFunc(b.filtered(c.fix), func(g audit.Grant) bool {
		_, held := b.snapshot.RolePrivileges[w.ref.ID][g.Name]
		return !held || !b.ReplaceFiltered
	}):
		b.manual(c, obstacleFiltered)
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
	w.takeWhy = add(w.takeWhy, c.reason())
}

// grants emits the grants of a role: missing privileges first, then higher depths.
func (b *builder) grants(w *roleWork, has map[string]audit.Depth) {
	lacking := lackedDefaults(has)
	if w.ref.ID == "" {
		lacking = nil // a new role already has them
	}
	for _, kind := range []audit.FixKind{change.AddPrivilege, change.RaiseDepth} {
		a := change.Act(kind, change.Target{
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
			if g.Depth > change.Asked(name, b.plan.Requirement, b.Depths) {
				a.Target.Levels[name] = b.snapshot.Privileges[name].Depths
			}
			if _, limited := b.snapshot.FilteredPrivileges[w.ref.ID][name]; limited {
				a.Target.Filtered = append(a.Target.Filtered, name)
			}
			a.Why = add(a.Why, w.addWhy[name]...)
		}
		if len(a.After) == 0 {
			continue
		}
		a.Along = slices.DeleteFunc(lacking, func(name string) bool { return a.After[name] != "" })
		lacking = nil // the first request restores them all
		b.action(a)
	}
}

// lackedDefaults are the platform's defaults that a role lacks; any grant restores them.
func lackedDefaults(has map[string]audit.Depth) []string {
	return slices.DeleteFunc(change.PlatformDefaults(), func(name string) bool { return has[name] != audit.DepthNone })
}

func (b *builder) removals(w *roleWork) {
	for _, name := range w.removals {
		a := change.Act(change.RemovePrivilege, change.Target{Role: &w.ref, BusinessUnit: &w.unit, Managed: b.snapshot.Roles[w.ref.ID].Managed}, w.takeWhy)
		a.Before, a.After = change.State{name: b.snapshot.RolePrivileges[w.ref.ID][name].String()}, change.State{name: change.None}
		b.action(a)
	}
}

// granted is everything that a role grants after this plan's changes.
func (b *builder) granted(root string) change.Depths {
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
			for _, name := range lackedDefaults(has) {
				grants[name] = audit.DepthGlobal
			}
		}
	}
	for _, name := range w.removals {
		delete(grants, name)
	}
	return grants
}
