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
	Before  State         `json:"before"` // the required state just before the change, After the state after it
	After   State         `json:"after"`
	Why     []Reason      `json:"why"`
	Along   []string      `json:"along,omitempty"` // the privileges that the platform grants along with the change, sorted
	// Request is what is sent, relative to the environment's /api/data/v9.2/. Values in
	// {braces} are known only when the target is read.
	Request Request   `json:"request"`
	Undo    []Request `json:"undo"` // the requests that restore Before, in order
	// UndoneWith names the action with which this one is undone, or is empty.
	UndoneWith string `json:"undone_with,omitempty"`
	Risk       Risk   `json:"risk"`
	Note       string `json:"note"` // says what else happens, and what the risk is
}

// A Reason is a finding that an action fixes.
type Reason struct {
	Control     audit.ControlID `json:"control"`
	Fingerprint string          `json:"fingerprint"`
	// Follows is set if the control does not fail yet, but will when the finding is fixed.
	Follows bool `json:"follows,omitempty"`
	// Partly is set if the finding remains until manual steps are done: a role gets what it
	// lacks but is not assigned to the user, or an administrator role also comes through a
	// team.
	Partly bool `json:"partly,omitempty"`
}

// FixesFinding reports whether the action alone fixes the finding.
func (r Reason) FixesFinding() bool { return !r.Follows && !r.Partly }

// NewAction is an action of a kind, with the states that follow from the kind.
func NewAction(k audit.FixKind, t Target, why []Reason) Action {
	act := kindNamed(k).automation
	t.Kind = act.target
	a := Action{Kind: k, Target: t, Why: why, Before: maps.Clone(act.from), After: maps.Clone(act.to)}
	if act.along != nil {
		a.Along = act.along()
	}
	return a
}

// Describe says what an action does, how much it can break, and what else happens. allow
// are the privileges that the configuration allows beyond the minimum.
func (a Action) Describe(allow []string) (summary string, risk Risk, note string) {
	act := kindNamed(a.Kind).automation
	if act.target == "" {
		return "", "", ""
	}
	return render(act.summary, a.templateValues()), act.risk, act.note(a, allow)
}

// templateValues are what the summary of an action calls by names in braces.
func (a Action) templateValues() map[string]string {
	t := a.Target
	quoted := func(r *Ref) string {
		if r == nil {
			return ""
		}
		return strconv.Quote(cmp.Or(r.Name, r.ID))
	}
	words := map[string]string{
		"role": quoted(t.Role), "user": quoted(t.User), "view": quoted(t.View), "principal": quoted(t.Principal), "owner": quoted(t.Owner),
		"unit": cmp.Or(t.BusinessUnit, &Ref{}).Name, "application": t.ApplicationID, "access": a.After[AttrAccess],
		"privilege": DisplayName(strings.Join(a.After.Names(), ", ")), "privileges": text.Count(len(a.After), "privilege"),
	}
	if a.Before[AttrAccess] == None {
		words["only"] = "Read only"
	} else {
		words["more"] = "Read"
	}
	return words
}

func constantNote(note string) func(Action, []string) string {
	return func(Action, []string) string { return note }
}

// Requests derives the requests of an action and of its undo.
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

// APIRoot is the absolute address of an environment's Web API.
func APIRoot(environmentURL string) string {
	return strings.TrimRight(environmentURL, "/") + "/api/data/v9.2"
}

// A Mark says how something changes.
type Mark string

// The marks, as they are shown.
const (
	MarkAdd    Mark = "+"
	MarkChange Mark = "~"
	MarkRemove Mark = "−"
)

// A Difference is one thing that an action changes.
type Difference struct{ Name, Before, After string }

// Mark says how it changes.
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

// Differences lists what the action changes, by name.
func (a Action) Differences() []Difference {
	var list []Difference
	for _, name := range a.After.Names() {
		list = append(list, Difference{name, a.Before[name], a.After[name]})
	}
	return list
}

// Mark says how an action changes things: as all its differences do, if they do the same.
func (a Action) Mark() Mark {
	list := a.Differences()
	if len(list) == 0 || slices.ContainsFunc(list, func(d Difference) bool { return d.Mark() != list[0].Mark() }) {
		return MarkChange
	}
	return list[0].Mark()
}

// Details are the differences of an action if its summary does not say all of them.
func (a Action) Details() []Difference {
	if a.Target.Kind == TargetGrants || a.Target.Kind == TargetShare {
		return a.Differences()
	}
	return nil
}

// FormatChange is a difference in the portal's words.
func (a Action) FormatChange(d Difference) string {
	return DisplayName(d.Name) + ": " + a.FormatBefore(d) + " → " + audit.LevelOf(d.After)
}

// FormatUndo is what undoes a difference, in the portal's words.
func (a Action) FormatUndo(d Difference) string {
	return DisplayName(d.Name) + ": " + audit.LevelOf(d.After) + " → " + audit.LevelOf(d.Before)
}

// DisplayName is what changes, in the portal's words: "Account – Read (prvReadAccount)".
func DisplayName(name string) string {
	if right := audit.PrivilegeLabel(name); right != name {
		return right + " (" + name + ")"
	}
	return name
}

// FormatBefore is the state before a change, for a reader.
func (a Action) FormatBefore(d Difference) string {
	switch {
	case !slices.Contains(a.Target.Filtered, d.Name):
		return audit.LevelOf(d.Before)
	case d.Before == None:
		return "for some records only"
	}
	return audit.LevelOf(d.Before) + ", and for some records only"
}

// A Risk is how much a change can break. The zero value is unknown.
type Risk string

// The risks.
const (
	RiskLow    Risk = "low"
	RiskMedium Risk = "medium"
	RiskHigh   Risk = "high"
)
