// Package compare says what changed between two snapshots or two results, and marks what is
// new against a baseline. What one side did not read is incomparable, never gone.
package compare

import (
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Format names the JSON form of a [Diff].
const Format = "dbaudit.diff/v1"

// A Diff is what changed between two files.
type Diff struct {
	Format string `json:"format"`
	Of     string `json:"of"`   // "snapshots" or "results"
	Same   bool   `json:"same"` // whether nothing changed and all could be compared
	// Environments are in the order of the newer file, then what the older alone has.
	Environments []Environment `json:"environments"`
}

// An Environment is what changed in one environment.
type Environment struct {
	Name           string `json:"name"`
	OrganizationID string `json:"organization_id"`
	Profile        string `json:"profile,omitempty"`
	// Old and New are nil if that side does not have the environment.
	Old          *Side          `json:"old"`
	New          *Side          `json:"new"`
	Changes      []Change       `json:"changes,omitempty"`      // of snapshots
	Outcomes     []Outcome      `json:"outcomes,omitempty"`     // of results: controls with another outcome
	Findings     []Finding      `json:"findings,omitempty"`     // of results: all findings of either side
	Notes        []string       `json:"notes,omitempty"`        // what is required changed between the results
	Incomparable []Incomparable `json:"incomparable,omitempty"` // what one side or both did not read or judge
}

// A Side identifies the state that one of the files holds.
type Side struct {
	Digest  string         `json:"digest"`
	TakenAt time.Time      `json:"taken_at"`
	Verdict *audit.Verdict `json:"verdict,omitempty"`
}

// A Change is one difference between the rows of two snapshots.
type Change struct {
	Verb Verb `json:"change"`
	// Object is the kind of row that changed, in Dataverse's terms: role, user, team,
	// view, system view, business unit, privilege, organization, requirement.
	Object string `json:"object"`
	ID     string `json:"id,omitempty"`
	Name   string `json:"name"`
	What   string `json:"what,omitempty"` // the part of it that changed: a privilege, a role, a team, a principal
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
}

// An Outcome is a control with another outcome.
type Outcome struct {
	Control audit.ControlID `json:"control"`
	Title   string          `json:"title"`
	From    audit.Outcome   `json:"from"`
	To      audit.Outcome   `json:"to"`
}

// A Finding is a finding of either result, with how it changed.
type Finding struct {
	State       State           `json:"state"`
	Control     audit.ControlID `json:"control"`
	Severity    audit.Severity  `json:"severity"`
	Fingerprint string          `json:"fingerprint"`
	Subject     audit.Subject   `json:"subject"`
	Message     string          `json:"message"`
	Was         string          `json:"was,omitempty"` // the earlier message, if the evidence is another
	Why         string          `json:"why,omitempty"` // what makes it incomparable
}

// An Incomparable is something that cannot be compared.
type Incomparable struct {
	What      string `json:"what"`
	Why       string `json:"why"`
	BothSides bool   `json:"both_sides"` // whether neither side could be read, which is not a change
}

// A State is how a finding changed.
type State string

// The states of a finding.
const (
	StateIncomparable State = "incomparable" // one of the results did not judge it
	StateNew          State = "new"
	StateFixed        State = "fixed"
	StateUnchanged    State = "unchanged"
)

// A Verb says how a row changed.
type Verb string

// The changes.
const (
	VerbAdded      Verb = "added"
	VerbRemoved    Verb = "removed"
	VerbRenamed    Verb = "renamed"
	VerbGranted    Verb = "granted"
	VerbRevoked    Verb = "revoked"
	VerbDeeper     Verb = "deeper"
	VerbShallower  Verb = "shallower"
	VerbAssigned   Verb = "assigned"
	VerbUnassigned Verb = "unassigned"
	VerbJoined     Verb = "joined"
	VerbLeft       Verb = "left"
	VerbShared     Verb = "shared"
	VerbUnshared   Verb = "unshared"
	VerbWidened    Verb = "widened"
	VerbNarrowed   Verb = "narrowed"
	VerbEnabled    Verb = "enabled"
	VerbDisabled   Verb = "disabled"
	VerbDeleted    Verb = "soft-deleted"
	VerbRestored   Verb = "restored"
	VerbMoved      Verb = "moved"
	VerbSeen       Verb = "seen"
	VerbUnseen     Verb = "unseen"
	VerbChanged    Verb = "changed"
)

// setSame sets Same from what was found.
func (d *Diff) setSame() {
	d.Same = true
	for _, e := range d.Environments {
		same := e.Old != nil && e.New != nil && len(e.Changes) == 0 && len(e.Outcomes) == 0
		for _, f := range e.Findings {
			same = same && f.State == StateUnchanged && f.Was == ""
		}
		for _, i := range e.Incomparable {
			same = same && i.BothSides
		}
		d.Same = d.Same && same
	}
}
