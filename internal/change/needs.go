package change

import "github.com/dbaudit/dbaudit/internal/audit"

// Needs are privileges by name, each with the least depth, that an identity in the root
// business unit must have. Nobody can grant a privilege that they do not have at that depth
// ("Assign security roles to users", on elevation).
type Needs struct {
	Depths Depths
	Root   string // the id of the root business unit
}

func (n Needs) need(depth audit.Depth, names ...string) {
	for _, name := range names {
		if depth > n.Depths[name] {
			n.Depths[name] = depth
		}
	}
}

// Change adds what is needed to bring a target from one state to another, and to read it
// first: for a role that others may have, also who has it.
func (n Needs) Change(t Target, from, to State) {
	here := n.reach(t, audit.DepthLocal)
	n.sameNames(t)
	switch t.Kind {
	case TargetRole:
		n.need(audit.DepthGlobal, "prvReadRole")
		if to[AttrRole] == Absent {
			n.need(audit.DepthGlobal, "prvReadTeam", "prvReadUser")
			n.need(here, "prvDeleteRole")
		} else {
			n.need(here, "prvCreateRole")
		}
	case TargetGrants:
		n.need(audit.DepthGlobal, "prvReadRole")
		if t.Role.MadeBy == "" {
			n.need(audit.DepthGlobal, "prvReadTeam", "prvReadUser")
		}
		n.need(here, "prvWriteRole")
		n.grant(t, to)
	case TargetUser:
		n.need(audit.DepthGlobal, "prvReadUser")
		switch {
		case from[AttrUser] == Absent:
			n.need(here, "prvCreateUser")
		case to[AttrUser] == Absent: // which requires disabling first
			n.need(here, "prvDeleteUser", "prvWriteUser", "prvDisableUser")
		default: // enabling requires prvDisableUser as well
			n.need(here, "prvWriteUser", "prvDisableUser")
		}
	case TargetAssignment:
		n.need(audit.DepthGlobal, "prvReadRole", "prvReadUser")
		n.need(here, "prvAssignRole")
	case TargetShare:
		// To impersonate, both identities need what the action needs.
		n.need(audit.DepthGlobal, "prvActOnBehalfOfAnotherUser")
		n.need(audit.DepthBasic, "prvReadUserQuery", "prvShareUserQuery")
	}
}

// sameNames adds what is needed to check that the rows of a target still have the same
// names. Roles and views are read for the change itself.
func (n Needs) sameNames(t Target) {
	if t.BusinessUnit != nil {
		n.need(audit.DepthGlobal, "prvReadBusinessUnit")
	}
	switch {
	case t.Principal == nil:
	case t.Principal.Kind == "team":
		n.need(audit.DepthGlobal, "prvReadTeam")
	default:
		n.need(audit.DepthGlobal, "prvReadUser")
	}
}

// grant adds what a target's role is granted.
func (n Needs) grant(t Target, grants State) {
	for name, depth := range grants {
		n.need(n.reach(t, Rank(depth)), name)
	}
}

// Assign adds what an assigned role grants, now or after the actions that create it.
func (n Needs) Assign(t Target, actions []Action) {
	for name, depth := range t.Grants {
		n.need(n.reach(t, depth), name)
	}
	if t.Role.MadeBy == "" {
		return
	}
	n.need(audit.DepthGlobal, Inborn()...)
	for _, a := range actions {
		if a.Target.Kind == TargetGrants && a.Target.Role.MadeBy == t.Role.MadeBy {
			n.grant(t, a.After)
		}
	}
}

// reach is the depth that is needed in a target's business unit for what needs the given
// depth in the unit of the identity: local does not include the units below.
func (n Needs) reach(t Target, depth audit.Depth) audit.Depth {
	if depth == audit.DepthLocal && t.BusinessUnit != nil && t.BusinessUnit.ID != n.Root {
		return audit.DepthDeep
	}
	return depth
}
