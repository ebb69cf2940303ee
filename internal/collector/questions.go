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
type Probe = func(ctx context.Context, s *Asker, what string, as dataverse.Caller) ([]string, error)

// Probe reads the rows as a scan does, so that it fails where a scan would.
func (t Table[T]) Probe(ctx context.Context, s *Asker, what string, as dataverse.Caller) ([]string, error) {
	q := Question{What: what, As: as, From: t.from, Key: t.key, where: t.where, some: true}
	return AskRows(ctx, s, q, func(r Row) string { t.take(r); return r.ID(t.key) })
}

// First asks for one row only.
func (t Table[T]) First() Table[T] { return t.at(t.from.Top(1)) }

// ProbeGrants asks for what a role grants.
func ProbeGrants(role dataverse.GUID) Probe {
	return func(ctx context.Context, s *Asker, what string, _ dataverse.Caller) ([]string, error) {
		_, err := AskObject(ctx, s, Question{What: what, From: grantsQuery(role)}, grantsIn)
		return nil, err
	}
}

func grantsQuery(role dataverse.GUID) dataverse.Query {
	return dataverse.Function("RetrieveRolePrivilegesRole", dataverse.IDArg("RoleId", role))
}

// AskUsers asks for the users that meet a condition.
func AskUsers(ctx context.Context, s *Asker, what string, where dataverse.Expr) ([]User, error) {
	return users().Where(where).rows(ctx, s, Question{What: what})
}

// AskDefinitions asks for the definitions of privileges, by name in lower case. Those that
// the environment does not define are left out.
func AskDefinitions(ctx context.Context, s *Asker, names []string) (map[string]snapshot.Privilege, error) {
	found, err := Definitions().filtered(ctx, s, Question{What: "definitions of privileges"}, eachText("name", names))
	defined := map[string]snapshot.Privilege{}
	for _, d := range found {
		defined[strings.ToLower(d.name)] = d.Privilege
	}
	return defined, err
}

// AskShares asks with whom a view is shared.
func AskShares(ctx context.Context, s *Asker, what string, view dataverse.GUID, as dataverse.Caller) ([]Share, error) {
	return AskObject(ctx, s, Question{What: what, As: as, From: sharesOfView(view)}, accessesOf)
}

// AskUnexplained reads the personal views that a user sees, as that user, and the shares with it
// and its teams. It returns the names of the views that others own and the table of shares does
// not show as shared: a scan then does not rely on that table.
func AskUnexplained(ctx context.Context, s *Asker, user string, as dataverse.Caller) (seen int, unexplained []string, err error) {
	found, err := Holders().Where(dataverse.EqID("systemuserid", dataverse.GUID(user))).rows(ctx, s, Question{What: "teams of the integration user"})
	if err != nil || len(found) == 0 {
		return 0, nil, err
	}
	c := collection{user: &found[0]}
	c.userViews, err = Views().rows(ctx, s, Question{What: "personal views that the integration user sees", As: as})
	if err != nil {
		return 0, nil, err
	}
	c.shares, err = Shares().filtered(ctx, s, Question{What: "shares of views"}, eachID("principalid", sortedKeys(c.principals())))
	for _, v := range c.ungivenOf(c.userViews) {
		unexplained = append(unexplained, v.Name)
	}
	return len(c.userViews), unexplained, err
}

// A Grant is a privilege that a role or a user is granted.
type Grant struct {
	// Name is empty in responses of older environments.
	ID, Name string
	// Unit is the business unit that a user has it from; empty if the response does not say.
	Unit string
	// Depth is [audit.DepthNone] if the environment's word for it is unknown, or that of a filter.
	Depth audit.Depth
	// Word is the environment's word for it, "null" if it has none.
	Word string
	// Filtered is set if it is granted for some records only.
	Filtered bool
}

// Held are the depths of grants, by the privilege's name in lower case. A privilege for some
// records only, or at an unknown depth, does not count.
func Held(grants []Grant) map[string]audit.Depth {
	held := map[string]audit.Depth{}
	for _, g := range grants {
		if name := strings.ToLower(g.Name); !g.Filtered {
			held[name] = max(held[name], g.Depth)
		}
	}
	return held
}

// AskGrants asks for what a role grants.
func AskGrants(ctx context.Context, s *Asker, role dataverse.GUID) ([]Grant, error) {
	return AskObject(ctx, s, Question{What: "what the role grants", From: grantsQuery(role)}, grantsIn)
}

// AskPrivileges asks for what a user is granted by all roles. In environments that refuse that,
// it asks for the named privileges only. If a response has no names, it looks the named ones up.
func AskPrivileges(ctx context.Context, s *Asker, user dataverse.GUID, names []string) ([]Grant, error) {
	grants, err := askPrivileges(ctx, s, Question{What: "own privileges"}, user, names)
	if err != nil || !slices.ContainsFunc(grants, func(g Grant) bool { return g.Name == "" }) {
		return grants, err
	}
	defined, err := AskDefinitions(ctx, s, names)
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

func askPrivileges(ctx context.Context, s *Asker, q Question, user dataverse.GUID, names []string) ([]Grant, error) {
	row := dataverse.Row("systemusers", user)
	q.From = row.Function("RetrieveUserPrivileges")
	found, err := AskObject(ctx, s, q, grantsIn)
	if len(names) > 0 && (refused(err) || forbidden(err)) {
		q.From = row.Function("RetrieveUserSetOfPrivilegesByNames", dataverse.NamesArg("PrivilegeNames", names))
		if named, again := AskObject(ctx, s, q, grantsIn); again == nil { // not every environment has this function
			return named, nil
		}
	}
	return found, err
}

func grantsIn(r Row) []Grant {
	return List(r, "RolePrivileges", "", func(inner Row) Grant {
		g := grantOf(inner)
		g.Unit = inner.Maybe("BusinessUnitId")
		return g
	})
}
