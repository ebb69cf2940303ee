package change

import (
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/privileges"
)

// Needs collects the privileges that an identity in the root business unit must have to make
// changes. No user can grant a privilege that the user does not have at the same depth ("Assign
// security roles to users", on elevation).
type Needs struct {
	Depths Depths // the minimum depths
	Root   string // the id of the root business unit
}

func (n Needs) require(depth audit.Depth, names ...string) {
	for _, name := range names {
		if depth > n.Depths[name] {
			n.Depths[name] = depth
		}
	}
}

// AddChange adds the privileges to read a target and to change it from one state to another. For
// a role that others may have, they include the ones to read who has it.
func (n Needs) AddChange(t Target, from, to State) {
	local := n.depthInUnit(t, audit.DepthLocal)
	// Apply checks that the rows still have the same names. The change itself requires reading roles and views.
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
	switch t.Kind {
	case TargetRole:
		n.require(audit.DepthGlobal, "prvReadRole")
		if to[AttrRole] == Absent {
			n.require(audit.DepthGlobal, "prvReadTeam", "prvReadUser")
			n.require(local, "prvDeleteRole")
		} else {
			n.require(local, "prvCreateRole")
		}
	case TargetGrants:
		n.require(audit.DepthGlobal, "prvReadRole")
		if t.Role.MadeBy == "" {
			n.require(audit.DepthGlobal, "prvReadTeam", "prvReadUser")
		}
		n.require(local, "prvWriteRole")
		for name, depth := range to {
			n.require(n.depthInUnit(t, DepthOf(depth)), name)
		}
	case TargetUser:
		n.require(audit.DepthGlobal, "prvReadUser")
		switch {
		case from[AttrUser] == Absent:
			n.require(local, "prvCreateUser")
		case to[AttrUser] == Absent: // a user must be disabled before it can be deleted
			n.require(local, "prvDeleteUser", "prvWriteUser", "prvDisableUser")
		default: // enabling requires prvDisableUser as well
			n.require(local, "prvWriteUser", "prvDisableUser")
		}
	case TargetAssignment:
		n.require(audit.DepthGlobal, "prvReadRole", "prvReadUser")
		n.require(local, "prvAssignRole")
	case TargetShare:
		// Both the impersonating and the impersonated user need the privileges of the action.
		n.require(audit.DepthGlobal, privileges.Impersonate)
		n.require(audit.DepthBasic, "prvReadUserQuery", "prvShareUserQuery")
	}
}

// AddAssignment adds the privileges that an assigned role grants: see [AssignedGrants].
func (n Needs) AddAssignment(t Target, actions []Action) {
	for name, depth := range AssignedGrants(t, actions) {
		n.require(n.depthInUnit(t, depth), name)
	}
}

// depthInUnit returns the depth that has the effect of the given one in a target's business
// unit: local does not include the units below the identity's own.
func (n Needs) depthInUnit(t Target, depth audit.Depth) audit.Depth {
	if depth == audit.DepthLocal && t.BusinessUnit != nil && t.BusinessUnit.ID != n.Root {
		return audit.DepthDeep
	}
	return depth
}
