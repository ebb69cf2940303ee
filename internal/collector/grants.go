package collector

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// readGrants makes the part of a round that reads what roles grant. With fresh, it reads them
// again.
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
	direct, through := c.reach()
	for _, known := range []map[string]role{direct, through, c.firstSeen()} {
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
	depths map[string]audit.Depth
	// filtered are grants that apply only to the records of a filter, unreadable those at an
	// unknown depth; both with the environment's word for the depth.
	filtered, unreadable map[string]string
}

// names reports whether the role grants a privilege in any way.
func (g granted) names(privilege string) bool {
	_, filtered := g.filtered[privilege]
	_, unreadable := g.unreadable[privilege]
	return filtered || unreadable || g.depths[privilege] != audit.DepthNone
}

// readRole reads what a role grants.
func (c *collection) readRole(ctx context.Context, o role, fresh bool) (*granted, error) {
	what := fmt.Sprintf("privileges of the role %q", o.Name)
	found, err := ReadObject(ctx, c.StrictReader, Read{
		section: snapshot.SectionRolePrivileges, Label: what, fresh: fresh,
		Query: grantsQuery(dataverse.GUID(o.id)),
	}, grantsOf)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(found, func(g Grant) bool { return g.Name == "" }) {
		if err := c.readNames(ctx, o, found, fresh); err != nil {
			return nil, err
		}
	}
	return c.join(found), nil
}

// join groups grants by name. Names that differ only in case are one name; the deepest grant
// of a privilege counts.
func (c *collection) join(found []Grant) *granted {
	slices.SortFunc(found, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(c.spell(a.Name), c.spell(b.Name)), cmp.Compare(a.RawDepth, b.RawDepth))
	})
	g := &granted{map[string]audit.Depth{}, map[string]string{}, map[string]string{}}
	spelling := map[string]string{}
	for _, one := range found {
		lower := strings.ToLower(one.Name)
		if _, known := spelling[lower]; !known {
			spelling[lower] = c.spell(one.Name)
		}
		switch name := spelling[lower]; {
		case one.Filtered:
			g.filtered[name] = one.RawDepth
		case one.Depth == audit.DepthNone:
			g.unreadable[name] = one.RawDepth
		default:
			g.depths[name] = max(g.depths[name], one.Depth)
		}
	}
	return g
}

func grantsOf(r Row) []Grant { return objects(r, "RolePrivileges", "", grantOf) }

func grantOf(r Row) Grant {
	g := Grant{ID: r.ID("PrivilegeId"), RawDepth: cmp.Or(r.typeCode("Depth"), "null"), Name: r.TextIfPresent("PrivilegeName")}
	filter := r.TextIfPresent("RecordFilterId")
	g.Depth = audit.DepthFromWire(g.RawDepth)
	g.Filtered = g.RawDepth == "RecordFilter" || g.RawDepth == "4" || filter != "" && !dataverse.GUID(filter).IsZero()
	return g
}

// readNames reads the names of a role's privileges, for environments that are older than
// RolePrivilege.PrivilegeName.
func (c *collection) readNames(ctx context.Context, o role, found []Grant, fresh bool) error {
	named := tableOf("privileges", "privilegeid", func(r Row) Grant { return Grant{ID: r.ID("privilegeid"), Name: r.Text("name")} }).
		at(dataverse.Row("roles", dataverse.GUID(o.id)).Nav("roleprivileges_association"))
	definitions, err := named.rows(ctx, c.StrictReader, Read{
		section: snapshot.SectionRolePrivileges, Label: fmt.Sprintf("names of the privileges of the role %q", o.Name), fresh: fresh,
	})
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, d := range definitions {
		names[d.ID] = d.Name
	}
	for i := range found {
		if g := &found[i]; g.Name == "" {
			if g.Name = names[g.ID]; g.Name == "" {
				return fmt.Errorf("privileges of the role %q: the privilege %s has no name", o.Name, g.ID)
			}
		}
	}
	return nil
}
