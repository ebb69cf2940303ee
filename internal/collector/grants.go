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

// A Grant is a privilege that a role or a user is granted.
type Grant struct {
	// Name is empty in responses of older environments. ID is empty only if a row with a name has none.
	ID, Name string
	// BusinessUnitID is the business unit from which a user has the privilege; empty if the
	// response does not say.
	BusinessUnitID string
	// Depth is [audit.DepthNone] if the ID is empty, or RawDepth is unknown or the depth of a record filter.
	Depth audit.Depth
	// RawDepth is the environment's word for the depth, or "null", and says if the ID is empty.
	RawDepth string
	// Filtered is set if the privilege is granted for some records only.
	Filtered bool
}

// Uncounted says how a privilege is granted if the grant does not count, else "".
func (g Grant) Uncounted() string {
	switch {
	case g.Filtered:
		return "for some records only"
	case g.Depth == audit.DepthNone:
		return fmt.Sprintf("at the depth %q, which dbaudit does not know", g.RawDepth)
	}
	return ""
}

// GrantedDepths returns the depths of grants, by the privilege's name in lower case. A privilege
// for some records only, or at an unknown depth, does not count.
func GrantedDepths(grants []Grant) map[string]audit.Depth {
	depths := map[string]audit.Depth{}
	for _, g := range grants {
		if name := strings.ToLower(g.Name); !g.Filtered {
			depths[name] = max(depths[name], g.Depth)
		}
	}
	return depths
}

// ReadRoleGrants reads the privileges of a role.
func ReadRoleGrants(ctx context.Context, s *StrictReader, read Read, role dataverse.GUID) ([]Grant, error) {
	return ReadObject(ctx, s, read, dataverse.Function("RetrieveRolePrivilegesRole", dataverse.IDArg("RoleId", role)), decodeRoleGrants)
}

// ReadNamedRoleGrants reads the privileges of a role. Older environments return grants without
// RolePrivilege.PrivilegeName: names is the read of these names.
func ReadNamedRoleGrants(ctx context.Context, s *StrictReader, read, names Read, role dataverse.GUID) ([]Grant, error) {
	grants, err := ReadRoleGrants(ctx, s, read, role)
	if err != nil || !slices.ContainsFunc(grants, func(g Grant) bool { return g.Name == "" }) {
		return grants, err
	}
	table := NewTable(dataverse.Row("roles", role).Nav("roleprivileges_association"), "privilegeid",
		func(row Row) Grant { return Grant{ID: row.ID("privilegeid"), Name: row.Text("name")} })
	definitions, err := table.Rows(ctx, s, names)
	if err != nil {
		return nil, err
	}
	byID := map[string]string{}
	for _, d := range definitions {
		byID[d.ID] = d.Name
	}
	for i := range grants {
		g := &grants[i]
		if g.Name = cmp.Or(g.Name, byID[g.ID]); g.Name == "" {
			return nil, fmt.Errorf("%s: the privilege %s has no name", read.Label, g.ID)
		}
	}
	return grants, nil
}

// ReadUserGrants reads the privileges that a user has from all its roles. If the environment
// refuses this, it reads only the named ones. If a response has no names, it adds those of the
// named privileges.
func ReadUserGrants(ctx context.Context, s *StrictReader, user dataverse.GUID, names []string) ([]Grant, error) {
	grants, err := readUserGrants(ctx, s, Read{Label: "own privileges"}, user, names)
	if err != nil || !slices.ContainsFunc(grants, func(g Grant) bool { return g.Name == "" }) {
		return grants, err
	}
	defined, err := ReadPrivilegeDefinitions(ctx, s, names)
	if err != nil {
		return nil, fmt.Errorf("own privileges: a row has no name: %w", err)
	}
	for name, d := range defined {
		for i := range grants {
			if grants[i].ID == d.ID {
				grants[i].Name = name
			}
		}
	}
	return grants, nil
}

func readUserGrants(ctx context.Context, s *StrictReader, read Read, user dataverse.GUID, names []string) ([]Grant, error) {
	row := dataverse.Row("systemusers", user)
	grants, err := ReadObject(ctx, s, read, row.Function("RetrieveUserPrivileges"), decodeUserGrants)
	if len(names) > 0 && (IsUnsupported(err) || isForbidden(err)) {
		byNames := row.Function("RetrieveUserSetOfPrivilegesByNames", dataverse.NamesArg("PrivilegeNames", names))
		if named, err := ReadObject(ctx, s, read, byNames, decodeUserGrants); err == nil { // not every environment has this function
			return named, nil
		}
	}
	return grants, err
}

func decodeRoleGrants(r Row) []Grant { return objects(r, "RolePrivileges", "", decodeGrant) }

func decodeUserGrants(r Row) []Grant {
	return objects(r, "RolePrivileges", "", func(inner Row) Grant {
		g := decodeGrant(inner)
		g.BusinessUnitID = inner.IDIfPresent("BusinessUnitId")
		return g
	})
}

// decodeGrant decodes a grant. Its id or its name identifies the privilege. If there is only a name,
// the row is damaged, and the depth does not count.
func decodeGrant(r Row) Grant {
	g := Grant{ID: r.OptionalID("PrivilegeId"), RawDepth: cmp.Or(r.nameOrNumber("Depth"), "null"), Name: r.TextIfPresent("PrivilegeName")}
	filter := r.TextIfPresent("RecordFilterId")
	switch {
	case g.ID != "":
		g.Depth = audit.DepthFromWire(g.RawDepth)
		g.Filtered = g.RawDepth == "RecordFilter" || g.RawDepth == "4" || filter != "" && !dataverse.GUID(filter).IsZero()
	case g.Name != "":
		g.RawDepth += " (no PrivilegeId)"
	default:
		r.Reject("PrivilegeId", "is empty")
	}
	return g
}

// grantsPart returns the part of a round that reads the privileges of roles. With fresh, it reads
// them even if they were read before.
func (c *collection) grantsPart(roots []string, fresh bool) part {
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

// preferredCopy chooses the copy of a role to read: preferably one that the user has, and of
// these the root.
func (c *collection) preferredCopy(root string) role {
	direct, throughTeams := c.assignedRoles()
	for _, roles := range []map[string]role{direct, throughTeams, c.knownRoles()} {
		if r, ok := roles[root]; ok {
			return r
		}
		for _, id := range sortedKeys(roles) {
			if roles[id].RootID == root {
				return roles[id]
			}
		}
	}
	return role{id: root}
}

// roleGrants are the privileges of a role, by name.
type roleGrants struct {
	depths map[string]audit.Depth
	// filtered has the grants for some records only, unreadable those at an unknown depth. The
	// values are the environment's words for the depths.
	filtered, unreadable map[string]string
}

func (g roleGrants) includes(privilege string) bool {
	_, filtered := g.filtered[privilege]
	_, unreadable := g.unreadable[privilege]
	return filtered || unreadable || g.depths[privilege] != audit.DepthNone
}

func (c *collection) readRoleGrants(ctx context.Context, r role, fresh bool) (*roleGrants, error) {
	grants, err := ReadNamedRoleGrants(ctx, c.reader, Read{
		section: snapshot.SectionRolePrivileges, Label: fmt.Sprintf("privileges of the role %q", r.Name), fresh: fresh,
	}, Read{
		section: snapshot.SectionRolePrivileges, Label: fmt.Sprintf("names of the privileges of the role %q", r.Name), fresh: fresh,
	}, dataverse.GUID(r.id))
	if err != nil {
		return nil, err
	}
	return c.groupGrants(grants), nil
}

// groupGrants groups grants by name. Names that differ only in case are one name. The deepest
// grant of a privilege counts.
func (c *collection) groupGrants(grants []Grant) *roleGrants {
	slices.SortFunc(grants, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(c.profileSpelling(a.Name), c.profileSpelling(b.Name)), cmp.Compare(a.RawDepth, b.RawDepth))
	})
	grouped := &roleGrants{map[string]audit.Depth{}, map[string]string{}, map[string]string{}}
	spellings := map[string]string{}
	for _, g := range grants {
		lower := strings.ToLower(g.Name)
		if _, ok := spellings[lower]; !ok {
			spellings[lower] = c.profileSpelling(g.Name)
		}
		switch name := spellings[lower]; {
		case g.Filtered:
			grouped.filtered[name] = g.RawDepth
		case g.Depth == audit.DepthNone:
			grouped.unreadable[name] = g.RawDepth
		default:
			grouped.depths[name] = max(grouped.depths[name], g.Depth)
		}
	}
	return grouped
}
