// Package change says what a fix is, once: what has to be done about a finding, in words,
// as clicks in the portal, as Web API requests and as commands.
//
// It carries out nothing. The strings contain the environment's names unchanged:
// bodies are JSON, filters are quoted and percent-encoded and command arguments are quoted
// for a POSIX shell, but the caller must still escape a string for its output. An id that
// the fix does not contain appears as a {placeholder}; an earlier request of the same
// remedy shows how to find it. A script fills it in automatically if that request has
// exactly one result.
//
// The clicks follow Microsoft's pages "Create or edit a security role to manage
// access", "Manage application users in the Power Platform admin center" and
// "Manage users in Power Platform"; the requests follow the "Dataverse Web API
// Reference" and "Use Web API functions" and "actions".
package change

import (
	"errors"
	"fmt"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// The kinds of fix.
const (
	// CreateRole makes the custom security role with all it must grant.
	CreateRole audit.FixKind = "create-role"
	// AddPrivilege grants privileges that a role lacks.
	AddPrivilege audit.FixKind = "add-privilege"
	// RaiseDepth grants privileges that a role has, at a deeper access level.
	RaiseDepth audit.FixKind = "raise-depth"
	// RemovePrivilege takes privileges from a role.
	RemovePrivilege audit.FixKind = "remove-privilege"
	// CreateApplicationUser makes the application user.
	CreateApplicationUser audit.FixKind = "create-application-user"
	// EnableUser enables a disabled user.
	EnableUser audit.FixKind = "enable-user"
	// AssignRole assigns the copy of a role that fits the user's business unit.
	AssignRole audit.FixKind = "assign-role"
	// UnassignRole takes a role away from a user.
	UnassignRole audit.FixKind = "unassign-role"
	// ShareView shares a personal view with Read.
	ShareView audit.FixKind = "share-view"
	// ReduceShare reduces a share of a view to Read.
	ReduceShare audit.FixKind = "reduce-share"
	// InstallApp installs the app that brings a table and its privileges.
	InstallApp audit.FixKind = "install-app"
	// ReplaceRole has a built-in or locked role replaced by a custom one.
	ReplaceRole audit.FixKind = "replace-role"
	// ReplaceUser has a person's account replaced by an application user.
	ReplaceUser audit.FixKind = "replace-user"
	// RemoveDuplicateUser leaves one user of an application id.
	RemoveDuplicateUser audit.FixKind = "remove-duplicate-user"
	// MoveUser moves a user to another business unit.
	MoveUser audit.FixKind = "move-user"
	// RemoveFromTeam takes a user out of a team, or a role from the team.
	RemoveFromTeam audit.FixKind = "remove-from-team"
	// EnableBusinessUnit enables a business unit whose users are locked out.
	EnableBusinessUnit audit.FixKind = "enable-business-unit"
	// SetAccessMode gives a user an access mode in which it can work.
	SetAccessMode audit.FixKind = "set-access-mode"
	// RestoreIdentity brings back what a user signs in with in Microsoft Entra.
	RestoreIdentity audit.FixKind = "restore-identity"
	// FindView makes a required view visible: create it, or have its owner named.
	FindView audit.FixKind = "find-view"
	// ActivateView activates a deactivated view.
	ActivateView audit.FixKind = "activate-view"
	// CorrectConfiguration changes what the configuration asks for.
	CorrectConfiguration audit.FixKind = "correct-configuration"
)

// Kinds lists every kind of fix.
func Kinds() []audit.FixKind {
	return []audit.FixKind{
		CreateRole, AddPrivilege, RaiseDepth, RemovePrivilege, CreateApplicationUser,
		EnableUser, AssignRole, UnassignRole, ShareView, ReduceShare, InstallApp,
		ReplaceRole, ReplaceUser, RemoveDuplicateUser, MoveUser, RemoveFromTeam,
		EnableBusinessUnit, SetAccessMode, RestoreIdentity, FindView, ActivateView, CorrectConfiguration,
	}
}

// Automatic reports whether apply can carry out a kind of fix; the other kinds are manual
// steps.
func Automatic(k audit.FixKind) bool {
	i := slices.Index(Kinds(), k)
	return i >= 0 && i <= slices.Index(Kinds(), ReduceShare)
}

// Known refuses a kind of fix that does not exist.
func Known(k audit.FixKind) error {
	switch {
	case slices.Contains(Kinds(), k):
		return nil
	case k == "":
		return errors.New("a fix without a kind")
	}
	return fmt.Errorf("unknown kind of fix %q: want one of %v", k, Kinds())
}

// SystemAdministrator is who can do nearly everything.
const SystemAdministrator = "a System Administrator of the environment"

// Who names whoever can carry the fix out manually.
func Who(f audit.Fix) string {
	switch f.Kind {
	case ShareView, ReduceShare, FindView, ActivateView:
		if f.Owner != nil && f.Owner.Name != "" {
			return "the view's owner, " + f.Owner.Name
		}
		return "the view's owner"
	case InstallApp:
		return "a Power Platform administrator who may install apps"
	case CorrectConfiguration:
		return "the maintainer of dbaudit's configuration"
	case ReplaceUser, RestoreIdentity:
		return "an administrator of the Entra tenant and one of the environment"
	}
	return SystemAdministrator
}
