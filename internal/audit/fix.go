package audit

// A FixKind says what has to be done about a finding. The list is closed: a
// policy that proposes anything else is refused.
type FixKind int

// The kinds of fix. Those up to FixReduceShare can be carried out by apply; the
// rest name work that only a person can do.
const (
	FixUnknown FixKind = iota
	// FixCreateRole makes the custom security role with all it must grant.
	FixCreateRole
	// FixAddPrivilege grants privileges that a role lacks.
	FixAddPrivilege
	// FixRaiseDepth grants privileges that a role has, at a deeper access level.
	FixRaiseDepth
	// FixRemovePrivilege takes privileges from a role.
	FixRemovePrivilege
	// FixCreateApplicationUser makes the application user.
	FixCreateApplicationUser
	// FixEnableUser enables a disabled user.
	FixEnableUser
	// FixAssignRole assigns the copy of a role that fits the user's business unit.
	FixAssignRole
	// FixUnassignRole takes a role away from a user.
	FixUnassignRole
	// FixShareView shares a personal view with Read.
	FixShareView
	// FixReduceShare reduces a share of a view to Read.
	FixReduceShare
	// FixInstallApp installs the app that brings a table and its privileges.
	FixInstallApp
	// FixReplaceRole has a built-in or locked role replaced by a custom one.
	FixReplaceRole
	// FixReplaceUser has a person's account replaced by an application user.
	FixReplaceUser
	// FixRemoveDuplicateUser leaves one user of an application id.
	FixRemoveDuplicateUser
	// FixMoveUser moves a user to another business unit.
	FixMoveUser
	// FixRemoveFromTeam takes a user out of a team, or a role from the team.
	FixRemoveFromTeam
	// FixEnableBusinessUnit enables a business unit whose users are locked out.
	FixEnableBusinessUnit
	// FixSetAccessMode gives a user an access mode in which it can work.
	FixSetAccessMode
	// FixRestoreIdentity brings back what a user signs in with in Microsoft Entra.
	FixRestoreIdentity
	// FixFindView makes a required view visible: create it, or have its owner named.
	FixFindView
	// FixActivateView activates a deactivated view.
	FixActivateView
	// FixCorrectConfiguration changes what the configuration asks for.
	FixCorrectConfiguration
)

// FixKinds lists every valid kind of fix.
func FixKinds() []FixKind {
	return []FixKind{
		FixCreateRole, FixAddPrivilege, FixRaiseDepth, FixRemovePrivilege, FixCreateApplicationUser,
		FixEnableUser, FixAssignRole, FixUnassignRole, FixShareView, FixReduceShare, FixInstallApp,
		FixReplaceRole, FixReplaceUser, FixRemoveDuplicateUser, FixMoveUser, FixRemoveFromTeam,
		FixEnableBusinessUnit, FixSetAccessMode, FixRestoreIdentity, FixFindView, FixActivateView, FixCorrectConfiguration,
	}
}

func (k FixKind) String() string {
	switch k {
	case FixCreateRole:
		return "create-role"
	case FixAddPrivilege:
		return "add-privilege"
	case FixRaiseDepth:
		return "raise-depth"
	case FixRemovePrivilege:
		return "remove-privilege"
	case FixCreateApplicationUser:
		return "create-application-user"
	case FixEnableUser:
		return "enable-user"
	case FixAssignRole:
		return "assign-role"
	case FixUnassignRole:
		return "unassign-role"
	case FixShareView:
		return "share-view"
	case FixReduceShare:
		return "reduce-share"
	case FixInstallApp:
		return "install-app"
	case FixReplaceRole:
		return "replace-role"
	case FixReplaceUser:
		return "replace-user"
	case FixRemoveDuplicateUser:
		return "remove-duplicate-user"
	case FixMoveUser:
		return "move-user"
	case FixRemoveFromTeam:
		return "remove-from-team"
	case FixEnableBusinessUnit:
		return "enable-business-unit"
	case FixSetAccessMode:
		return "set-access-mode"
	case FixRestoreIdentity:
		return "restore-identity"
	case FixFindView:
		return "find-view"
	case FixActivateView:
		return "activate-view"
	case FixCorrectConfiguration:
		return "correct-configuration"
	case FixUnknown:
	}
	return "unknown"
}

// Automatic reports whether apply can carry the fix out.
func (k FixKind) Automatic() bool { return k >= FixCreateRole && k <= FixReduceShare }

// MarshalText implements [encoding.TextMarshaler].
func (k FixKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (k *FixKind) UnmarshalText(b []byte) (err error) {
	*k, err = parse(string(b), "kind of fix", FixKinds())
	return err
}

// A Fix is a proposed change as data. Which fields are set depends on the kind.
type Fix struct {
	Kind FixKind `json:"kind"`
	// Role is the role to change or to assign; its id is that of the root copy.
	Role *Reference `json:"role,omitempty"`
	// User is the user to change or to assign to. Beside privileges to grant it is who
	// must be assigned the role as well.
	User *Reference `json:"user,omitempty"`
	Team *Reference `json:"team,omitempty"`
	View *Reference `json:"view,omitempty"`
	// Owner is the user or team whose view is to be shared.
	Owner        *Reference `json:"owner,omitempty"`
	BusinessUnit *Reference `json:"business_unit,omitempty"`
	// ApplicationID is the application (client) id of an application user.
	ApplicationID string `json:"application_id,omitempty"`
	// Table is the logical name of the table that a view lists or an app brings.
	Table string `json:"table,omitempty"`
	// Privileges are those to grant or to take away.
	Privileges []Grant `json:"privileges,omitempty"`
	// Principals are those whose share of a view is to be reduced.
	Principals []Reference `json:"principals,omitempty"`
}

// A Reference names a Dataverse row.
type Reference struct {
	// Kind is the row's table if the context does not determine it: systemuser or team.
	Kind string `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// A Grant is a privilege at an access level.
type Grant struct {
	Name string `json:"name"`
	// ID is the privilege's id in the environment that was read; empty where it is
	// not defined there.
	ID string `json:"id,omitempty"`
	// Depth is basic, local, deep or global.
	Depth string `json:"depth,omitempty"`
}

// SystemAdministrator is who can do nearly everything.
const SystemAdministrator = "a System Administrator of the environment"

// Who names whoever can carry the fix out by hand.
func (f Fix) Who() string {
	switch f.Kind {
	case FixShareView, FixReduceShare, FixFindView, FixActivateView:
		if f.Owner != nil && f.Owner.Name != "" {
			return "the view's owner, " + f.Owner.Name
		}
		return "the view's owner"
	case FixInstallApp:
		return "a Power Platform administrator who may install apps"
	case FixCorrectConfiguration:
		return "the maintainer of dbaudit's configuration"
	case FixReplaceUser, FixRestoreIdentity:
		return "an administrator of the Entra tenant and one of the environment"
	case FixUnknown, FixCreateRole, FixAddPrivilege, FixRaiseDepth, FixRemovePrivilege,
		FixCreateApplicationUser, FixEnableUser, FixAssignRole, FixUnassignRole,
		FixReplaceRole, FixRemoveDuplicateUser, FixMoveUser, FixRemoveFromTeam,
		FixEnableBusinessUnit, FixSetAccessMode:
	}
	return SystemAdministrator
}
