// Package remedy turns a proposed fix, which is data, into what a person can do
// about it: a sentence, clicks in the portal, Web API requests and commands.
//
// Nothing here is carried out. The strings hold names as the environment has them:
// bodies are JSON, filters are quoted and percent-encoded and command arguments are
// quoted for a POSIX shell, but whoever prints a string still has to escape it for
// where it is printed. An id that the fix does not carry appears as a {placeholder}
// which an earlier request of the same remedy shows how to find; a script fills it
// in by itself where that request has but one answer.
//
// The clicks follow Microsoft's pages "Create or edit a security role to manage
// access", "Manage application users in the Power Platform admin center" and
// "Manage users in Power Platform"; the requests follow the "Dataverse Web API
// Reference" and "Use Web API functions" and "actions".
package remedy

import (
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Remedy is a fix in a person's terms. Parts that make no sense for the kind of
// fix are empty.
type Remedy struct {
	// Summary is one short sentence.
	Summary string
	// Who can do it, where no tool can or should; empty for what a plan can hold and
	// for files.
	Who string
	// Portal is what to click, step by step.
	Portal []string
	// Requests are Web API requests, in order.
	Requests []Request
	// Commands are command lines, in order.
	Commands []string

	origin    string // of the environment, for the scripts
	planFlags string // without which dbaudit plan leaves the fix out
}

// listed is how many requests or steps stand for a long list of privileges: the
// rest goes the same way and is named in the summary's count.
const listed = 10

// defaultProfile is what dbaudit judges by where no profile is named.
const defaultProfile = "demandbase"

// A Place is where a fault was found, and how dbaudit is told of it.
type Place struct {
	Environment audit.Environment
	Profile     string
	// Control is the one that failed; a plan is made for it alone where it is named.
	Control audit.ControlID
	// Flags name the environment and the profile to dbaudit; nil stands for the
	// environment's address and the profile's name.
	Flags []string
}

// Arguments are the flags, quoted for a POSIX shell and ready to follow a command.
func (p Place) Arguments() string {
	flags := p.Flags
	if flags == nil {
		if p.Environment.URL != "" {
			flags = append(flags, "--url", p.Environment.URL)
		}
		if p.Profile != "" && p.Profile != defaultProfile {
			flags = append(flags, "--profile", p.Profile)
		}
	}
	var b strings.Builder
	for _, flag := range flags {
		if !strings.HasPrefix(flag, "-") {
			flag = shell(flag)
		}
		b.WriteString(" " + flag)
	}
	return b.String()
}

// For describes the fix at its place.
func For(f audit.Fix, at Place) Remedy {
	x := newFix(f, at)
	r := x.remedy()
	r.origin = x.origin()
	if !f.Kind.Automatic() && x.env.URL != "" {
		r.Who = x.Who()
	}
	// Of a file, not of an environment, nothing can be planned or applied.
	if f.Kind.Automatic() && x.env.URL != "" {
		only := ""
		if at.Control != "" {
			only = " --only " + shell(string(at.Control))
		}
		r.Commands = append(r.Commands, "dbaudit plan"+at.Arguments()+r.planFlags+only+" -o plan.json", "dbaudit apply plan.json")
	}
	return r
}

// Summary is the sentence of [For] alone.
func Summary(f audit.Fix) string {
	return newFix(f, Place{}).remedy().Summary
}

// A fix is what is to be done, and where. Each kind of fix is a method that says
// all there is to say about it.
type fix struct {
	audit.Fix

	at      Place
	env     audit.Environment
	profile string
}

// newFix drops references that refer to nothing, so that one nil stands for "the
// fix doesn't say".
func newFix(f audit.Fix, at Place) fix {
	for _, ref := range []**audit.Reference{&f.Role, &f.User, &f.Team, &f.View, &f.Owner, &f.BusinessUnit} {
		if *ref != nil && (*ref).ID == "" && (*ref).Name == "" {
			*ref = nil
		}
	}
	return fix{f, at, at.Environment, orElse(at.Profile, defaultProfile)}
}

func (f fix) remedy() Remedy {
	switch f.Kind {
	case audit.FixCreateRole:
		return f.createRole()
	case audit.FixAddPrivilege, audit.FixRaiseDepth:
		return f.grant()
	case audit.FixRemovePrivilege:
		return f.removePrivilege()
	case audit.FixReplaceRole:
		return f.replaceRole()
	case audit.FixAssignRole:
		return f.assignRole()
	case audit.FixUnassignRole:
		return f.unassignRole()
	case audit.FixRemoveFromTeam:
		return f.removeFromTeam()
	case audit.FixCreateApplicationUser:
		return f.createApplicationUser()
	case audit.FixEnableUser:
		return f.enableUser()
	case audit.FixMoveUser:
		return f.moveUser()
	case audit.FixEnableBusinessUnit:
		return f.enableBusinessUnit()
	case audit.FixSetAccessMode:
		return f.setAccessMode()
	case audit.FixRestoreIdentity:
		return f.restoreIdentity()
	case audit.FixReplaceUser:
		return f.replaceUser()
	case audit.FixRemoveDuplicateUser:
		return f.removeDuplicateUser()
	case audit.FixShareView:
		return f.shareView()
	case audit.FixReduceShare:
		return f.reduceShare()
	case audit.FixFindView:
		return f.findView()
	case audit.FixActivateView:
		return f.activateView()
	case audit.FixInstallApp:
		return f.installApp()
	case audit.FixCorrectConfiguration:
		return f.correctConfiguration()
	case audit.FixUnknown:
	}
	return Remedy{Summary: "See the control's page for how to fix this."}
}
