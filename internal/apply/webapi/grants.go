package webapi

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// UndefinedPrivileges returns the privileges that the environment does not define.
func (e *Environment) UndefinedPrivileges(ctx context.Context, names []string) ([]string, error) {
	defined, err := collector.ReadPrivilegeDefinitions(ctx, e.reader, names)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, known := defined[strings.ToLower(name)]
		return known
	}), nil
}

// ownGrants reads the privileges of the signed-in identity, at least the named ones.
func (e *Environment) ownGrants(ctx context.Context, names []string) ([]collector.Grant, error) {
	who, err := e.Identity(ctx)
	if err != nil {
		return nil, err
	}
	return collector.ReadUserGrants(ctx, e.reader, dataverse.GUID(who.User), names)
}

// OwnPrivileges returns which of the named privileges the signed-in identity has, and at which depth, by
// name in lower case: see [collector.GrantedDepths].
func (e *Environment) OwnPrivileges(ctx context.Context, names []string) (change.Depths, error) {
	list, err := e.ownGrants(ctx, names)
	if err != nil {
		return nil, err
	}
	return collector.GrantedDepths(list), nil
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
	list, err := collector.ReadRoleGrants(ctx, e.reader, dataverse.GUID(id))
	if err != nil {
		return apply.Role{}, err
	}
	if list, err = e.fillNames(ctx, list); err != nil {
		return apply.Role{}, err
	}
	role := apply.Role{Root: cmp.Or(row.Root, row.ID), BuiltIn: row.Template != "", Grants: change.Depths{}}
	for _, g := range list {
		switch {
		case g.Filtered:
		case g.Depth == audit.DepthNone: // the word for the depth is unknown
			role.Grants[g.Name] = audit.DepthGlobal
		default:
			role.Grants[g.Name] = g.Depth
		}
	}
	return role, nil
}

// fillNames adds missing names to grants.
func (e *Environment) fillNames(ctx context.Context, list []collector.Grant) ([]collector.Grant, error) {
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
