package change

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// An Action is one change: one request.
type Action struct {
	ID      string        `json:"id"` // the action's number in the plan, from "1"
	Kind    audit.FixKind `json:"kind"`
	Summary string        `json:"summary"` // one short sentence
	Target  Target        `json:"target"`
	Before  State         `json:"before"` // the state that the change requires
	After   State         `json:"after"`  // the state after the change
	Why     []Reason      `json:"why"`
	Along   []string      `json:"along,omitempty"` // the privileges that the platform grants with the change, sorted
	// Request is relative to the environment's /api/data/v9.2/. Values in {braces} are known
	// only when the target is read.
	Request Request   `json:"request"`
	Undo    []Request `json:"undo"` // the requests that restore Before, in order
	// UndoneWith is the id of the action that undoes this one too; empty for most actions.
	UndoneWith string `json:"undone_with,omitempty"`
	Risk       Risk   `json:"risk"`
	Note       string `json:"note"` // the other effects, and the risk
}

// A Reason is a finding that an action fixes.
type Reason struct {
	Control     audit.ControlID `json:"control"`
	Fingerprint string          `json:"fingerprint"`
	// Follows is set if the control passes now, but would fail once the finding is fixed.
	Follows bool `json:"follows,omitempty"`
	// Partly is set if fixing the finding also requires manual steps. For example, the role that
	// gets a privilege is not assigned to the user, or a team has the administrator role too.
	Partly bool `json:"partly,omitempty"`
}

// FixesFinding reports whether the action alone fixes the finding.
func (r Reason) FixesFinding() bool { return !r.Follows && !r.Partly }

// NewAction returns an action of a kind, with the states that the kind determines.
func NewAction(k audit.FixKind, t Target, why []Reason) Action {
	auto := kindNamed(k).automation
	t.Kind = auto.target
	a := Action{Kind: k, Target: t, Why: why, Before: maps.Clone(auto.from), After: maps.Clone(auto.to)}
	if auto.along != nil {
		a.Along = auto.along()
	}
	return a
}

// Describe returns what an action does, how much it can break, and what else happens. allow
// lists the privileges that the configuration allows beyond the minimum.
func (a Action) Describe(allow []string) (summary string, risk Risk, note string) {
	auto := kindNamed(a.Kind).automation
	if auto.target == "" {
		return "", "", ""
	}
	return render(auto.summary, a.templateValues()), auto.risk, auto.note(a, allow)
}

func (a Action) templateValues() map[string]string {
	t := a.Target
	quoted := func(r *Ref) string {
		if r == nil {
			return ""
		}
		return strconv.Quote(cmp.Or(r.Name, r.ID))
	}
	values := map[string]string{
		"role": quoted(t.Role), "user": quoted(t.User), "view": quoted(t.View), "principal": quoted(t.Principal), "owner": quoted(t.Owner),
		"unit": cmp.Or(t.BusinessUnit, &Ref{}).Name, "application": t.ApplicationID, "access": a.After[AttrAccess],
		"privilege": DisplayName(strings.Join(a.After.Names(), ", ")), "privileges": text.Count(len(a.After), "privilege"),
	}
	if a.Before[AttrAccess] == None {
		values["only"] = "Read only"
	} else {
		values["more"] = "Read"
	}
	return values
}

// Requests returns the request of an action, and the requests that undo it.
func (a Action) Requests(environmentURL string) (Request, []Request) {
	known := a.Target.SlotValues()
	known[SlotAPI] = APIRoot(environmentURL)
	undo := []Request{}
	step, ok := a.Target.Next(a.Before, a.After)
	if !ok {
		return Request{}, undo
	}
	if a.UndoneWith == "" {
		_, back := a.Target.Path(a.After, a.Before)
		for _, r := range back {
			undo = append(undo, r.Fill(known))
		}
	}
	return step.Request.Fill(known), undo
}

// APIRoot returns the absolute URL of an environment's Web API, without a slash at its end.
func APIRoot(environmentURL string) string {
	return strings.TrimRight(environmentURL, "/") + "/api/data/v9.2"
}

// A Mark is the symbol that shows how something changes.
type Mark string

// The marks.
const (
	MarkAdd    Mark = "+"
	MarkChange Mark = "~"
	MarkRemove Mark = "−"
)

// A Difference is a value in the state of a target that an action changes.
type Difference struct{ Name, Before, After string }

// Mark returns the mark of the difference.
func (d Difference) Mark() Mark {
	switch {
	case isEmptyValue(d.Before):
		return MarkAdd
	case isEmptyValue(d.After):
		return MarkRemove
	}
	return MarkChange
}

func isEmptyValue(value string) bool { return slices.Contains([]string{Absent, None, No, ""}, value) }

// Differences returns what the action changes, sorted by name.
func (a Action) Differences() []Difference {
	var list []Difference
	for _, name := range a.After.Names() {
		list = append(list, Difference{name, a.Before[name], a.After[name]})
	}
	return list
}

// Mark returns the mark that all differences of the action share, or else [MarkChange].
func (a Action) Mark() Mark {
	list := a.Differences()
	if len(list) == 0 || slices.ContainsFunc(list, func(d Difference) bool { return d.Mark() != list[0].Mark() }) {
		return MarkChange
	}
	return list[0].Mark()
}

// Details returns the differences to show below the summary; nil if the summary says them all.
func (a Action) Details() []Difference {
	if a.Target.Kind == TargetGrants || a.Target.Kind == TargetShare {
		return a.Differences()
	}
	return nil
}

// FormatChange returns a difference in the portal's words.
func (a Action) FormatChange(d Difference) string {
	return DisplayName(d.Name) + ": " + a.FormatBefore(d) + " → " + audit.LevelOf(d.After)
}

// FormatUndo returns the undo of a difference in the portal's words.
func (a Action) FormatUndo(d Difference) string {
	return DisplayName(d.Name) + ": " + audit.LevelOf(d.After) + " → " + audit.LevelOf(d.Before)
}

// DisplayName returns a name with the portal's words for a privilege, such as
// "Account – Read (prvReadAccount)".
func DisplayName(name string) string {
	if right := audit.PrivilegeLabel(name); right != name {
		return right + " (" + name + ")"
	}
	return name
}

// FormatBefore returns the value before a change in the portal's words.
func (a Action) FormatBefore(d Difference) string {
	switch {
	case !slices.Contains(a.Target.Filtered, d.Name):
		return audit.LevelOf(d.Before)
	case d.Before == None:
		return "for some records only"
	}
	return audit.LevelOf(d.Before) + ", and for some records only"
}

// A Risk says how much a change can break. The zero value is unknown.
type Risk string

// The risks.
const (
	RiskLow    Risk = "low"
	RiskMedium Risk = "medium"
	RiskHigh   Risk = "high"
)
