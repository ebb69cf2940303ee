package webapi

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A grant is a privilege that a role or a user is granted. Older environments give only its
// id.
type grant struct {
	id, name, unit string
	// depth is none if the environment's word for it is unknown.
	depth snapshot.Depth
	said  string
	// filtered is set if it is granted for some records only.
	filtered bool
}

func grantsOf(r collector.Row) []grant {
	return collector.List(r, "RolePrivileges", "", func(r collector.Row) grant {
		g := grant{id: r.ID("PrivilegeId"), name: r.MaybeText("PrivilegeName"), unit: r.Maybe("BusinessUnitId"), said: r.Text("Depth")}
		g.filtered = r.Maybe("RecordFilterId") != "" || strings.EqualFold(g.said, "RecordFilter")
		if depth, err := snapshot.ParseDepth(strings.ToLower(g.said)); err == nil && !g.filtered {
			g.depth = depth
		}
		return g
	})
}

// granted reads what a role grants.
func (e *Environment) granted(ctx context.Context, role string) ([]grant, error) {
	q := dataverse.Function("RetrieveRolePrivilegesRole", dataverse.IDArg("RoleId", dataverse.GUID(role)))
	return object(ctx, e, q, "what the role grants", grantsOf)
}

// ownGrants reads what the signed-in identity is granted, with names.
func (e *Environment) ownGrants(ctx context.Context) ([]grant, error) {
	who, err := e.Identity(ctx)
	if err != nil {
		return nil, err
	}
	q := dataverse.Row("systemusers", dataverse.GUID(who.User)).Function("RetrieveUserPrivileges")
	list, err := object(ctx, e, q, "the privileges of the applying identity", grantsOf)
	if err != nil {
		return nil, err
	}
	return e.withNames(ctx, list)
}

// Held are the privileges of the signed-in identity, by name in lower case, with the depth.
// A privilege for some records only, or at an unknown depth, does not count.
func (e *Environment) Held(ctx context.Context) (map[string]string, error) {
	list, err := e.ownGrants(ctx)
	if err != nil {
		return nil, err
	}
	held := map[string]snapshot.Depth{}
	for _, g := range list {
		name := strings.ToLower(g.name)
		held[name] = max(held[name], g.depth)
	}
	names := make(map[string]string, len(held))
	for name, depth := range held {
		if depth != snapshot.DepthNone {
			names[name] = depth.String()
		}
	}
	return names, nil
}

// Role reads a copy of a role.
func (e *Environment) Role(ctx context.Context, id string) (apply.Role, error) {
	row, err := e.Row(ctx, apply.TableRole, id, nil)
	if err != nil {
		return apply.Role{}, err
	}
	if row == nil {
		return apply.Role{}, fmt.Errorf("the role %s does not exist", id)
	}
	list, err := e.granted(ctx, id)
	if err != nil {
		return apply.Role{}, err
	}
	if list, err = e.withNames(ctx, list); err != nil {
		return apply.Role{}, err
	}
	role := apply.Role{Root: cmp.Or(row.Root, row.ID), BuiltIn: row.Template != "", Grants: change.State{}}
	for _, g := range list {
		switch {
		case g.filtered:
		case g.depth == snapshot.DepthNone: // it may be any depth
			role.Grants[g.name] = snapshot.DepthGlobal.String()
		default:
			role.Grants[g.name] = g.depth.String()
		}
	}
	return role, nil
}

// withNames adds missing names to privileges.
func (e *Environment) withNames(ctx context.Context, list []grant) ([]grant, error) {
	var ids []string
	for _, g := range list {
		if g.name == "" {
			ids = append(ids, g.id)
		}
	}
	found, err := inChunks(ctx, e, "privileges", "privilegeid", "privilegeid", ids, "the names of privileges", privilegeOf)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, p := range found {
		names[p.id] = p.name
	}
	for i, g := range list {
		if g.name == "" {
			list[i].name = names[g.id]
		}
		if list[i].name == "" {
			return nil, fmt.Errorf("the granted privilege %s has no name", g.id)
		}
	}
	return list, nil
}
