package change

import (
	"cmp"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Remedy is a fix as instructions. Parts that do not apply to the kind of fix are empty.
type Remedy struct {
	Summary string // one short sentence
	// Who can do it; empty for what a plan can contain, and for files.
	Who      string
	Portal   []string // what to click, step by step
	Requests []Call   // Web API requests, in order
	Commands []string // command lines, in order

	origin string // of the environment, for the scripts
}

// maxListed is how many calls or steps are shown for a long list of privileges.
const maxListed = 10

// defaultProfile is the profile that dbaudit uses by default.
const defaultProfile = "demandbase"

// A Place is where a fault was found, and how to point dbaudit to it.
type Place struct {
	Environment audit.Environment
	Profile     string
	Control     audit.ControlID // the failed control; if it is set, a plan is made only for it
	// Flags name the environment and the profile to dbaudit; nil stands for their names.
	Flags      []string
	ApplyFlags []string // the flags of dbaudit apply
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
	return quoteFlags(flags)
}

// PlanFlag is the flag without which dbaudit plan leaves a fix out, or empty.
func PlanFlag(f audit.Fix) string { return kindNamed(f.Kind).flag }

func quoteFlags(flags []string) string {
	var b strings.Builder
	for _, flag := range flags {
		if !strings.HasPrefix(flag, "-") || strings.Trim(flag, wordCharacters+"-") != "" {
			flag = QuoteShell(flag)
		}
		b.WriteString(" " + flag)
	}
	return b.String()
}

// RemedyFor describes the fix at its place.
func RemedyFor(f audit.Fix, at Place) Remedy {
	x := newFix(f, at)
	r := x.remedy()
	r.origin = x.origin()
	switch {
	case x.Environment.URL == "": // a file, for which nothing can be planned or applied
	case !Automatic(f.Kind):
		r.Who = Who(f)
	default:
		plan := "dbaudit plan" + at.Arguments()
		if flag := PlanFlag(f); flag != "" {
			plan += " " + flag
		}
		if at.Control != "" {
			plan += " --only " + QuoteShell(string(at.Control))
		}
		r.Commands = append(r.Commands, plan+" -o plan.json", "dbaudit apply plan.json"+quoteFlags(at.ApplyFlags))
	}
	return r
}

// Summary is only the sentence of [For].
func Summary(f audit.Fix) string {
	return newFix(f, Place{}).remedy().Summary
}

// remedy is what the fix's kind says of it.
func (f fix) remedy() Remedy {
	k := kindNamed(f.Kind)
	switch {
	case k.remedy != nil:
		return k.remedy(f)
	case k.summary == "":
		return Remedy{Summary: "See the control's page for how to fix this."}
	}
	r := Remedy{Summary: f.render(k.summary), Portal: f.renderSteps(k.portal...)}
	if k.requests != nil {
		r.Requests = k.requests(f)
	}
	if k.commands != nil {
		r.Commands = k.commands(f)
	}
	if f.User != nil && (f.Kind == AddPrivilege || f.Kind == RaiseDepth) {
		f.Kind = AssignRole
		assign := f.remedy()
		r.Portal, r.Requests, r.Commands = append(r.Portal, assign.Portal...), append(r.Requests, assign.Requests...), append(r.Commands, assign.Commands...)
	}
	return r
}

// A fix is what to do, and where.
type fix struct {
	audit.Fix
	Place

	values map[string]string
}

// newFix drops empty references, so that nil always means "the fix does not say".
func newFix(f audit.Fix, at Place) fix {
	for _, ref := range []**audit.Reference{&f.Role, &f.User, &f.Team, &f.View, &f.Owner, &f.BusinessUnit} {
		if *ref != nil && (*ref).ID == "" && (*ref).Name == "" {
			*ref = nil
		}
	}
	at.Profile = cmp.Or(at.Profile, defaultProfile)
	x := fix{Fix: f, Place: at}
	x.values = x.templateValues()
	return x
}
