package webapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A grantRow is a privilege that a role grants. Older environments name it by its id
// alone; one with a filter is granted for some rows only.
type grantRow struct {
	Depth         string         `json:"Depth"`
	PrivilegeID   dataverse.GUID `json:"PrivilegeId"`
	PrivilegeName string         `json:"PrivilegeName"`
	RecordFilter  dataverse.GUID `json:"RecordFilterId"`
}

// granted reads what a role grants.
func (e *Environment) granted(ctx context.Context, role string) ([]grantRow, error) {
	var answer struct {
		RolePrivileges []grantRow `json:"RolePrivileges"`
	}
	q := dataverse.Function("RetrieveRolePrivilegesRole", dataverse.IDArg("RoleId", dataverse.GUID(role)))
	err := e.get(ctx, q, "what the role grants", &answer)
	return answer.RolePrivileges, err
}

// Role reads a copy of a role.
func (e *Environment) Role(ctx context.Context, id string) (apply.Role, error) {
	found, err := rows[struct {
		Root     dataverse.GUID `json:"_parentrootroleid_value"`
		Template dataverse.GUID `json:"_roletemplateid_value"`
	}](ctx, e, dataverse.Collection("roles").Select("roleid", "_parentrootroleid_value", "_roletemplateid_value").
		Filter(dataverse.EqID("roleid", dataverse.GUID(id))), "the role")
	if err != nil {
		return apply.Role{}, err
	}
	if len(found) != 1 {
		return apply.Role{}, fmt.Errorf("the role %s is there %d times", id, len(found))
	}
	list, err := e.granted(ctx, id)
	if err != nil {
		return apply.Role{}, err
	}
	names, err := e.names(ctx, list)
	if err != nil {
		return apply.Role{}, err
	}
	role := apply.Role{Root: found[0].Root.String(), BuiltIn: !found[0].Template.IsZero(), Grants: plan.State{}}
	for _, g := range list {
		if !g.RecordFilter.IsZero() {
			continue
		}
		name := g.PrivilegeName
		if name == "" {
			name = names[g.PrivilegeID]
		}
		depth, err := snapshot.ParseDepth(strings.ToLower(g.Depth))
		if err != nil {
			return apply.Role{}, fmt.Errorf("what the role grants: %s: %w", name, err)
		}
		role.Grants[name] = depth.String()
	}
	return role, nil
}

// names are the names of privileges that came without.
func (e *Environment) names(ctx context.Context, list []grantRow) (map[dataverse.GUID]string, error) {
	var ids []dataverse.GUID
	for _, g := range list {
		if g.PrivilegeName == "" {
			ids = append(ids, g.PrivilegeID)
		}
	}
	found, err := inChunks[struct {
		ID   dataverse.GUID `json:"privilegeid"`
		Name string         `json:"name"`
	}](ctx, e, "privileges", "privilegeid,name", "privilegeid", ids, "the names of privileges")
	if err != nil {
		return nil, err
	}
	names := map[dataverse.GUID]string{}
	for _, p := range found {
		names[p.ID] = p.Name
	}
	for _, id := range ids {
		if names[id] == "" {
			return nil, fmt.Errorf("the role grants a privilege %s that has no name", id)
		}
	}
	return names, nil
}
