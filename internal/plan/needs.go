package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// needs are privileges by name, each with the least depth.
type needs map[string]string

func (n needs) need(name string, depth snapshot.Depth) {
	if int(depth) > rank(n[name]) {
		n[name] = depth.String()
	}
}

// Needs are the privileges that whoever applies the plan must hold, by name, each
// with the least depth, for an identity in the root business unit. Nobody can grant
// what they do not hold themselves at that depth ("Assign security roles to users",
// on elevation), and who assigns a role grants all that the role does.
func (p Plan) Needs() map[string]string {
	n := needs{}
	for _, a := range p.Actions {
		p.forChange(n, a.Target, a.Before, a.After)
		if a.Target.Kind == KindAssignment && a.Kind == audit.FixAssignRole {
			p.toAssign(n, a.Target)
		}
	}
	return n
}

// NeedsToUndo are the privileges that rolling the plan back takes besides [Plan.Needs].
// roles names those that would be assigned again: whoever does must hold all that
// they grant, which is not in the plan.
func (p Plan) NeedsToUndo() (privileges map[string]string, roles []string) {
	n := needs{}
	for _, a := range p.Actions {
		if a.UndoneWith != "" {
			continue
		}
		p.forChange(n, a.Target, a.After, a.Before)
		if a.Kind == audit.FixUnassignRole && !slices.Contains(roles, a.Target.Role.Name) {
			roles = append(roles, a.Target.Role.Name)
		}
	}
	held := p.Needs()
	maps.DeleteFunc(n, func(name, depth string) bool { return rank(held[name]) >= rank(depth) })
	return n, roles
}

// toSeeHolders adds what it takes to read who holds a role, wholly: a holder who is
// not seen would be taken for none.
func (n needs) toSeeHolders() {
	n.need("prvReadTeam", snapshot.DepthGlobal)
	n.need("prvReadUser", snapshot.DepthGlobal)
}

// toCompareNames adds what it takes to see whether the rows that a target names still
// have these names. Roles and views are read for the change itself.
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

// forChange adds what it takes to bring a target from one state to another, and to
// read it before.
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
		case to[attrUser] == Absent: // which takes disabling first
			n.need("prvDeleteUser", here)
			fallthrough
		default:
			n.need("prvWriteUser", here)
			n.need("prvDisableUser", here) // which enabling asks for as well
		}
	case KindAssignment:
		n.need("prvReadRole", snapshot.DepthGlobal)
		n.need("prvReadUser", snapshot.DepthGlobal)
		n.need("prvAssignRole", here)
	case KindShare:
		// Acting as somebody else needs in both what the action needs.
		n.need("prvActOnBehalfOfAnotherUser", snapshot.DepthGlobal)
		n.need("prvReadUserQuery", snapshot.DepthBasic)
		n.need("prvShareUserQuery", snapshot.DepthBasic)
	}
}

// toAssign adds what a role grants that is assigned: of one that the plan makes, what
// it is born with and what the plan grants it.
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

// reach is the depth that it takes to do in a target's business unit what takes a
// depth in one's own, from the root: what reaches one's own unit only does not reach
// those below it.
func (p Plan) reach(t Target, depth snapshot.Depth) snapshot.Depth {
	if depth == snapshot.DepthLocal && t.BusinessUnit != nil && t.BusinessUnit.ID != p.RootUnit {
		return snapshot.DepthDeep
	}
	return depth
}

// Lacking names the needs that are not held deeply enough, with the depth. held
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
