package webapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func (e *Environment) currentRole(ctx context.Context, t change.Target) (apply.Reading, error) {
	filter := dataverse.EqID("roleid", dataverse.GUID(t.Role.ID))
	if t.Role.ID == "" {
		filter = dataverse.And(dataverse.Eq("name", t.Role.Name), dataverse.EqID("_businessunitid_value", dataverse.GUID(t.BusinessUnit.ID)))
	}
	found, err := rows(ctx, e, dataverse.Collection("roles").Filter(filter), "the role", "roleid", e.parseRole)
	switch {
	case err != nil:
		return apply.Reading{}, err
	case len(found) == 0:
		return apply.Reading{State: change.State{change.AttrRole: change.Absent}}, nil
	case len(found) > 1:
		return apply.Reading{}, fmt.Errorf("there are %d roles %q in one business unit: rename all but one", len(found), t.Role.Name)
	}
	return apply.Reading{State: change.State{change.AttrRole: change.Present}, IDs: map[string]string{change.SlotRole: found[0].ID}, Row: &found[0]}, nil
}

// currentGrants reads the privileges of a role, and the ids of the named ones that it does not grant.
func (e *Environment) currentGrants(ctx context.Context, t change.Target, names []string) (apply.Reading, error) {
	list, err := collector.ReadNamedRoleGrants(ctx, e.reader, collector.Read{Label: "what the role grants"},
		collector.Read{Label: "the names of what the role grants"}, dataverse.GUID(t.Role.ID))
	if err != nil {
		return apply.Reading{}, err
	}
	now := apply.Reading{State: change.State{}, Others: change.State{}, IDs: map[string]string{}}
	wanted := map[string]string{}
	for _, name := range names {
		now.State[name] = change.None
		wanted[strings.ToLower(name)] = name
	}
	for _, g := range list {
		name, ok := wanted[strings.ToLower(g.Name)]
		switch {
		case ok && g.Filtered:
			now.Filtered = append(now.Filtered, name)
		case ok && g.Depth == audit.DepthNone:
			return apply.Reading{}, fmt.Errorf("what the role grants: %s has an unknown depth, %q", name, g.RawDepth)
		case ok:
			now.State[name], now.IDs[name] = g.Depth.String(), g.ID
		case g.Filtered:
		case g.Depth == audit.DepthNone: // the word for the depth is unknown
			now.Others[g.Name] = audit.DepthGlobal.String()
		default:
			now.Others[g.Name] = g.Depth.String()
		}
	}
	now.Filtered = slices.Compact(slices.Sorted(slices.Values(now.Filtered)))
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return now.IDs[name] != "" })
	defined, err := collector.ReadPrivilegeDefinitions(ctx, e.reader, missing)
	for name, p := range defined {
		if spelling, ok := wanted[name]; ok {
			now.IDs[spelling] = p.ID
		}
	}
	return now, err
}

type userRow struct {
	apply.Row

	tag, status string
}

func (e *Environment) parseUser(r collector.Row) userRow {
	u := userRow{e.parseRow(r, apply.TableUser), r.ETag(), change.Enabled}
	if r.Bool("isdisabled") {
		u.status = change.Disabled
	}
	if r.OptionalInt("deletedstate") != 0 {
		u.status = change.Deleted
	}
	return u
}

func (e *Environment) currentUser(ctx context.Context, t change.Target) (apply.Reading, error) {
	filter := dataverse.EqID("systemuserid", dataverse.GUID(t.User.ID))
	if t.User.ID == "" {
		filter = dataverse.EqID("applicationid", dataverse.GUID(t.ApplicationID))
	}
	found, err := rows(ctx, e, dataverse.Collection("systemusers").Filter(filter), "the user", "systemuserid", e.parseUser)
	if live := slices.DeleteFunc(slices.Clone(found), func(u userRow) bool { return u.status == change.Deleted }); len(live) > 0 {
		found = live
	}
	switch {
	case err != nil:
		return apply.Reading{}, err
	case len(found) == 0:
		return apply.Reading{State: change.State{change.AttrUser: change.Absent}}, nil
	case len(found) > 1:
		return apply.Reading{State: change.State{change.AttrUser: fmt.Sprintf("present %d times", len(found))}}, nil
	}
	return apply.Reading{
		State: change.State{change.AttrUser: found[0].status},
		IDs:   map[string]string{change.SlotUser: found[0].ID, change.SlotTag: found[0].tag},
		Row:   &found[0].Row,
	}, nil
}

func (e *Environment) currentAssignment(ctx context.Context, t change.Target) (now apply.Reading, err error) {
	role := t.Copy.ID
	if role == "" {
		if role, err = e.copyInUnit(ctx, t); err != nil {
			return now, err
		}
	}
	assigned, err := rows(ctx, e, dataverse.Row("systemusers", dataverse.GUID(t.User.ID)).Nav("systemuserroles_association"), "the user's roles",
		"roleid", func(r collector.Row) string { return r.ID("roleid") })
	if err != nil {
		return now, err
	}
	now = apply.Reading{State: change.State{change.AttrAssigned: change.No}, IDs: map[string]string{change.SlotCopy: role}}
	if slices.Contains(assigned, role) {
		now.State[change.AttrAssigned] = change.Yes
	}
	return now, nil
}

// copyInUnit returns the id of the copy of a role in the target's business unit.
func (e *Environment) copyInUnit(ctx context.Context, t change.Target) (string, error) {
	copies, err := e.copies(ctx, t.Role.ID)
	if err != nil {
		return "", err
	}
	for _, r := range copies {
		if r.Unit == t.BusinessUnit.ID {
			return r.ID, nil
		}
	}
	if t.AnyUnit {
		return t.Role.ID, nil
	}
	return "", fmt.Errorf("the role %q has no copy in the user's business unit %q: make a new plan", t.Role.Name, t.BusinessUnit.Name)
}

// copies reads the root of a role and its copies in other business units.
func (e *Environment) copies(ctx context.Context, root string) ([]apply.Row, error) {
	return rows(ctx, e, dataverse.Collection("roles").Filter(dataverse.EqID("_parentrootroleid_value", dataverse.GUID(root))),
		"the role's copies in business units", "roleid", e.parseRole)
}

// currentShare reads a principal's direct rights on a view. If the table of shares has no row, or the
// signed-in identity cannot read it, share impersonates the view's owner.
func (e *Environment) currentShare(ctx context.Context, t change.Target) (apply.Reading, error) {
	type masks struct{ direct, inherited int } // of access rights
	found, err := rows(ctx, e, dataverse.Collection("principalobjectaccessset").Filter(dataverse.And(
		dataverse.EqID("principalid", dataverse.GUID(t.Principal.ID)), dataverse.EqID("objectid", dataverse.GUID(t.View.ID)),
	)), "the share of the view", "principalobjectaccessid",
		func(r collector.Row) masks {
			return masks{r.OptionalInt("accessrightsmask"), r.OptionalInt("inheritedaccessrightsmask")}
		})
	if err != nil && !isRefused(err) {
		return apply.Reading{}, err
	}
	var all masks
	for _, s := range found {
		all.direct |= s.direct
		all.inherited |= s.inherited
	}
	access := change.FormatRights(snapshot.RightsOf(all.direct))
	if access == change.None && all.inherited == 0 {
		switch ownerAccess, ownerErr := e.accessAsOwner(ctx, t); {
		case ownerErr == nil:
			access = ownerAccess
		case err != nil:
			return apply.Reading{}, errors.Join(err, ownerErr)
		}
	}
	now := apply.Reading{State: change.State{change.AttrAccess: access}}
	if all.inherited != 0 {
		now.Inherited = change.FormatRights(snapshot.RightsOf(all.inherited))
	}
	return now, nil
}

// accessAsOwner reads the principal's rights as the view's owner.
func (e *Environment) accessAsOwner(ctx context.Context, t change.Target) (string, error) {
	mask := 0
	err := e.impersonate(ctx, t.Owner, func(as dataverse.Caller) error {
		read := collector.Read{Label: "the users and teams that the view is shared with", Caller: as}
		shares, err := collector.ReadShares(ctx, e.reader, read, dataverse.GUID(t.View.ID))
		for _, s := range shares {
			if s.Principal == t.Principal.ID {
				mask |= s.Mask
			}
		}
		return err
	})
	return change.FormatRights(snapshot.RightsOf(mask)), err
}
