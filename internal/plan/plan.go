// Package plan turns findings into a remediation plan: the actions that fix a result, in order.
// Package change defines the actions, their requests and their descriptions.
//
// Equal results and snapshots give equal bytes. [Decode] refuses a plan that was edited, or that
// says one thing and does another. What apply cannot do is listed under Manual. No plan gives
// the integration more than the profile requires: see [Limits].
package plan

import (
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Format names the JSON form of a [Plan].
const Format = "dbaudit.plan/v1"

// A Plan lists what apply may change in an environment, and the manual steps that remain.
type Plan struct {
	Format      string            `json:"format"`
	Tool        audit.Tool        `json:"tool"`
	Environment audit.Environment `json:"environment"`
	Profile     string            `json:"profile"` // the name of the profile that was judged
	// ProfileDigest shows whether the profile changed. Old plans have none.
	ProfileDigest string               `json:"profile_digest,omitempty"`
	Requirement   snapshot.Requirement `json:"requirement"` // the configuration's requirements, also for the verification
	// IntegrationUser is the id of the integration user; empty if the plan creates the user.
	IntegrationUser string          `json:"integration_user"`
	RootUnit        string          `json:"root_unit"` // the id of the root business unit
	Snapshot        audit.Snapshot  `json:"snapshot"`  // the state that the plan is based on
	MadeAt          time.Time       `json:"made_at"`
	ExpiresAt       time.Time       `json:"expires_at"` // counts from the time of the snapshot
	Actions         []change.Action `json:"actions"`    // in the order in which apply carries them out
	Manual          []Manual        `json:"manual"`
	Withheld        []Withheld      `json:"withheld"`
	Unknown         []Unknown       `json:"unknown"`
	Findings        []Finding       `json:"findings"` // all findings of the result, even if the plan does not fix them
	Digest          string          `json:"digest"`   // "sha256:" and the hash of the document with this member empty
}

// A Manual is a step that no tool can or should do.
type Manual struct {
	Control     audit.ControlID `json:"control"`
	Fingerprint string          `json:"fingerprint"`
	Kind        audit.FixKind   `json:"kind"`
	Summary     string          `json:"summary"`
	Who         string          `json:"who"`
	How         []string        `json:"how"` // the instructions
}

// A Withheld is a change that the plan leaves out because it requires a flag.
type Withheld struct {
	Control audit.ControlID `json:"control"`
	Kind    audit.FixKind   `json:"kind"`
	Summary string          `json:"summary"`
	Flag    string          `json:"flag"`
}

// An Unknown is a control that was not judged, or only in part.
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

// Counts returns the number of differences by mark, and of privileges that the platform grants in
// addition.
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

// changeCount returns the number of differences without what the platform grants in addition.
func (p Plan) changeCount() int {
	changes, _ := p.Counts()
	return changes[change.MarkAdd] + changes[change.MarkChange] + changes[change.MarkRemove]
}
