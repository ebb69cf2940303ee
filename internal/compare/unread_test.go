package compare_test

import (
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/compare"
)

// An environment that could not be read either time is reported, but is not a change: a
// message that is sent on each change is not sent again for it.
func TestUnreadOnBothSides(t *testing.T) {
	t.Parallel()
	dead := audit.Result{
		Environment: audit.Environment{Name: "dead", URL: "https://dead.crm.dynamics.com"},
		Profile:     audit.Profile{Name: "demandbase"}, Unread: &audit.Unread{Message: "sign-in failed"},
	}
	alive := dead
	alive.Unread = nil
	for _, test := range []struct {
		was, now audit.Result
		same     bool
	}{{dead, dead, true}, {alive, dead, false}, {dead, alive, false}} {
		d := compare.Results([]audit.Result{test.was}, []audit.Result{test.now})
		if d.Same != test.same || len(d.Environments) != 1 || len(d.Environments[0].Incomparable) != 1 {
			t.Errorf("unread %t, then %t: %+v", test.was.Unread != nil, test.now.Unread != nil, d)
		}
	}
}
