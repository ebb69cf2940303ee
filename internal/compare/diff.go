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
	// Old and New are nil where that side does not have the environment.
	Old *Side `json:"old"`
	New *Side `json:"new"`
	// Changes are those of snapshots.
	Changes []Change `json:"changes,omitempty"`
	// Outcomes are the controls whose outcome changed, and Findings all findings of
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

// An Outcome is a control whose outcome changed.
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

// A State is how a finding changed. The zero value is incomparable.
type State int

// The states of a finding.
const (
	// StateIncomparable: one of the results did not judge it.
	StateIncomparable State = iota
	StateNew
	StateFixed
	StateUnchanged
)

func (s State) String() string {
	switch s {
	case StateNew:
		return "new"
	case StateFixed:
		return "fixed"
	case StateUnchanged:
		return "unchanged"
	case StateIncomparable:
	}
	return "incomparable"
}

// MarshalText implements [encoding.TextMarshaler].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Verb says how a row changed. The zero value is unknown.
type Verb int

// The changes.
const (
	VerbUnknown Verb = iota
	VerbAdded
	VerbRemoved
	VerbRenamed
	VerbGranted
	VerbRevoked
	VerbDeeper
	VerbShallower
	VerbAssigned
	VerbUnassigned
	VerbJoined
	VerbLeft
	VerbShared
	VerbUnshared
	VerbWidened
	VerbNarrowed
	VerbEnabled
	VerbDisabled
	VerbDeleted
	VerbRestored
	VerbMoved
	VerbSeen
	VerbUnseen
	VerbChanged
)

func (v Verb) String() string {
	switch v {
	case VerbAdded:
		return "added"
	case VerbRemoved:
		return "removed"
	case VerbRenamed:
		return "renamed"
	case VerbGranted:
		return "granted"
	case VerbRevoked:
		return "revoked"
	case VerbDeeper:
		return "deeper"
	case VerbShallower:
		return "shallower"
	case VerbAssigned:
		return "assigned"
	case VerbUnassigned:
		return "unassigned"
	case VerbJoined:
		return "joined"
	case VerbLeft:
		return "left"
	case VerbShared:
		return "shared"
	case VerbUnshared:
		return "unshared"
	case VerbWidened:
		return "widened"
	case VerbNarrowed:
		return "narrowed"
	case VerbEnabled:
		return "enabled"
	case VerbDisabled:
		return "disabled"
	case VerbDeleted:
		return "soft-deleted"
	case VerbRestored:
		return "restored"
	case VerbMoved:
		return "moved"
	case VerbSeen:
		return "seen"
	case VerbUnseen:
		return "unseen"
	case VerbChanged:
		return "changed"
	case VerbUnknown:
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (v Verb) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

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
