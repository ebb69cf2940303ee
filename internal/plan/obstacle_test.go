package plan

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// TestResolutions: each obstacle has its own instructions, which name its cause.
func TestResolutions(t *testing.T) {
	fix := audit.Fix{
		Kind: change.AssignRole, Role: &audit.Reference{ID: "r", Name: "Sync"}, User: &audit.Reference{ID: "u", Name: "Integration"},
		Team: &audit.Reference{ID: "t", Name: "Sales"}, View: &audit.Reference{ID: "v", Name: "Leads"},
		Privileges: []audit.Grant{{Name: "prvReadLead"}},
	}
	marks := map[obstacle]string{
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
	obstacles := map[string]obstacle{} // by step
	for o := obstacleNone + 1; int(o) <= len(marks); o++ {
		r, mark := o.resolution(fix, "Europe"), marks[o]
		if mark == "" || r.reason == "" || r.who == "" || len(r.how) == 0 {
			t.Fatalf("obstacle %d: %+v: who, why or how is missing", o, r)
		}
		for other, mark := range marks {
			if found := strings.Contains(strings.Join(r.how, " "), mark); found != (other == o) {
				t.Errorf("obstacle %d (%s) says %q: %t: %q", o, r.reason, mark, found, r.how)
			}
		}
		for _, step := range r.how {
			if other, found := obstacles[step]; found && step != planAgain {
				t.Errorf("obstacles %d and %d both say %q", o, other, step)
			}
			obstacles[step] = o
		}
	}
	if last := obstacleNoRole; int(last) != len(marks) {
		t.Errorf("%d obstacles, %d tested", last, len(marks))
	}
	if r := obstacleNone.resolution(fix, ""); r.how != nil || r.reason != "" {
		t.Error("a resolution without an obstacle")
	}
}
