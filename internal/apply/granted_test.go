package apply_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// TestAssignedRole: a role is assigned only as it is in the plan.
func TestAssignedRole(t *testing.T) {
	p := sample(t)
	var target change.Target
	for _, a := range p.Actions {
		if a.Kind == change.AssignRole {
			target = a.Target
		}
	}
	with := func(name string, depth audit.Depth) change.Depths {
		s := maps.Clone(target.Grants)
		s[name] = depth
		return s
	}
	for name, tt := range map[string]struct {
		role    apply.Role
		because string
	}{
		"as planned":               {apply.Role{Root: target.Role.ID, Grants: target.Grants}, ""},
		"in other letters":         {apply.Role{Root: strings.ToUpper(target.Role.ID), Grants: change.Depths{"prvreadlead": audit.DepthGlobal}}, ""},
		"less":                     {apply.Role{Root: target.Role.ID, Grants: change.Depths{}}, ""},
		"the platform's own":       {apply.Role{Root: target.Role.ID, Grants: with("prvReadSdkMessage", audit.DepthGlobal)}, ""},
		"one more":                 {apply.Role{Root: target.Role.ID, Grants: with("prvDeleteAccount", audit.DepthBasic)}, "prvDeleteAccount"},
		"what the plan took, back": {apply.Role{Root: target.Role.ID, Grants: with("prvBulkDelete", audit.DepthGlobal)}, "prvBulkDelete"},
		"another role's copy":      {apply.Role{Root: "00000000-0000-4000-8000-000000000005", Grants: target.Grants}, "not a copy"},
		"built in":                 {apply.Role{Root: target.Role.ID, BuiltIn: true, Grants: target.Grants}, "built-in"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(p)
			f.role = tt.role
			r, _ := newRunner(t, p, f)
			err := r.Apply(t.Context())
			var changed *apply.DriftError
			switch {
			case tt.because == "" && err != nil:
				t.Error(err)
			case tt.because != "" && (!errors.As(err, &changed) || changed.Action.Kind != change.AssignRole || !strings.Contains(err.Error(), tt.because)):
				t.Error(err)
			}
		})
	}
	// A dry run takes what the plan takes from the role for taken.
	f := newFake(p)
	f.role = apply.Role{Root: target.Role.ID, Grants: with("prvbulkdelete", audit.DepthGlobal)}
	r, _ := newRunner(t, p, f)
	if err := r.CheckDrift(t.Context(), func(change.Action, string) {}); err != nil {
		t.Error(err)
	}
}

// TestWordsOfAnother has the journal of a plan in other words opened: what another
// dbaudit did must be undone.
func TestWordsOfAnother(t *testing.T) {
	p := sample(t)
	p.Actions[0].Summary = "in other words"
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	r, file := newRunner(t, p, newFake(p))
	reopen(t, r.Journal, file)
}
