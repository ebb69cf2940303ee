package collector

import (
	"context"
	"strings"

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

func probe[T any](key string, from dataverse.Query, take func(Row) T) Probe {
	return Probe{key: key, from: from, ask: func(ctx context.Context, c *collection, a ask) ([]string, error) {
		return rows(ctx, c, a, func(r Row) string { take(r); return r.ID(key) })
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
func ProbeOrganization() Probe {
	return probe("organizationid", dataverse.Collection("organizations"), organizationOf)
}

// ProbeHolders asks for users with their roles and teams.
func ProbeHolders() Probe {
	return probe("systemuserid", dataverse.Collection("systemusers"), holderOf)
}

// ProbeTeams asks for teams.
func ProbeTeams() Probe { return probe("teamid", dataverse.Collection("teams"), teamOf) }

// ProbeRolesOfTeam asks for the roles of a team.
func ProbeRolesOfTeam(id dataverse.GUID) Probe {
	return probe("roleid", dataverse.Row("teams", id).Nav("teamroles_association"), roleOf)
}

// ProbeRoles asks for roles.
func ProbeRoles() Probe { return probe("roleid", dataverse.Collection("roles"), roleOf) }

// ProbeGrants asks for what a role grants.
func ProbeGrants(role dataverse.GUID) Probe {
	return Probe{from: grantsQuery(role), ask: func(ctx context.Context, c *collection, a ask) ([]string, error) {
		_, err := object(ctx, c, a, grantsOf)
		return nil, err
	}}
}

// ProbeDefinitions asks for the definitions of privileges.
func ProbeDefinitions() Probe {
	return probe("privilegeid", dataverse.Collection("privileges"), privilegeOf)
}

// ProbeUnits asks for business units.
func ProbeUnits() Probe {
	return probe("businessunitid", dataverse.Collection("businessunits"), unitOf)
}

// ProbeShares asks for shares of personal views.
func ProbeShares() Probe {
	return probe("principalobjectaccessid", dataverse.Collection("principalobjectaccessset"), shareOf).Where(dataverse.Eq("objecttypecode", "userquery"))
}

// ProbeSystemViews asks for system views.
func ProbeSystemViews() Probe {
	return probe("savedqueryid", dataverse.Collection("savedqueries"), systemViewOf)
}

// ProbeViews asks for personal views.
func ProbeViews() Probe { return probe("userqueryid", dataverse.Collection("userqueries"), viewOf) }

// ProbeColumnSecurity asks for the permissions of secured columns.
func ProbeColumnSecurity() Probe {
	return probe("fieldpermissionid", dataverse.Collection("fieldpermissions"), fieldPermissionOf)
}

// ProbeColumnSecurityOf asks for the column security profiles of a user or a team.
func ProbeColumnSecurityOf(row dataverse.Query) Probe {
	return probe("fieldsecurityprofileid", row, func(Row) struct{} { return struct{}{} })
}

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
	a := ask{what: what, key: "systemuserid", from: dataverse.Collection("systemusers"), where: []dataverse.Expr{where}}
	found, err := rows(ctx, s.c, a, func(r Row) User { u := userOf(r); return User{u.User, u.id} })
	return found, bare(err)
}

// namesAtOnce limits the names in one address, which must not become too long.
const namesAtOnce = 40

// AskDefinitions asks for the definitions of privileges, by name in lower case. Those that
// the environment does not define are left out.
func AskDefinitions(ctx context.Context, s *Asker, names []string) (map[string]snapshot.Privilege, error) {
	defined := map[string]snapshot.Privilege{}
	for start := 0; start < len(names); start += namesAtOnce {
		a := ask{
			what: "definitions of privileges", key: "privilegeid", from: dataverse.Collection("privileges"),
			where: []dataverse.Expr{dataverse.AnyOf("name", names[start:min(start+namesAtOnce, len(names))]...)},
		}
		found, err := rows(ctx, s.c, a, privilegeOf)
		if err != nil {
			return nil, bare(err)
		}
		for _, d := range found {
			defined[strings.ToLower(d.name)] = d.Privilege
		}
	}
	return defined, nil
}

// A Grant is a privilege that a role or a user is granted.
type Grant struct {
	// Name is empty in responses of older environments.
	ID, Name string
	// Unit is the business unit that a user has it from; empty for a role.
	Unit string
	// Depth is none if the environment's word for it is unknown.
	Depth snapshot.Depth
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
