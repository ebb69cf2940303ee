// Package plan turns findings into a remediation plan: a file that lists the changes in
// order, each with the current state, the new state, the reason, the request, and how to
// undo it.
//
// Equal results and snapshots give equal bytes. A plan contains a digest of its content, so
// an edited plan is refused. Its requests and its words follow from its targets and states,
// so a plan that says one thing and does another is refused too, whatever its digest. Apply
// can make only a few kinds of changes (see [change.Automatic]); everything else is
// listed under Manual, with who must do it and how. No plan gives the integration more than
// the profile requires: see [Limits].
//
// What an action is, its requests and its words, is internal/change's knowledge; this package
// decides which actions a result needs, and in which order. It does no I/O.
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
	// Profile is the name of the profile that was judged.
	Profile string `json:"profile"`
	// ProfileDigest shows whether the profile changed; empty in old plans.
	ProfileDigest string `json:"profile_digest,omitempty"`
	// Requirement is what the configuration requires; verification uses the same.
	Requirement snapshot.Requirement `json:"requirement"`
	// IntegrationUser is the id of the user that the plan is about; empty if it creates the user.
	IntegrationUser string `json:"integration_user"`
	// RootUnit is the id of the root business unit.
	RootUnit string `json:"root_unit"`
	// Snapshot is the state that the plan is based on.
	Snapshot audit.Snapshot `json:"snapshot"`
	MadeAt   time.Time      `json:"made_at"`
	// ExpiresAt depends on when the snapshot was taken.
	ExpiresAt time.Time `json:"expires_at"`
	// Actions are carried out in this order.
	Actions []change.Action `json:"actions"`
	// Manual is the work that no tool can or should do.
	Manual []Manual `json:"manual"`
	// Withheld are changes that only a flag brings into a plan.
	Withheld []Withheld `json:"withheld"`
	// Unknown are the controls that could not be judged, or not in full.
	Unknown []Unknown `json:"unknown"`
	// Findings are all findings of the result, whether or not the plan fixes them.
	Findings []Finding `json:"findings"`
	// Digest is "sha256:" and the hash of the document with this member empty.
	Digest string `json:"digest"`
}

// Manual is a manual step.
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

// A Finding is a finding in short.
type Finding struct {
	Control     audit.ControlID `json:"control"`
	Fingerprint string          `json:"fingerprint"`
	Message     string          `json:"message"`
	// LeftOut is set if Only or Except excludes the finding.
	LeftOut bool `json:"left_out,omitempty"`
}

// Empty reports whether there is nothing to apply.
func (p Plan) Empty() bool { return len(p.Actions) == 0 }

// Counts counts what the plan changes, privileges, shares and rows, by how they change, and
// what the platform grants in addition.
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

// size is the number of single differences that the plan itself makes.
func (p Plan) size() int {
	n := 0
	for _, a := range p.Actions {
		n += len(a.Differences())
	}
	return n
}
