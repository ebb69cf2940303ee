package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// needs are privileges by name, each with the least depth.
type needs map[string]string

func (n needs) need(name string, depth snapshot.Depth) {
	if int(depth) > rank(n[name]) {
		n[name] = depth.String()
	}
}

// Needs are the privileges that the identity that applies the plan must have, by name, each
// with the minimum depth, for an identity in the root business unit. Nobody can grant a
// privilege that they do not have at that depth ("Assign security roles to users", on
// elevation), and assigning a role grants everything in the role.
func (p Plan) Needs() map[string]string {
	n := needs{}
	for _, a := range p.Actions {
		p.forChange(n, a.Target, a.Before, a.After)
		if a.Target.Kind == KindAssignment && a.Kind == change.AssignRole {
			p.toAssign(n, a.Target)
		}
	}
	return n
}

// NeedsToUndo are the privileges that rolling back the plan requires in addition to
// [Plan.Needs]. roles names the roles that would be assigned again: that requires
// everything that they grant, which is not in the plan.
func (p Plan) NeedsToUndo() (privileges map[string]string, roles []string) {
	n := needs{}
	for _, a := range p.Actions {
		if a.UndoneWith != "" {
			continue
		}
		p.forChange(n, a.Target, a.After, a.Before)
		if a.Kind == change.UnassignRole && !slices.Contains(roles, a.Target.Role.Name) {
			roles = append(roles, a.Target.Role.Name)
		}
	}
	held := p.Needs()
	maps.DeleteFunc(n, func(name, depth string) bool { return rank(held[name]) >= rank(depth) })
	return n, roles
}

// toSeeHolders adds what is needed to read all holders of a role: a holder who is not seen
// would be ignored.
func (n needs) toSeeHolders() {
	n.need("prvReadTeam", snapshot.DepthGlobal)
	n.need("prvReadUser", snapshot.DepthGlobal)
}

// toCompareNames adds what is needed to check that the rows of a target still have the same
// names. Roles and views are read for the change itself.
func (n needs) toCompareNames(t Target) {
	if t.BusinessUnit != nil {
		n.need("prvReadBusinessUnit", snapshot.DepthGlobal)
	}
	switch {
	case t.Principal == nil:
	case t.Principal.Kind == "team":
		n.need("prvReadTeam", snapshot.DepthGlobal)
	default:
		n.need("prvReadUser", snapshot.DepthGlobal)
	}
}

// forChange adds what is needed to bring a target from one state to another, and to read it
// first.
func (p Plan) forChange(n needs, t Target, from, to State) {
	here := p.reach(t, snapshot.DepthLocal)
	n.toCompareNames(t)
	switch t.Kind {
	case KindRole:
		n.need("prvReadRole", snapshot.DepthGlobal)
		if to[attrRole] == Absent {
			n.toSeeHolders()
			n.need("prvDeleteRole", here)
		} else {
			n.need("prvCreateRole", here)
		}
	case KindGrants:
		n.need("prvReadRole", snapshot.DepthGlobal)
		if t.Role.MadeBy == "" {
			n.toSeeHolders()
		}
		n.need("prvWriteRole", here)
		for name, depth := range to {
			n.need(name, p.reach(t, snapshot.Depth(rank(depth))))
		}
	case KindUser:
		n.need("prvReadUser", snapshot.DepthGlobal)
		switch {
		case from[attrUser] == Absent:
			n.need("prvCreateUser", here)
		case to[attrUser] == Absent: // which requires disabling first
			n.need("prvDeleteUser", here)
			fallthrough
		default:
			n.need("prvWriteUser", here)
			n.need("prvDisableUser", here) // which enabling also requires
		}
	case KindAssignment:
		n.need("prvReadRole", snapshot.DepthGlobal)
		n.need("prvReadUser", snapshot.DepthGlobal)
		n.need("prvAssignRole", here)
	case KindShare:
		// To impersonate, both identities need what the action needs.
		n.need("prvActOnBehalfOfAnotherUser", snapshot.DepthGlobal)
		n.need("prvReadUserQuery", snapshot.DepthBasic)
		n.need("prvShareUserQuery", snapshot.DepthBasic)
	}
}

// toAssign adds what an assigned role grants: for a role that the plan creates, its initial
// privileges and what the plan grants it.
func (p Plan) toAssign(n needs, t Target) {
	for name, depth := range t.Grants {
		n.need(name, p.reach(t, snapshot.Depth(rank(depth))))
	}
	if t.Role.MadeBy == "" {
		return
	}
	for _, name := range Inborn() {
		n.need(name, snapshot.DepthGlobal)
	}
	for _, a := range p.Actions {
		if a.Target.Kind != KindGrants || a.Target.Role.MadeBy != t.Role.MadeBy {
			continue
		}
		for name, depth := range a.After {
			n.need(name, p.reach(t, snapshot.Depth(rank(depth))))
		}
	}
}

// reach is the depth that an identity in the root needs in a target's business unit for
// what needs the given depth in its own unit: local does not include the units below.
func (p Plan) reach(t Target, depth snapshot.Depth) snapshot.Depth {
	if depth == snapshot.DepthLocal && t.BusinessUnit != nil && t.BusinessUnit.ID != p.RootUnit {
		return snapshot.DepthDeep
	}
	return depth
}

// Lacking names the needs that are not granted at a sufficient depth, with the depth. held
// has its names in lower case.
func (p Plan) Lacking(held map[string]string) []string {
	var lacking []string
	needs := p.Needs()
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		if rank(held[strings.ToLower(name)]) < rank(needs[name]) {
			lacking = append(lacking, name+" ("+needs[name]+")")
		}
	}
	return lacking
}
