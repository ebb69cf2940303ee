// Package compare compares two snapshots or two results, and marks findings that a baseline does not
// have. Anything that one side did not read is incomparable, and never removed.
package compare

import (
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// Format names the JSON form of a [Diff].
const Format = "dbaudit.diff/v1"

// A Diff lists the changes between two files.
type Diff struct {
	Format string `json:"format"`
	Of     string `json:"of"`   // "snapshots" or "results"
	Same   bool   `json:"same"` // nothing changed, and everything could be compared
	// Environments has the order of the newer file, then those that only the older file has.
	Environments []Environment `json:"environments"`
}

// An Environment lists the changes in one environment.
type Environment struct {
	Name           string `json:"name"`
	OrganizationID string `json:"organization_id"`
	Profile        string `json:"profile,omitempty"`
	// Old and New are nil if that side does not have the environment.
	Old          *Side          `json:"old"`
	New          *Side          `json:"new"`
	Changes      []Change       `json:"changes,omitempty"`      // of snapshots
	Outcomes     []Outcome      `json:"outcomes,omitempty"`     // of results: controls with a different outcome
	Findings     []Finding      `json:"findings,omitempty"`     // of results: all findings of both sides
	Notes        []string       `json:"notes,omitempty"`        // of results: changes of the requirements
	Incomparable []Incomparable `json:"incomparable,omitempty"` // what a side did not read or judge
}

// A Side identifies the state of an environment in one of the files.
type Side struct {
	Digest  string         `json:"digest"`
	TakenAt time.Time      `json:"taken_at"`
	Verdict *audit.Verdict `json:"verdict,omitempty"`
}

// A Change is one difference between the rows of two snapshots.
type Change struct {
	Verb   Verb   `json:"change"`
	Object string `json:"object"` // the kind of row in Dataverse's terms, or "requirement"
	ID     string `json:"id,omitempty"`
	Name   string `json:"name"`
	What   string `json:"what,omitempty"` // the changed part of the row: a privilege, a role, a team, a principal
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
}

// An Outcome is a control with a different outcome.
type Outcome struct {
	Control audit.ControlID `json:"control"`
	Title   string          `json:"title"`
	From    audit.Outcome   `json:"from"`
	To      audit.Outcome   `json:"to"`
}

// A Finding is a finding of one or both results.
type Finding struct {
	State       State           `json:"state"`
	Control     audit.ControlID `json:"control"`
	Severity    audit.Severity  `json:"severity"`
	Fingerprint string          `json:"fingerprint"`
	Subject     audit.Subject   `json:"subject"`
	Message     string          `json:"message"`
	Was         string          `json:"was,omitempty"` // the earlier message, if the evidence changed
	Why         string          `json:"why,omitempty"` // why it is incomparable
}

// An Incomparable is something that cannot be compared.
type Incomparable struct {
	What      string `json:"what"`
	Why       string `json:"why"`
	BothSides bool   `json:"both_sides"` // neither side could be read, which is not a change
}

// A State says how a finding changed.
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

// The verbs.
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
