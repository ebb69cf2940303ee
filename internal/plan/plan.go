// Package plan turns findings into a remediation plan: a file that says, change
// by change and in order, what is there now, what will be, why, by which request,
// and how to undo it.
//
// What it promises: equal results and snapshots give equal bytes. A plan carries
// a digest over its content and is read only as it was written, so that one that
// was edited is refused; its requests and its words follow from its targets and
// states, so that one that says one thing and does another is refused too, whatever
// its digest says. What apply may do is a short list of kinds (see
// [audit.FixKind.Automatic]); everything else stands under Manual with who must do
// it and how. No plan makes the integration more than the profile asks for: see
// [Limits].
//
// A plan knows how to take its targets from one state to another ([Target.Next]),
// and nothing else about the world: it does no I/O. The requests are those of
// Microsoft's "Dataverse Web API Reference" (AddPrivilegesRole,
// RemovePrivilegeRole, GrantAccess, ModifyAccess, RevokeAccess) and of "Associate
// and disassociate table rows using the Web API".
package plan

import (
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Format names the JSON form of a [Plan].
const Format = "dbaudit.plan/v1"

// A Plan is what apply may do to one environment, and what people must do.
type Plan struct {
	Format      string            `json:"format"`
	Tool        audit.Tool        `json:"tool"`
	Environment audit.Environment `json:"environment"`
	// Profile is the name of the profile that was judged.
	Profile string `json:"profile"`
	// ProfileDigest is the profile's, so that a file that was changed since is not taken
	// for it; empty in plans that were made before there was one.
	ProfileDigest string `json:"profile_digest,omitempty"`
	// Requirement is what the environment was asked to meet; verification asks the
	// same.
	Requirement snapshot.Requirement `json:"requirement"`
	// IntegrationUser is the id of the user that the plan is about; empty where there
	// is none yet.
	IntegrationUser string `json:"integration_user"`
	// RootUnit is the id of the business unit that has none above it.
	RootUnit string `json:"root_unit"`
	// Snapshot is the state that the plan rests on.
	Snapshot audit.Snapshot `json:"snapshot"`
	MadeAt   time.Time      `json:"made_at"`
	// ExpiresAt counts from when the snapshot was taken.
	ExpiresAt time.Time `json:"expires_at"`
	// Actions are carried out in this order.
	Actions []Action `json:"actions"`
	// Manual is the work that no tool can or should do.
	Manual []Manual `json:"manual"`
	// Withheld are changes that only a flag brings into a plan.
	Withheld []Withheld `json:"withheld"`
	// Unknown are the controls that could not be judged, or not in full, when the plan
	// was made.
	Unknown []Unknown `json:"unknown"`
	// Findings are all faults that the plan was made from, mended by it or not.
	Findings []Finding `json:"findings"`
	// Digest is "sha256:" and the hash of the document with this member empty.
	Digest string `json:"digest"`
}

// An Action is one change: one request.
type Action struct {
	// ID is the action's number in the plan, from "1".
	ID   string        `json:"id"`
	Kind audit.FixKind `json:"kind"`
	// Summary is one short sentence.
	Summary string `json:"summary"`
	Target  Target `json:"target"`
	// Before is what must be there just before the change, After what must be
	// there after it.
	Before State    `json:"before"`
	After  State    `json:"after"`
	Why    []Reason `json:"why"`
	// Along are the privileges that the platform grants along with the change, sorted.
	Along []string `json:"along,omitempty"`
	// Request is what is sent, relative to the environment's /api/data/v9.2/. What
	// stands in {braces} is known only once the target is read.
	Request Request `json:"request"`
	// Undo are the requests that bring Before back, in their order.
	Undo []Request `json:"undo"`
	// UndoneWith names the action whose undoing takes this one along; empty where
	// there is none.
	UndoneWith string `json:"undone_with,omitempty"`
	Risk       Risk   `json:"risk"`
	// Note says what else happens, and what the risk is.
	Note string `json:"note"`
}

// A Reason is a finding that an action answers.
type Reason struct {
	Control     audit.ControlID `json:"control"`
	Fingerprint string          `json:"fingerprint"`
	// Follows is set where the control does not fail yet, but would once the
	// finding is mended: a new user needs its role and its views.
	Follows bool `json:"follows,omitempty"`
	// Partly is set where the finding stays until more is done, which is left to people:
	// a role is granted what it lacks and does not reach the user, an administrator role
	// comes through a team as well.
	Partly bool `json:"partly,omitempty"`
}

// Settled reports whether the finding is gone once the action has been carried
// out.
func (r Reason) Settled() bool { return !r.Follows && !r.Partly }

// Manual is work for a person.
type Manual struct {
	Control     audit.ControlID `json:"control"`
	Fingerprint string          `json:"fingerprint"`
	Kind        audit.FixKind   `json:"kind"`
	Summary     string          `json:"summary"`
	// Who must do it.
	Who string `json:"who"`
	// How are the steps.
	How []string `json:"how"`
}

// Withheld is a change that was left out for want of a flag.
type Withheld struct {
	Control audit.ControlID `json:"control"`
	Kind    audit.FixKind   `json:"kind"`
	Summary string          `json:"summary"`
	Flag    string          `json:"flag"`
}

// Unknown is a control that was not judged.
type Unknown struct {
	Control audit.ControlID `json:"control"`
	Reason  string          `json:"reason"`
}

// A Finding is a fault that was found, in short.
type Finding struct {
	Control     audit.ControlID `json:"control"`
	Fingerprint string          `json:"fingerprint"`
	Message     string          `json:"message"`
	// LeftOut is set where Only or Except leaves the finding alone.
	LeftOut bool `json:"left_out,omitempty"`
}

// Empty reports whether there is nothing to apply.
func (p Plan) Empty() bool { return len(p.Actions) == 0 }

// Counts counts single differences: privileges, shares, rows.
type Counts struct {
	Add, Change, Remove int
	// Along are what the platform grants along with them.
	Along int
}

// Total is how many differences there are that the plan asks for.
func (c Counts) Total() int { return c.Add + c.Change + c.Remove }

// Counts counts what the plan changes.
func (p Plan) Counts() Counts {
	var c Counts
	for _, a := range p.Actions {
		c.Along += len(a.Along)
		for _, d := range a.Differences() {
			switch d.Mark() {
			case MarkAdd:
				c.Add++
			case MarkRemove:
				c.Remove++
			case MarkChange:
				c.Change++
			}
		}
	}
	return c
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
	case nothing(d.Before):
		return MarkAdd
	case nothing(d.After):
		return MarkRemove
	}
	return MarkChange
}

func nothing(value string) bool {
	return value == Absent || value == None || value == No || value == ""
}

// Differences lists what the action changes, by name.
func (a Action) Differences() []Difference {
	var list []Difference
	for _, name := range a.After.names() {
		list = append(list, Difference{name, a.Before[name], a.After[name]})
	}
	return list
}

// A Risk is how much a change can break. The zero value is unknown.
type Risk string

// The risks.
const (
	RiskLow    Risk = "low"
	RiskMedium Risk = "medium"
	RiskHigh   Risk = "high"
)
