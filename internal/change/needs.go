package change

import "github.com/dbaudit/dbaudit/internal/audit"

// Needs are privileges by name, each with the least depth, that an identity in the root
// business unit must have. Nobody can grant a privilege that they do not have at that depth
// ("Assign security roles to users", on elevation).
type Needs struct {
	Depths Depths
	Root   string // the id of the root business unit
}

func (n Needs) require(depth audit.Depth, names ...string) {
	for _, name := range names {
		if depth > n.Depths[name] {
			n.Depths[name] = depth
		}
	}
}

// AddChange adds what is needed to bring a target from one state to another, and to read it
// first: for a role that others may have, also who has it.
func (n Needs) AddChange(t Target, from, to State) {
	here := n.depthInUnit(t, audit.DepthLocal)
	n.addNameChecks(t)
	switch t.Kind {
	case TargetRole:
		n.require(audit.DepthGlobal, "prvReadRole")
		if to[AttrRole] == Absent {
			n.require(audit.DepthGlobal, "prvReadTeam", "prvReadUser")
			n.require(here, "prvDeleteRole")
		} else {
			n.require(here, "prvCreateRole")
		}
	case TargetGrants:
		n.require(audit.DepthGlobal, "prvReadRole")
		if t.Role.MadeBy == "" {
			n.require(audit.DepthGlobal, "prvReadTeam", "prvReadUser")
		}
		n.require(here, "prvWriteRole")
		n.addGrants(t, to)
	case TargetUser:
		n.require(audit.DepthGlobal, "prvReadUser")
		switch {
		case from[AttrUser] == Absent:
			n.require(here, "prvCreateUser")
		case to[AttrUser] == Absent: // which requires disabling first
			n.require(here, "prvDeleteUser", "prvWriteUser", "prvDisableUser")
		default: // enabling requires prvDisableUser as well
			n.require(here, "prvWriteUser", "prvDisableUser")
		}
	case TargetAssignment:
		n.require(audit.DepthGlobal, "prvReadRole", "prvReadUser")
		n.require(here, "prvAssignRole")
	case TargetShare:
		// To impersonate, both identities need what the action needs.
		n.require(audit.DepthGlobal, "prvActOnBehalfOfAnotherUser")
		n.require(audit.DepthBasic, "prvReadUserQuery", "prvShareUserQuery")
	}
}

// addNameChecks adds what is needed to check that the rows of a target still have the same
// names. Roles and views are read for the change itself.
func (n Needs) addNameChecks(t Target) {
	if t.BusinessUnit != nil {
		n.require(audit.DepthGlobal, "prvReadBusinessUnit")
	}
	switch {
	case t.Principal == nil:
	case t.Principal.Kind == "team":
		n.require(audit.DepthGlobal, "prvReadTeam")
	default:
		n.require(audit.DepthGlobal, "prvReadUser")
	}
}

// addGrants adds what a target's role is granted.
func (n Needs) addGrants(t Target, grants State) {
	for name, depth := range grants {
		n.require(n.depthInUnit(t, DepthOf(depth)), name)
	}
}

// AddAssignment adds what an assigned role grants, now or after the actions that create it.
func (n Needs) AddAssignment(t Target, actions []Action) {
	for name, depth := range t.Grants {
		n.require(n.depthInUnit(t, depth), name)
	}
	if t.Role.MadeBy == "" {
		return
	}
	n.require(audit.DepthGlobal, NewRolePrivileges()...)
	for _, a := range actions {
		if a.Target.Kind == TargetGrants && a.Target.Role.MadeBy == t.Role.MadeBy {
			n.addGrants(t, a.After)
		}
	}
}

// depthInUnit is the depth that is needed in a target's business unit for what needs the given
// depth in the unit of the identity: local does not include the units below.
func (n Needs) depthInUnit(t Target, depth audit.Depth) audit.Depth {
	if depth == audit.DepthLocal && t.BusinessUnit != nil && t.BusinessUnit.ID != n.Root {
		return audit.DepthDeep
	}
	return depth
}
