// Package plan turns findings into a remediation plan: which actions a result needs, and in
// which order. What an action is, its requests and its words, is internal/change's knowledge.
//
// Equal results and snapshots give equal bytes. A plan that was edited, or that says one thing
// and does another, is refused. Everything that apply cannot do is listed under Manual. No plan
// gives the integration more than the profile requires: see [Limits].
package plan

import (
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Format names the JSON form of a [Plan].
const Format = "dbaudit.plan/v1"

// A Plan is what apply may do to one environment, and what remains as manual steps.
type Plan struct {
	Format      string            `json:"format"`
	Tool        audit.Tool        `json:"tool"`
	Environment audit.Environment `json:"environment"`
	Profile     string            `json:"profile"` // the name of the profile that was judged
	// ProfileDigest shows whether the profile changed; empty in old plans.
	ProfileDigest string               `json:"profile_digest,omitempty"`
	Requirement   snapshot.Requirement `json:"requirement"` // what the configuration requires; verification uses the same
	// IntegrationUser is the id of the user that the plan is about; empty if it creates the user.
	IntegrationUser string         `json:"integration_user"`
	RootUnit        string         `json:"root_unit"` // the id of the root business unit
	Snapshot        audit.Snapshot `json:"snapshot"`  // the state that the plan is based on
	MadeAt          time.Time      `json:"made_at"`
	// ExpiresAt depends on when the snapshot was taken.
	ExpiresAt time.Time       `json:"expires_at"`
	Actions   []change.Action `json:"actions"`  // carried out in this order
	Manual    []Manual        `json:"manual"`   // the work that no tool can or should do
	Withheld  []Withheld      `json:"withheld"` // changes that only a flag brings into a plan
	Unknown   []Unknown       `json:"unknown"`  // the controls that could not be judged, or not in full
	Findings  []Finding       `json:"findings"` // all findings of the result, whether or not the plan fixes them
	Digest    string          `json:"digest"`   // "sha256:" and the hash of the document with this member empty
}

// Manual is a manual step.
type Manual struct {
	Control     audit.ControlID `json:"control"`
	Fingerprint string          `json:"fingerprint"`
	Kind        audit.FixKind   `json:"kind"`
	Summary     string          `json:"summary"`
	// Who must do it.
	Who string   `json:"who"`
	How []string `json:"how"` // the steps
}

// Withheld is a change that was left out because a flag is missing.
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

// A Finding is a finding without its details.
type Finding struct {
	Control     audit.ControlID `json:"control"`
	Fingerprint string          `json:"fingerprint"`
	Message     string          `json:"message"`
	LeftOut     bool            `json:"left_out,omitempty"` // set if Only or Except excludes the finding
}

// Empty reports whether there is nothing to apply.
func (p Plan) Empty() bool { return len(p.Actions) == 0 }

// Counts counts single differences by their marks, and what the platform grants in addition.
func (p Plan) Counts() (changes map[change.Mark]int, along int) {
	changes = map[change.Mark]int{}
	for _, a := range p.Actions {
		along += len(a.Along)
		for _, d := range a.Differences() {
			changes[d.Mark()]++
		}
	}
	return changes, along
}

// changeCount is the number of single differences that the plan itself makes.
func (p Plan) changeCount() int {
	changes, _ := p.Counts()
	return changes[change.MarkAdd] + changes[change.MarkChange] + changes[change.MarkRemove]
}
