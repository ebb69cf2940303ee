// Package change says what a fix is, once: for each kind, its words, its portal clicks, its
// Web API requests and its commands and, if apply can carry it out, the target that it
// changes, from which state to which, and what a plan says of it.
//
// It does no I/O. Its strings contain the environment's names unchanged, quoted for bodies,
// filters and commands: the caller must still escape a string for its output.
//
// The clicks follow Microsoft's pages "Create or edit a security role to manage access",
// "Manage application users in the Power Platform admin center" and "Manage users in Power
// Platform"; the requests follow the "Dataverse Web API Reference" (AddPrivilegesRole,
// RemovePrivilegeRole, GrantAccess, ModifyAccess, RevokeAccess), "Use Web API functions"
// and "actions", and "Associate and disassociate table rows using the Web API".
package change

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// The kinds of fix.
const (
	CreateRole            audit.FixKind = "create-role"
	AddPrivilege          audit.FixKind = "add-privilege"
	RaiseDepth            audit.FixKind = "raise-depth"
	RemovePrivilege       audit.FixKind = "remove-privilege" // each by an action of its own
	CreateApplicationUser audit.FixKind = "create-application-user"
	EnableUser            audit.FixKind = "enable-user"
	AssignRole            audit.FixKind = "assign-role" // the copy that fits the user's business unit
	UnassignRole          audit.FixKind = "unassign-role"
	ShareView             audit.FixKind = "share-view"
	ReduceShare           audit.FixKind = "reduce-share"
	InstallApp            audit.FixKind = "install-app"
	ReplaceRole           audit.FixKind = "replace-role"
	ReplaceUser           audit.FixKind = "replace-user"
	RemoveDuplicateUser   audit.FixKind = "remove-duplicate-user"
	MoveUser              audit.FixKind = "move-user"
	RemoveFromTeam        audit.FixKind = "remove-from-team"
	EnableBusinessUnit    audit.FixKind = "enable-business-unit"
	SetAccessMode         audit.FixKind = "set-access-mode"
	RestoreIdentity       audit.FixKind = "restore-identity"
	FindView              audit.FixKind = "find-view"
	ActivateView          audit.FixKind = "activate-view"
	CorrectConfiguration  audit.FixKind = "correct-configuration"
)

// A kind is what there is to know of one kind of fix.
type kind struct {
	name audit.FixKind
	// summary and portal are how to make the fix, as sentences for [render].
	summary  string
	portal   []string
	requests func(fix) []Call
	commands func(fix) []string
	// remedy replaces them if they depend on what the fix has.
	remedy func(fix) Remedy
	// example picks what the kind uses from a fix that has everything; nil for nothing.
	example    func(all audit.Fix) audit.Fix
	who        string     // whoever can make it manually; empty for [SystemAdministrator]
	flag       string     // without which dbaudit plan leaves the fix out
	automation automation // how apply makes it; zero if no tool can or should
}

// An automation is how apply makes a change.
type automation struct {
	target TargetKind
	// from and to are the states of the target before and after; nil if legal decides.
	from, to State
	validate func(Action) error
	// limit refuses to give the integration more than is required; nil if it gets nothing.
	limit func(Limits, Action) error
	along func() []string // the privileges that the platform grants with the change
	risk  Risk
	// summary is a sentence for [render], and note says what else happens. They depend only on
	// the action's target and states, so that no plan can say one thing and do another.
	summary string
	note    func(a Action, allow []string) string
}

// kinds lists every kind of fix: first those that apply can carry out.
func kinds() []kind {
	return slices.Concat(roleKinds(), userKinds(), assignmentKinds(), shareKinds(), manualKinds())
}

// kindNamed is the kind with a name, or the zero kind.
func kindNamed(name audit.FixKind) kind {
	for _, k := range kinds() {
		if k.name == name {
			return k
		}
	}
	return kind{}
}

// Kinds names every kind of fix.
func Kinds() []audit.FixKind {
	var names []audit.FixKind
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// Automatic reports whether apply can carry out a kind of fix; the others are manual steps.
func Automatic(k audit.FixKind) bool { return kindNamed(k).automation.target != "" }

// GrantsPrivileges reports whether a kind of fix gives privileges.
func GrantsPrivileges(k audit.FixKind) bool { return kindNamed(k).automation.limit != nil }

// CreatesRow reports whether a kind of fix creates the row of its target.
func CreatesRow(k audit.FixKind) bool {
	from := kindNamed(k).automation.from
	return from[AttrRole] == Absent || from[AttrUser] == Absent
}

// ValidateKind refuses a kind of fix that does not exist.
func ValidateKind(k audit.FixKind) error {
	switch {
	case k == "":
		return errors.New("a fix without a kind")
	case kindNamed(k).name == "":
		return fmt.Errorf("unknown kind of fix %q: want one of %v", k, Kinds())
	}
	return nil
}

// Example is a fix of a kind, with what the kind uses from a fix that has everything.
func Example(k audit.FixKind, all audit.Fix) audit.Fix {
	var f audit.Fix
	if example := kindNamed(k).example; example != nil {
		f = example(all)
	}
	f.Kind = k
	return f
}

func administratorRole() *audit.Reference { return &audit.Reference{Name: "System Administrator"} }

// SystemAdministrator is who can do nearly everything.
const SystemAdministrator = "a System Administrator of the environment"

// Maintainer is who can change what dbaudit asks for.
const Maintainer = "the maintainer of dbaudit's configuration"

// Who names whoever can make a fix manually.
func Who(f audit.Fix) string {
	return newFix(f, Place{}).render(cmp.Or(kindNamed(f.Kind).who, SystemAdministrator))
}
