// Package compare says what changed between two snapshots or two results, and
// marks what is new against a baseline.
//
// Rows are matched by their ids and findings by their fingerprints, so that the
// order in which an environment was read has no part in the answer. What one side
// did not read is incomparable, never gone.
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
	// Of is "snapshots" or "results".
	Of string `json:"of"`
	// Same is whether nothing changed and all could be compared.
	Same bool `json:"same"`
	// Environments are in the order of the newer file, then what the older alone has.
	Environments []Environment `json:"environments"`
}

// An Environment is what changed in one environment.
type Environment struct {
	Name           string `json:"name"`
	OrganizationID string `json:"organization_id"`
	Profile        string `json:"profile,omitempty"`
	// Old and New are nil if that side does not have the environment.
	Old *Side `json:"old"`
	New *Side `json:"new"`
	// Changes are those of snapshots.
	Changes []Change `json:"changes,omitempty"`
	// Outcomes are the controls with another outcome, and Findings all findings of
	// either side: those of results.
	Outcomes []Outcome `json:"outcomes,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	// Notes say what a reader of the difference must know: that the results were judged
	// by different profiles of one name.
	Notes []string `json:"notes,omitempty"`
	// Incomparable says what one side or both did not read or judge.
	Incomparable []Incomparable `json:"incomparable,omitempty"`
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
	// What is the part of it that changed: a privilege, a role, a team, a principal.
	What string `json:"what,omitempty"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
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
	// Was is the earlier message of a finding that is still there with other evidence.
	Was string `json:"was,omitempty"`
	// Why says what makes a finding incomparable.
	Why string `json:"why,omitempty"`
}

// An Incomparable is something that cannot be compared.
type Incomparable struct {
	What string `json:"what"`
	Why  string `json:"why"`
	// Known says that neither side could be read, so that there is no change in it.
	Known bool `json:"both_sides"`
}

// A State is how a finding changed.
type State string

// The states of a finding.
const (
	// StateIncomparable: one of the results did not judge it.
	StateIncomparable State = "incomparable"
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

// settle sets Same from what was found.
func (d *Diff) settle() {
	d.Same = true
	for _, e := range d.Environments {
		same := e.Old != nil && e.New != nil && len(e.Changes) == 0 && len(e.Outcomes) == 0
		for _, f := range e.Findings {
			same = same && f.State == StateUnchanged && f.Was == ""
		}
		for _, i := range e.Incomparable {
			same = same && i.Known
		}
		d.Same = d.Same && same
	}
}
