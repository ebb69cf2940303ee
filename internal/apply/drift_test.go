package apply_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// TestRenamedRow: a row with a different name from the plan's is not changed, because people review
// the plan by its names.
func TestRenamedRow(t *testing.T) {
	p := sample(t)
	for _, table := range []apply.Table{apply.TableRole, apply.TableUser, apply.TableUnit, apply.TableView} {
		f := newFake(p)
		r, _ := newRunner(t, p, f)
		f.onRow = func(of apply.Table, row *apply.Row) {
			if of == table {
				row.Name = "Renamed"
			}
		}
		sent := len(f.sent)
		var changed *apply.DriftError
		if err := r.Apply(t.Context()); !errors.As(err, &changed) || !strings.Contains(err.Error(), `is now named "Renamed"`) {
			t.Errorf("%s: %v", table, err)
		}
		if table == apply.TableRole && len(f.sent) > sent {
			t.Errorf("%s: sent %v", table, f.sent)
		}
	}
}

// TestFilteredGrant: a grant with a record filter is replaced only if that is permitted, and the
// rollback says that it cannot restore the filter.
func TestFilteredGrant(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, _ := newRunner(t, p, f)
	filtered := true
	f.onCurrent = func(of change.Target, now *apply.Reading) error {
		if _, ok := now.State["prvReadLead"]; ok && filtered && of.Kind == change.TargetGrants {
			now.Filtered = []string{"prvReadLead"}
		}
		return nil
	}
	if err := r.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "--replace-filtered") || len(f.sent) > 0 {
		t.Fatalf("%v; sent %v", err, f.sent)
	}
	r.ReplaceFiltered = true
	if err := r.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	filtered = false
	var kept *apply.KeptError
	if err := r.Rollback(t.Context()); !errors.As(err, &kept) || len(kept.Kept) != 1 || !strings.Contains(err.Error(), "a record filter granted prvReadLead for some records only, and that cannot be restored") {
		t.Errorf("rolled back: %v", err)
	}
}

// TestSharesWaitForRights: if the recipient of a share lacks a privilege that an earlier action
// granted, the share is tried again for a minute.
func TestSharesWaitForRights(t *testing.T) {
	p := sample(t)
	for times, ok := range map[int]bool{3: true, 1000: false} {
		f := newFake(p)
		r, _ := newRunner(t, p, f)
		waited, left := time.Duration(0), times
		r.Sleep = func(_ context.Context, d time.Duration) error {
			waited += d
			return nil
		}
		f.onChange = func(request change.Request) error {
			if request.Path != "GrantAccess" || left == 0 {
				return nil
			}
			left--
			return &apply.ChangeError{Effect: apply.EffectNone, Settling: true, Err: errors.New("is missing prvReadUserQuery")}
		}
		err := r.Apply(t.Context())
		if (err == nil) != ok || waited == 0 || waited > time.Minute+time.Second || !ok && !strings.Contains(err.Error(), "prvReadUserQuery") {
			t.Errorf("refused %d times: %v after %v", times, err, waited)
		}
	}
}

// TestIncompleteHolders: a role that others may have is not changed unless that is permitted.
func TestIncompleteHolders(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, _ := newRunner(t, p, f)
	f.incomplete = "the identity does not have prvReadUser at Organization level"
	if err := r.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "--allow-shared-role") || len(f.sent) > 0 {
		t.Errorf("%v; sent %v", err, f.sent)
	}
	r.AllowSharedRole = true
	if err := r.Apply(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestInheritedRights: the error for rights that come from another shared record says how to remove
// them.
func TestInheritedRights(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, _ := newRunner(t, p, f)
	f.onCurrent = func(of change.Target, now *apply.Reading) error {
		if of.Kind == change.TargetShare && of.View.Name == "Leads" {
			now.State["access"], now.Inherited = "read", "append-to"
		}
		return nil
	}
	var inherited *apply.DriftError
	if err := r.CheckDrift(t.Context(), func(change.Action, string) {}); !errors.As(err, &inherited) || !strings.Contains(err.Error(), `"append-to" is inherited from another shared record`) {
		t.Errorf("%v", err)
	}
}

// TestAssignedRole: a role is assigned only if it grants no more than in the plan.
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
		role    fakeRole
		because string
	}{
		"as planned":                   {fakeRole{root: target.Role.ID, grants: target.Grants}, ""},
		"in another letter case":       {fakeRole{root: strings.ToUpper(target.Role.ID), grants: change.Depths{"prvreadlead": audit.DepthGlobal}}, ""},
		"less":                         {fakeRole{root: target.Role.ID, grants: change.Depths{}}, ""},
		"a privilege of each new role": {fakeRole{root: target.Role.ID, grants: with("prvReadSdkMessage", audit.DepthGlobal)}, ""},
		"one more":                     {fakeRole{root: target.Role.ID, grants: with("prvDeleteAccount", audit.DepthBasic)}, "prvDeleteAccount"},
		"a removed privilege":          {fakeRole{root: target.Role.ID, grants: with("prvBulkDelete", audit.DepthGlobal)}, "prvBulkDelete"},
		"another role's copy":          {fakeRole{root: "00000000-0000-4000-8000-000000000005", grants: target.Grants}, "not a copy"},
		"built in":                     {fakeRole{root: target.Role.ID, builtIn: true, grants: target.Grants}, "built-in"},
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
	// A dry run counts the privileges that earlier actions remove as removed.
	f := newFake(p)
	f.role = fakeRole{root: target.Role.ID, grants: with("prvbulkdelete", audit.DepthGlobal)}
	r, _ := newRunner(t, p, f)
	if err := r.CheckDrift(t.Context(), func(change.Action, string) {}); err != nil {
		t.Error(err)
	}
}

// TestVerify: Verify returns only the change that was reverted.
func TestVerify(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, _ := applyPlan(t, p, f)
	if lost, err := r.Verify(t.Context()); err != nil || len(lost) > 0 {
		t.Fatalf("nothing was reverted: %v, %v", lost, err)
	}
	a := p.Actions[1]
	for name := range a.After {
		f.state[targetKey(a.Target)][name] = a.Before[name]
	}
	lost, err := r.Verify(t.Context())
	if err != nil || len(lost) != 1 || lost[0].Action.ID != a.ID || !strings.Contains(lost[0].Error(), "did not persist: now prvReadAccount is local") {
		t.Errorf("not detected: %v, %v", lost, err)
	}
}
