// Package change defines the kinds of fix. For each kind it has the description, the steps in
// the portal, the Web API requests and the commands. If apply can carry out a kind, it also has
// the target that changes, the states before and after, and what a plan says about it.
//
// The package does no I/O. Its strings contain the environment's names unchanged, quoted for
// bodies, filters and commands. The caller must still escape a string for its output.
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
	"iter"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// The kinds of fix.
const (
	CreateRole            audit.FixKind = "create-role"
	AddPrivilege          audit.FixKind = "add-privilege"
	RaiseDepth            audit.FixKind = "raise-depth"
	RemovePrivilege       audit.FixKind = "remove-privilege" // one action for each privilege
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

// A kind describes one kind of fix.
type kind struct {
	name audit.FixKind
	// summary says what the fix does, and portal lists the steps. Both are templates for [render].
	summary  string
	portal   []string
	requests func(fix) []Call
	commands func(fix) []string
	// remedy replaces the fields above if they depend on what the fix contains.
	remedy func(fix) Remedy
	// example picks what the kind uses from a fix with all fields; nil if it uses nothing.
	example    func(all audit.Fix) audit.Fix
	who        string     // who can make the fix manually; empty for [SystemAdministrator]
	flag       string     // the flag without which dbaudit plan leaves the fix out
	automation automation // zero if the fix is always a manual step
}

// An automation says how apply makes a change.
type automation struct {
	target TargetKind
	// from and to are the states of the target before and after; nil if validate checks them.
	from, to State
	validate func(Action) error
	// limit refuses an action that gives the integration more than is required. It is nil if
	// the action gives it nothing.
	limit func(Limits, Action) error
	along func() []string // the privileges that the platform grants with the change
	risk  Risk
	// summary is a template for [render], and note says what else happens. Both depend only on
	// the action's target and states, so that a plan cannot say one thing and do another.
	summary string
	note    func(a Action, allow []string) string
}

// kinds yields every kind of fix, first the ones that apply can carry out. It makes each table only when
// it gets there, because reports look up a kind for each finding.
func kinds() iter.Seq[kind] {
	return func(yield func(kind) bool) {
		for _, table := range []func() []kind{roleKinds, userKinds, assignmentKinds, shareKinds, manualKinds} {
			for _, k := range table() {
				if !yield(k) {
					return
				}
			}
		}
	}
}

// kindNamed returns the kind with the name, or the zero kind.
func kindNamed(name audit.FixKind) kind {
	for k := range kinds() {
		if k.name == name {
			return k
		}
	}
	return kind{}
}

// Kinds returns the names of all kinds of fix.
func Kinds() []audit.FixKind {
	var names []audit.FixKind
	for k := range kinds() {
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

// ValidateKind returns an error if the kind of fix does not exist.
func ValidateKind(k audit.FixKind) error {
	switch {
	case k == "":
		return errors.New("a fix without a kind")
	case kindNamed(k).name == "":
		return fmt.Errorf("unknown kind of fix %q: want one of %v", k, Kinds())
	}
	return nil
}

// Example returns a fix of a kind. It takes the fields that the kind uses from all.
func Example(k audit.FixKind, all audit.Fix) audit.Fix {
	var f audit.Fix
	if example := kindNamed(k).example; example != nil {
		f = example(all)
	}
	f.Kind = k
	return f
}

func administratorRole() *audit.Reference { return &audit.Reference{Name: "System Administrator"} }

// The people who can make fixes: most fixes, and those of dbaudit's requirements.
const (
	SystemAdministrator = "a System Administrator of the environment"
	Maintainer          = "the maintainer of dbaudit's configuration"
)

// Who returns who can make a fix manually.
func Who(f audit.Fix) string {
	return newFix(f, Place{}).render(cmp.Or(kindNamed(f.Kind).who, SystemAdministrator))
}
