package collector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// The questions of a scan for other purposes: whether a scan will work, and what exists
// before a change. Responses are read as strictly as in a scan.

// A Probe asks one question of a scan in its smallest form, and returns the ids of the rows.
type Probe = func(ctx context.Context, s *StrictReader, what string, as dataverse.Caller) ([]string, error)

// Probe reads the rows as a scan does, so that it fails where a scan would.
func (t Table[T]) Probe(ctx context.Context, s *StrictReader, what string, as dataverse.Caller) ([]string, error) {
	q := Read{Label: what, Caller: as, Query: t.query, Key: t.key, where: t.where, partial: true}
	return ReadRows(ctx, s, q, func(r Row) string { t.decode(r); return r.ID(t.key) })
}

// First asks for one row only.
func (t Table[T]) First() Table[T] { return t.withQuery(t.query.Top(1)) }

// ProbeRolePrivileges asks for what a role grants.
func ProbeRolePrivileges(role dataverse.GUID) Probe {
	return func(ctx context.Context, s *StrictReader, what string, _ dataverse.Caller) ([]string, error) {
		_, err := ReadObject(ctx, s, Read{Label: what, Query: roleGrantsQuery(role)}, decodeUserGrants)
		return nil, err
	}
}

func roleGrantsQuery(role dataverse.GUID) dataverse.Query {
	return dataverse.Function("RetrieveRolePrivilegesRole", dataverse.IDArg("RoleId", role))
}

// ReadUsers asks for the users that meet a condition.
func ReadUsers(ctx context.Context, s *StrictReader, what string, where dataverse.Expr) ([]User, error) {
	return users().Where(where).rows(ctx, s, Read{Label: what})
}

// ReadPrivilegeDefinitions asks for the definitions of privileges, by name in lower case. Those that
// the environment does not define are left out.
func ReadPrivilegeDefinitions(ctx context.Context, s *StrictReader, names []string) (map[string]snapshot.Privilege, error) {
	found, err := PrivilegeDefinitions().filteredRows(ctx, s, Read{Label: "definitions of privileges"}, textConditions("name", names))
	defined := map[string]snapshot.Privilege{}
	for _, d := range found {
		defined[strings.ToLower(d.name)] = d.Privilege
	}
	return defined, err
}

// ReadShares asks with whom a view is shared.
func ReadShares(ctx context.Context, s *StrictReader, what string, view dataverse.GUID, as dataverse.Caller) ([]Share, error) {
	return ReadObject(ctx, s, Read{Label: what, Caller: as, Query: viewSharesQuery(view)}, decodePrincipalAccesses)
}

// ReadUnexplainedViews reads the personal views that a user sees, as that user, and the shares with it
// and its teams. It returns the names of the views that others own and the table of shares does
// not show as shared: a scan then does not rely on that table.
func ReadUnexplainedViews(ctx context.Context, s *StrictReader, user string, as dataverse.Caller) (seen int, unexplained []string, err error) {
	found, err := UsersWithRoles().Where(dataverse.EqID("systemuserid", dataverse.GUID(user))).rows(ctx, s, Read{Label: "teams of the integration user"})
	if err != nil || len(found) == 0 {
		return 0, nil, err
	}
	c := collection{user: &found[0]}
	c.userViews, err = Views().rows(ctx, s, Read{Label: "personal views that the integration user sees", Caller: as})
	if err != nil {
		return 0, nil, err
	}
	c.shares, err = Shares().filteredRows(ctx, s, Read{Label: "shares of views"}, idConditions("principalid", sortedKeys(c.userAndTeamIDs())))
	for _, v := range c.withoutReadAccess(c.userViews) {
		unexplained = append(unexplained, v.Name)
	}
	return len(c.userViews), unexplained, err
}

// A Grant is a privilege that a role or a user is granted.
type Grant struct {
	// Name is empty in responses of older environments.
	ID, Name string
	// BusinessUnitID is the business unit that a user has it from; empty if the response does not say.
	BusinessUnitID string
	// Depth is [audit.DepthNone] if the environment's word for it is unknown, or that of a filter.
	Depth audit.Depth
	// RawDepth is the environment's word for it, "null" if it has none.
	RawDepth string
	// Filtered is set if it is granted for some records only.
	Filtered bool
}

// GrantedDepths are the depths of grants, by the privilege's name in lower case. A privilege for some
// records only, or at an unknown depth, does not count.
func GrantedDepths(grants []Grant) map[string]audit.Depth {
	held := map[string]audit.Depth{}
	for _, g := range grants {
		if name := strings.ToLower(g.Name); !g.Filtered {
			held[name] = max(held[name], g.Depth)
		}
	}
	return held
}

// ReadRoleGrants asks for what a role grants.
func ReadRoleGrants(ctx context.Context, s *StrictReader, role dataverse.GUID) ([]Grant, error) {
	return ReadObject(ctx, s, Read{Label: "what the role grants", Query: roleGrantsQuery(role)}, decodeUserGrants)
}

// ReadUserGrants asks for what a user is granted by all roles. In environments that refuse that,
// it asks for the named privileges only. If a response has no names, it looks the named ones up.
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

func readUserGrants(ctx context.Context, s *StrictReader, q Read, user dataverse.GUID, names []string) ([]Grant, error) {
	row := dataverse.Row("systemusers", user)
	q.Query = row.Function("RetrieveUserPrivileges")
	found, err := ReadObject(ctx, s, q, decodeUserGrants)
	if len(names) > 0 && (isUnsupported(err) || isForbidden(err)) {
		q.Query = row.Function("RetrieveUserSetOfPrivilegesByNames", dataverse.NamesArg("PrivilegeNames", names))
		if named, again := ReadObject(ctx, s, q, decodeUserGrants); again == nil { // not every environment has this function
			return named, nil
		}
	}
	return found, err
}

func decodeUserGrants(r Row) []Grant {
	return objects(r, "RolePrivileges", "", func(inner Row) Grant {
		g := decodeGrant(inner)
		g.BusinessUnitID = inner.IDIfPresent("BusinessUnitId")
		return g
	})
}
