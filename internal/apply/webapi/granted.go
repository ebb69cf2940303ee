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

// ownGrants reads what the signed-in identity is granted, with names.
func (e *Environment) ownGrants(ctx context.Context) ([]collector.Grant, error) {
	who, err := e.Identity(ctx)
	if err != nil {
		return nil, err
	}
	list, err := collector.AskPrivileges(ctx, e.asker, dataverse.GUID(who.User))
	if err != nil {
		return nil, err
	}
	return e.withNames(ctx, list)
}

// Held are the privileges of the signed-in identity, by name in lower case, with the depth.
// A privilege for some records only, or at an unknown depth, does not count.
func (e *Environment) Held(ctx context.Context) (change.Depths, error) {
	list, err := e.ownGrants(ctx)
	if err != nil {
		return nil, err
	}
	held := change.Depths{}
	for _, g := range list {
		name := strings.ToLower(g.Name)
		held[name] = max(held[name], g.Depth)
	}
	return held, nil
}

// Role reads a copy of a role.
func (e *Environment) Role(ctx context.Context, id string) (apply.Role, error) {
	row, err := e.Row(ctx, apply.TableRole, id, nil)
	switch {
	case err != nil:
		return apply.Role{}, err
	case row == nil:
		return apply.Role{}, fmt.Errorf("the role %s does not exist", id)
	}
	list, err := collector.AskGrants(ctx, e.asker, dataverse.GUID(id))
	if err != nil {
		return apply.Role{}, err
	}
	if list, err = e.withNames(ctx, list); err != nil {
		return apply.Role{}, err
	}
	role := apply.Role{Root: cmp.Or(row.Root, row.ID), BuiltIn: row.Template != "", Grants: change.Depths{}}
	for _, g := range list {
		switch {
		case g.Filtered:
		case g.Depth == snapshot.DepthNone: // it may be any depth
			role.Grants[g.Name] = snapshot.DepthGlobal
		default:
			role.Grants[g.Name] = g.Depth
		}
	}
	return role, nil
}

// withNames adds missing names to privileges.
func (e *Environment) withNames(ctx context.Context, list []collector.Grant) ([]collector.Grant, error) {
	var ids []string
	for _, g := range list {
		if g.Name == "" {
			ids = append(ids, g.ID)
		}
	}
	names, err := e.namesOf(ctx, "privilege", ids, "the names of privileges")
	if err != nil {
		return nil, err
	}
	for i, g := range list {
		if g.Name == "" {
			list[i].Name = names[g.ID]
		}
		if list[i].Name == "" {
			return nil, fmt.Errorf("the granted privilege %s has no name", g.ID)
		}
	}
	return list, nil
}
