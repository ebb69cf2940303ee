package change

import (
	"cmp"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Remedy is a fix as instructions. Parts that do not apply to the kind of fix are empty.
type Remedy struct {
	Summary  string   // one short sentence
	Who      string   // who can make the fix; empty if a plan can contain it, and for files
	Portal   []string // the steps in the portal
	Requests []Call   // Web API requests, in order
	Commands []string // command lines, in order

	origin string // the environment's URL, for the scripts
}

// maxListed limits the calls and steps for a long list of privileges.
const maxListed = 10

const defaultProfile = "demandbase"

// A Place says where a fault was found, and which flags point dbaudit to it.
type Place struct {
	Environment audit.Environment
	Profile     string
	Control     audit.ControlID // the failed control; if it is set, the plan is only for it
	// Flags choose the environment and the profile. Nil stands for --url and --profile.
	Flags      []string
	ApplyFlags []string // the flags of dbaudit apply
}

// Arguments returns the flags, quoted for a POSIX shell, each with a space before it.
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

// PlanFlag returns the flag without which dbaudit plan leaves a fix out, or an empty string.
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

// RemedyFor returns the instructions for a fix at a place.
func RemedyFor(f audit.Fix, at Place) Remedy {
	x := newFix(f, at)
	r := x.remedy()
	r.origin = x.origin()
	switch {
	case x.Environment.URL == "": // a file: plan and apply need an environment
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

// Summary returns only the summary of [RemedyFor].
func Summary(f audit.Fix) string { return newFix(f, Place{}).remedy().Summary }

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

// A fix is an [audit.Fix] at a place.
type fix struct {
	audit.Fix
	Place

	values map[string]string // for the templates
}

// newFix returns the fix without empty references, so that nil always means "not known".
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
