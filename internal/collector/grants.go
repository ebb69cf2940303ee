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
		copies[i] = c.group.sharedCopy(root, c.preferredCopy)
		c.requestedRoots[root] = true
	}
	return func(ctx context.Context) error {
		found := make([]*roleGrants, len(roots))
		err := parallel(ctx, len(roots), func(ctx context.Context, i int) (err error) {
			found[i], err = c.readRoleGrants(ctx, copies[i], fresh)
			return c.finish(ctx, snapshot.SectionRolePrivileges, err)
		})
		for i, root := range roots {
			if found[i] != nil {
				c.grants[root] = *found[i]
			}
		}
		return err
	}
}

// preferredCopy chooses the copy of a role to read: one that the user has, preferably the root.
func (c *collection) preferredCopy(root string) role {
	direct, through := c.assignedRoles()
	for _, known := range []map[string]role{direct, through, c.knownRoles()} {
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

// roleGrants is what a role grants, by the privileges' names.
type roleGrants struct {
	depths map[string]audit.Depth
	// filtered are grants that apply only to the records of a filter, unreadable those at an
	// unknown depth; both with the environment's word for the depth.
	filtered, unreadable map[string]string
}

// includes reports whether the role grants a privilege in any way.
func (g roleGrants) includes(privilege string) bool {
	_, filtered := g.filtered[privilege]
	_, unreadable := g.unreadable[privilege]
	return filtered || unreadable || g.depths[privilege] != audit.DepthNone
}

// readRoleGrants reads what a role grants.
func (c *collection) readRoleGrants(ctx context.Context, o role, fresh bool) (*roleGrants, error) {
	what := fmt.Sprintf("privileges of the role %q", o.Name)
	found, err := ReadObject(ctx, c.StrictReader, Read{
		section: snapshot.SectionRolePrivileges, Label: what, fresh: fresh,
		Query: roleGrantsQuery(dataverse.GUID(o.id)),
	}, decodeRoleGrants)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(found, func(g Grant) bool { return g.Name == "" }) {
		if err := c.readPrivilegeNames(ctx, o, found, fresh); err != nil {
			return nil, err
		}
	}
	return c.groupGrants(found), nil
}

// groupGrants groups grants by name. Names that differ only in case are one name; the deepest grant
// of a privilege counts.
func (c *collection) groupGrants(found []Grant) *roleGrants {
	slices.SortFunc(found, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(c.profileSpelling(a.Name), c.profileSpelling(b.Name)), cmp.Compare(a.RawDepth, b.RawDepth))
	})
	g := &roleGrants{map[string]audit.Depth{}, map[string]string{}, map[string]string{}}
	spelling := map[string]string{}
	for _, one := range found {
		lower := strings.ToLower(one.Name)
		if _, known := spelling[lower]; !known {
			spelling[lower] = c.profileSpelling(one.Name)
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

func decodeRoleGrants(r Row) []Grant { return objects(r, "RolePrivileges", "", decodeGrant) }

func decodeGrant(r Row) Grant {
	g := Grant{ID: r.ID("PrivilegeId"), RawDepth: cmp.Or(r.nameOrNumber("Depth"), "null"), Name: r.TextIfPresent("PrivilegeName")}
	filter := r.TextIfPresent("RecordFilterId")
	g.Depth = audit.DepthFromWire(g.RawDepth)
	g.Filtered = g.RawDepth == "RecordFilter" || g.RawDepth == "4" || filter != "" && !dataverse.GUID(filter).IsZero()
	return g
}

// readPrivilegeNames reads the names of a role's privileges, for environments that are older than
// RolePrivilege.PrivilegeName.
func (c *collection) readPrivilegeNames(ctx context.Context, o role, found []Grant, fresh bool) error {
	named := newTable("privileges", "privilegeid", func(r Row) Grant { return Grant{ID: r.ID("privilegeid"), Name: r.Text("name")} }).
		withQuery(dataverse.Row("roles", dataverse.GUID(o.id)).Nav("roleprivileges_association"))
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
