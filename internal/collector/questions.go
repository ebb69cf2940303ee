package collector

import (
	"context"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// The questions of a scan, for whoever asks them for another purpose: to know beforehand
// whether a scan will work, or what there is before a change.

// A Probe is one question of a scan. What comes is taken apart as strictly as in a scan, so
// that a probe fails where a scan would.
type Probe struct {
	key   string
	from  dataverse.Query
	where []dataverse.Expr
	ask   func(context.Context, *collection, ask) ([]string, error)
}

func probe[T any](t table[T]) Probe {
	return Probe{key: t.key, from: t.from, ask: func(ctx context.Context, c *collection, a ask) ([]string, error) {
		return read(ctx, c, a, func(r Row) string { t.take(r); return r.ID(t.key) })
	}}
}

// Where limits the rows that are asked for.
func (p Probe) Where(e dataverse.Expr) Probe {
	p.where = append(p.where, e)
	return p
}

// First asks for one row only.
func (p Probe) First() Probe {
	p.from = p.from.Top(1)
	return p
}

// Ask asks, and returns the ids of the rows.
func (p Probe) Ask(ctx context.Context, s *Asker, what string, as dataverse.Caller) ([]string, error) {
	ids, err := p.ask(ctx, s.c, ask{what: what, as: as, key: p.key, from: p.from, where: p.where, some: true})
	return ids, bare(err)
}

// ProbeOrganization asks for the organization.
func ProbeOrganization() Probe { return probe(organizations()) }

// ProbeHolders asks for users with their roles and teams.
func ProbeHolders() Probe { return probe(holders()) }

// ProbeTeams asks for teams.
func ProbeTeams() Probe { return probe(teams()) }

// ProbeRolesOfTeam asks for the roles of a team.
func ProbeRolesOfTeam(id dataverse.GUID) Probe {
	return probe(roles().at(dataverse.Row("teams", id).Nav("teamroles_association")))
}

// ProbeRoles asks for roles.
func ProbeRoles() Probe { return probe(roles()) }

// ProbeGrants asks for what a role grants.
func ProbeGrants(role dataverse.GUID) Probe {
	return Probe{from: grantsQuery(role), ask: func(ctx context.Context, c *collection, a ask) ([]string, error) {
		_, err := object(ctx, c, a, grantsOf)
		return nil, err
	}}
}

// ProbeDefinitions asks for the definitions of privileges.
func ProbeDefinitions() Probe { return probe(definitions()) }

// ProbeUnits asks for business units.
func ProbeUnits() Probe { return probe(units()) }

// ProbeShares asks for shares of personal views.
func ProbeShares() Probe { return probe(shares()).Where(dataverse.Eq("objecttypecode", "userquery")) }

// ProbeSystemViews asks for system views.
func ProbeSystemViews() Probe { return probe(systemViews()) }

// ProbeViews asks for personal views.
func ProbeViews() Probe { return probe(views()) }

// ProbeColumnSecurity asks for the permissions of secured columns.
func ProbeColumnSecurity() Probe { return probe(fieldPermissions()) }

// ProbeColumnSecurityOf asks for the column security profiles of a user or a team.
func ProbeColumnSecurityOf(row dataverse.Query) Probe { return probe(profiles(row)) }

func grantsQuery(role dataverse.GUID) dataverse.Query {
	return dataverse.Function("RetrieveRolePrivilegesRole", dataverse.IDArg("RoleId", role))
}

// A User is a user by its id.
type User struct {
	snapshot.User

	ID string
}

// AskUsers asks for the users that meet a condition.
func AskUsers(ctx context.Context, s *Asker, what string, where dataverse.Expr) ([]User, error) {
	found, err := users().rows(ctx, s.c, ask{what: what, where: []dataverse.Expr{where}})
	all := make([]User, len(found))
	for i, u := range found {
		all[i] = User{u.User, u.id}
	}
	return all, bare(err)
}

// AskDefinitions asks for the definitions of privileges, by name in lower case. Those that
// the environment does not define are left out.
func AskDefinitions(ctx context.Context, s *Asker, names []string) (map[string]snapshot.Privilege, error) {
	found, err := definitions().filtered(ctx, s.c, ask{what: "definitions of privileges"}, eachText("name", names))
	defined := map[string]snapshot.Privilege{}
	for _, d := range found {
		defined[strings.ToLower(d.name)] = d.Privilege
	}
	return defined, bare(err)
}

// A Share is what a principal, a user or a team, may do with a view.
type Share struct {
	Principal string
	// Mask has the bits of AccessRights.
	Mask int
}

// AskShares asks with whom a view is shared.
func AskShares(ctx context.Context, s *Asker, what string, view dataverse.GUID, as dataverse.Caller) ([]Share, error) {
	found, err := object(ctx, s.c, ask{what: what, as: as, from: sharesOfView(view)}, accessesOf)
	all := make([]Share, len(found))
	for i, f := range found {
		all[i] = Share{f.principal, f.mask}
	}
	return all, bare(err)
}

// A Grant is a privilege that a role or a user is granted.
type Grant struct {
	// Name is empty in responses of older environments.
	ID, Name string
	// Unit is the business unit that a user has it from; empty for a role.
	Unit string
	// Depth is none if the environment's word for it is unknown.
	Depth audit.Depth
	Word  string
	// Filtered is set if it is granted for some records only.
	Filtered bool
}

// AskGrants asks for what a role grants.
func AskGrants(ctx context.Context, s *Asker, role dataverse.GUID) ([]Grant, error) {
	return askGrants(ctx, s, "what the role grants", grantsQuery(role))
}

// AskPrivileges asks for what a user is granted by all roles.
func AskPrivileges(ctx context.Context, s *Asker, user dataverse.GUID) ([]Grant, error) {
	return askGrants(ctx, s, "own privileges", dataverse.Row("systemusers", user).Function("RetrieveUserPrivileges"))
}

func askGrants(ctx context.Context, s *Asker, what string, from dataverse.Query) ([]Grant, error) {
	found, err := object(ctx, s.c, ask{what: what, from: from}, func(r Row) []Grant {
		return List(r, "RolePrivileges", "", func(inner Row) Grant {
			g := grantOf(inner)
			return Grant{ID: g.id, Name: g.name, Unit: inner.Maybe("BusinessUnitId"), Depth: g.depth, Word: g.word, Filtered: g.filtered}
		})
	})
	return found, bare(err)
}
