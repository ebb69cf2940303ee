package collector

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func (c *collection) readPrivileges(ctx context.Context) (err error) {
	names := append(sightNames(), c.company.all(func(m *collection) []string { return m.Privileges })...)
	c.definitions, err = filtered(ctx, c, ask{
		section: snapshot.SectionPrivileges, what: "privileges", key: "privilegeid", from: dataverse.Collection("privileges"),
	}, eachText("name", names), privilegeOf)
	c.sightIDs = map[string]string{}
	for _, d := range c.definitions {
		c.sightIDs[d.ID] = strings.ToLower(d.name)
	}
	c.definitions = slices.DeleteFunc(c.definitions, func(d definition) bool { return c.spelling[strings.ToLower(d.name)] == "" })
	seen := map[string]bool{}
	for i := range c.definitions {
		d := &c.definitions[i]
		d.name = c.spell(d.name)
		if seen[d.name] {
			return fmt.Errorf("privileges: %s is defined twice", d.name)
		}
		seen[d.name] = true
	}
	return err
}

// spell gives a privilege's name in the profile's spelling, where the profile has
// it: environments differ in case.
func (c *collection) spell(name string) string {
	if spelling, ok := c.spelling[strings.ToLower(name)]; ok {
		return spelling
	}
	return name
}

// holdsNamedRole reports whether the user itself holds a role of the required name:
// it is that which is judged, whatever others have the name.
func (c *collection) holdsNamedRole() bool {
	return c.user != nil && slices.ContainsFunc(c.user.roles, func(r role) bool {
		return !r.void && c.Requirement.FitsRole(r.Name, c.Pattern)
	})
}

// readNamedRoles reads the roles whose name fits the requirement; in the wide
// scope, all unmanaged ones besides. It asks for root roles: each has a copy of
// its name in every business unit below, of which there may be thousands.
func (c *collection) readNamedRoles(ctx context.Context) error {
	if c.Requirement.Role == "" && c.Pattern == "" && c.Scope != snapshot.ScopeEnvironment {
		return nil
	}
	var names, parts []string
	for _, m := range c.company.members {
		if m.Requirement.Role != "" {
			names = append(names, m.Requirement.Role)
		} else {
			parts = append(parts, m.Pattern)
		}
	}
	var either []dataverse.Expr
	if c.Scope == snapshot.ScopeEnvironment {
		either = append(either, dataverse.EqBool("ismanaged", false))
	}
	either = append(either, eachText("name", names)...)
	for _, part := range eachOnce(parts) {
		either = append(either, dataverse.Contains("name", part))
	}
	fits := dataverse.Or(either...)
	a := ask{section: snapshot.SectionRoles, what: "roles by name", key: "roleid", from: dataverse.Collection("roles")}
	a.where = []dataverse.Expr{dataverse.EqNull("_parentroleid_value"), fits}
	found, err := rows(ctx, c, a, roleOf)
	if refused(err) {
		a.where = []dataverse.Expr{fits}
		found, err = rows(ctx, c, a, roleOf)
	}
	c.named = slices.DeleteFunc(found, func(r role) bool {
		return r.id != r.RootID || c.Scope != snapshot.ScopeEnvironment && !c.Requirement.FitsRole(r.Name, c.Pattern)
	})
	return err
}

// A reach is how the roles that are known so far reach the users that matter.
type reach struct {
	direct, through map[string]role
}

func (c *collection) reach() reach {
	r := reach{map[string]role{}, map[string]role{}}
	add := func(to map[string]role, roles []role) {
		for _, o := range roles {
			if _, known := to[o.id]; !known && !o.void {
				to[o.id] = o
			}
		}
	}
	members := map[string]bool{}
	for _, u := range c.holders() {
		add(r.direct, u.roles)
		for _, t := range u.teams {
			members[t.id] = true
		}
	}
	for _, t := range c.teams {
		if members[t.id] || c.Scope == snapshot.ScopeEnvironment {
			add(r.through, t.roles)
		}
	}
	return r
}

// firstSeen has the rows of all roles that matter so far, as each was first read.
func (c *collection) firstSeen() map[string]role {
	r := c.reach()
	all := map[string]role{}
	for _, o := range c.named {
		if !o.void {
			all[o.id] = o
		}
	}
	for _, known := range []map[string]role{r.through, r.direct} {
		for id, o := range known {
			all[id] = o
		}
	}
	return all
}

// wantedRoots are the roots of the roles whose privileges are needed, as far as is
// known yet, and were not asked for. They are the user's roles and the configured one; if
// none is configured and none of the user's roles grants any of the minimum, the custom
// roles with a matching name.
func (c *collection) wantedRoots() []string {
	wanted := map[string]bool{}
	r := c.reach()
	useful := false
	// Roles by name have to wait while one that is likely to be useful is unread.
	waiting := !c.teamsKnown && c.user != nil && len(c.user.teams) > 0
	for _, known := range []map[string]role{r.direct, r.through} {
		for id, o := range known {
			wanted[o.RootID] = true
			if o.TemplateID != "" {
				continue
			}
			_, direct := r.direct[id]
			likely := direct || c.Requirement.FitsRole(o.Name, c.Pattern)
			waiting = waiting || likely && !c.asked[o.RootID]
			useful = useful || c.grantsAny(o.RootID)
		}
	}
	byName := c.Scope == snapshot.ScopeEnvironment || c.Requirement.Role != ""
	for _, o := range c.named {
		if !o.void && (byName || !useful && !waiting && o.TemplateID == "") {
			wanted[o.RootID] = true
		}
	}
	for root := range c.asked {
		delete(wanted, root)
	}
	return sortedKeys(wanted)
}

// grantsAny reports whether a role was read to grant some of the minimum.
func (c *collection) grantsAny(root string) bool {
	return slices.ContainsFunc(c.Privileges, c.grants[root].names)
}

// readGrants makes the part of a round that reads what roles grant, as they are
// known now.
// fresh reads again what was read already.
func (c *collection) readGrants(roots []string, fresh bool) part {
	copies := make([]role, len(roots))
	for i, root := range roots {
		copies[i] = c.company.oneCopy(root, c.nearest)
		c.asked[root] = true
	}
	return func(ctx context.Context) error {
		found := make([]*granted, len(roots))
		err := parallel(ctx, len(roots), func(ctx context.Context, i int) (err error) {
			found[i], err = c.readRole(ctx, copies[i], fresh)
			return c.end(ctx, snapshot.SectionRolePrivileges, err)
		})
		for i, root := range roots {
			if found[i] != nil {
				c.grants[root] = *found[i]
			}
		}
		return err
	}
}

// nearest chooses the copy of a role to read: one that the user has, preferably the root.
func (c *collection) nearest(root string) role {
	r := c.reach()
	for _, known := range []map[string]role{r.direct, r.through, c.firstSeen()} {
		if o, ok := known[root]; ok {
			return o
		}
		for _, id := range sortedKeys(known) {
			if known[id].RootID == root {
				return known[id]
			}
		}
	}
	return role{id: root}
}

// granted is what a role grants, by the privileges' names.
type granted struct {
	depths map[string]snapshot.Depth
	// filtered are grants for the records of a filter only, unreadable those at a
	// depth that nobody knows: both with the depth as the environment words it.
	filtered, unreadable map[string]string
}

// names reports whether the role grants a privilege in any way.
func (g granted) names(privilege string) bool {
	_, filtered := g.filtered[privilege]
	_, unreadable := g.unreadable[privilege]
	return filtered || unreadable || g.depths[privilege] != snapshot.DepthNone
}

// readRole reads what a role grants.
func (c *collection) readRole(ctx context.Context, o role, fresh bool) (*granted, error) {
	what := fmt.Sprintf("privileges of the role %q", o.Name)
	found, err := object(ctx, c, ask{
		section: snapshot.SectionRolePrivileges, what: what, fresh: fresh,
		from: dataverse.Function("RetrieveRolePrivilegesRole", dataverse.IDArg("RoleId", dataverse.GUID(o.id))),
	}, grantsOf)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(found, func(g granting) bool { return g.name == "" }) {
		if err := c.readNames(ctx, o, found, fresh); err != nil {
			return nil, err
		}
	}
	return c.join(found), nil
}

// join takes grants by their names. Names that differ in case alone are one, and of
// several grants of one privilege the deepest counts.
func (c *collection) join(found []granting) *granted {
	slices.SortFunc(found, func(a, b granting) int {
		return cmp.Or(cmp.Compare(c.spell(a.name), c.spell(b.name)), cmp.Compare(a.word, b.word))
	})
	g := &granted{map[string]snapshot.Depth{}, map[string]string{}, map[string]string{}}
	spelling := map[string]string{}
	for _, one := range found {
		lower := strings.ToLower(one.name)
		if _, known := spelling[lower]; !known {
			spelling[lower] = c.spell(one.name)
		}
		switch name := spelling[lower]; {
		case one.filtered:
			g.filtered[name] = one.word
		case one.depth == snapshot.DepthNone:
			g.unreadable[name] = one.word
		default:
			g.depths[name] = max(g.depths[name], one.depth)
		}
	}
	return g
}

// A granting is what a row of a role's privileges comes to.
type granting struct {
	id, name string
	// word is the depth as received; depth is none if it is unknown, or that of a filter.
	word  string
	depth snapshot.Depth
	// filtered marks a grant for the records of a filter only.
	filtered bool
}

func grantsOf(r *row) []granting { return list(r, "RolePrivileges", "", grantOf) }

func grantOf(r *row) granting {
	g := granting{id: r.id("PrivilegeId"), word: r.word("Depth")}
	g.depth = depthOf(g.word)
	g.filtered = g.word == "RecordFilter" || g.word == "4"
	if r.has("PrivilegeName") {
		g.name = r.text("PrivilegeName")
	}
	if r.has("RecordFilterId") {
		filter := r.text("RecordFilterId")
		g.filtered = g.filtered || filter != "" && !dataverse.GUID(filter).IsZero()
	}
	return g
}

// depthOf reads a member of the PrivilegeDepth enumeration; none for its fifth,
// RecordFilter, and for undocumented members.
func depthOf(name string) snapshot.Depth {
	switch name {
	case "Basic":
		return snapshot.DepthBasic
	case "Local":
		return snapshot.DepthLocal
	case "Deep":
		return snapshot.DepthDeep
	case "Global":
		return snapshot.DepthGlobal
	}
	return snapshot.DepthNone
}

// readNames gives the names of a role's privileges where the environment is older
// than RolePrivilege.PrivilegeName.
func (c *collection) readNames(ctx context.Context, o role, found []granting, fresh bool) error {
	definitions, err := rows(ctx, c, ask{
		fresh:   fresh,
		section: snapshot.SectionRolePrivileges, what: fmt.Sprintf("names of the privileges of the role %q", o.Name), key: "privilegeid",
		from: dataverse.Row("roles", dataverse.GUID(o.id)).Nav("roleprivileges_association"),
	}, func(r *row) granting { return granting{id: r.id("privilegeid"), name: r.text("name")} })
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, d := range definitions {
		names[d.id] = d.name
	}
	for i := range found {
		if g := &found[i]; g.name == "" {
			if g.name = names[g.id]; g.name == "" {
				return fmt.Errorf("privileges of the role %q: the privilege %s has no name", o.Name, g.id)
			}
		}
	}
	return nil
}

// confirmRoles reads the rows of all roles once more, to make sure that none
// changed while its privileges were read, and reads again what one grants that
// did. The same requests bring the roles' roots, and their copies in the user's
// business unit, by which a role would be assigned. The conditions are those of all
// integrations: they share the first answer, and each asks by itself when a role changed.
func (c *collection) confirmRoles(ctx context.Context, conditions []dataverse.Expr) error {
	seen := c.firstSeen()
	for attempt := 0; ; attempt++ {
		if attempt > 0 {
			conditions = c.confirming(seen)
		}
		now, err := c.readRolesAgain(ctx, seen, conditions, attempt > 0)
		if forbidden(err) {
			// What came with the users is not all of what there may be.
			if err := c.end(ctx, snapshot.SectionRoles, err); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("making sure that no role changed meanwhile: %w", err)
		}
		c.confirmed = now
		changed, names := map[string]bool{}, map[string]bool{}
		for id, was := range seen {
			is, there := now[id]
			if !there {
				return fmt.Errorf("the role %q is gone since it was first read: try again", was.Name)
			}
			if _, there := now[was.RootID]; !there && c.asked[was.RootID] {
				return fmt.Errorf("the role %q is seen in one business unit only, and not where it was made: "+
					"give the auditor's role prvReadRole at organization level", was.Name)
			}
			if !is.stamp.same(was.stamp) && c.asked[was.RootID] {
				changed[was.RootID] = true
				names[fmt.Sprintf("%q", is.Name)] = true
			}
		}
		switch {
		case len(changed) == 0:
			return nil
		case attempt == rereads:
			return fmt.Errorf("the role %s changed each time it was read: try again when nobody edits it",
				strings.Join(sortedKeys(names), ", "))
		}
		if err := c.readGrants(sortedKeys(changed), true)(ctx); err != nil {
			return err
		}
		seen = now
	}
}

// toConfirm are the ids of the roles that are read once more.
func (c *collection) toConfirm(seen map[string]role) map[string]bool {
	ids := map[string]bool{}
	for id, o := range seen {
		if c.asked[o.RootID] {
			ids[id], ids[o.RootID] = true, true
		}
	}
	return ids
}

// assignable is the business unit whose copies of roles could be assigned to the user,
// or "".
func (c *collection) assignable() string {
	if c.Scope == snapshot.ScopeEnvironment || c.user == nil {
		return ""
	}
	return c.user.BusinessUnitID
}

// confirming has a condition for each role that is read once more.
func (c *collection) confirming(seen map[string]role) []dataverse.Expr {
	conditions := eachID("roleid", sortedKeys(c.toConfirm(seen)))
	if unit := c.assignable(); unit != "" {
		here := dataverse.EqID("_businessunitid_value", dataverse.GUID(unit))
		for _, copies := range eachID("_parentrootroleid_value", sortedKeys(c.asked)) {
			conditions = append(conditions, dataverse.And(here, copies))
		}
	}
	return conditions
}

func (c *collection) readRolesAgain(ctx context.Context, seen map[string]role, conditions []dataverse.Expr, fresh bool) (map[string]role, error) {
	found, err := filtered(ctx, c, ask{
		section: snapshot.SectionRoles, what: "roles once more", key: "roleid", from: dataverse.Collection("roles"), fresh: fresh,
	}, conditions, roleOf)
	if err != nil {
		return nil, err
	}
	ids, unit := c.toConfirm(seen), c.assignable()
	now := map[string]role{}
	for _, o := range found {
		if mine := ids[o.id] || unit != "" && o.BusinessUnitID == unit && c.asked[o.RootID]; mine && !o.void {
			now[o.id] = o
		}
	}
	for id, o := range seen {
		if !c.asked[o.RootID] {
			now[id] = o
		}
	}
	return now, nil
}
