package plan

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// TestObstaclesHaveStepsOfTheirOwn: the steps for each obstacle name its cause, and no other
// obstacle has them.
func TestObstaclesHaveStepsOfTheirOwn(t *testing.T) {
	fix := audit.Fix{
		Kind: change.AssignRole, Role: &audit.Reference{ID: "r", Name: "Sync"}, User: &audit.Reference{ID: "u", Name: "Integration"},
		Team: &audit.Reference{ID: "t", Name: "Sales"}, View: &audit.Reference{ID: "v", Name: "Leads"},
		Privileges: []audit.Grant{{Name: "prvReadLead"}},
	}
	speaks := map[obstacle]string{
		obstacleRoleLocked:      "Create a custom role",
		obstacleRoleUnread:      "Let the auditor read roles",
		obstacleRootUnread:      "prvReadBusinessUnit",
		obstacleNoUnit:          `create or enable "Europe"`,
		obstacleUnitDisabled:    `Enable "Europe"`,
		obstacleNoApplication:   "integration.app_id",
		obstacleUserMissing:     `Look for the user "Integration"`,
		obstacleNoCopy:          `Create the role "Sync" in the root business unit`,
		obstacleRoleUnassigned:  "Assign the integration role",
		obstacleThroughTeam:     `the team "Sales"`,
		obstacleOwnerTeam:       "member of the team that owns",
		obstacleOwnerDisabled:   "Enable the user Europe",
		obstacleViewUnread:      `Name the owner of the view "Leads"`,
		obstacleOtherRights:     "see what the share gives",
		obstacleInheritedRights: "cascades",
		obstacleFiltered:        "--replace-filtered",
		obstacleNoRole:          `it then shares the view "Leads"`,
	}
	owners := map[string]obstacle{}
	for o := obstacleNone + 1; int(o) <= len(speaks); o++ {
		r, mark := o.resolution(fix, "Europe"), speaks[o]
		if mark == "" || r.why == "" || r.who == "" || len(r.how) == 0 {
			t.Fatalf("obstacle %d: %+v: who, why or how is missing", o, r)
		}
		for other, foreign := range speaks {
			if says := strings.Contains(strings.Join(r.how, " "), foreign); says != (other == o) {
				t.Errorf("obstacle %d (%s) says %q: %t: %q", o, r.why, foreign, says, r.how)
			}
		}
		for _, step := range r.how {
			if other, taken := owners[step]; taken && step != planAgain {
				t.Errorf("obstacles %d and %d both say %q", o, other, step)
			}
			owners[step] = o
		}
	}
	if last := obstacleNoRole; int(last) != len(speaks) {
		t.Errorf("%d obstacles, %d with words", last, len(speaks))
	}
	if r := obstacleNone.resolution(fix, ""); r.how != nil || r.why != "" {
		t.Error("without an obstacle the steps are those of the fix")
	}
}
