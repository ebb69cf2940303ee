package apply_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
)

// TestResponseWithAnotherID: an error says that the response has a different id from the created row.
func TestResponseWithAnotherID(t *testing.T) {
	p := userPlan(t)
	for id, ok := range map[string]bool{createdID: true, "00000000-0000-4000-8000-000000000088": false} {
		r, _ := newRunner(t, p, userFake(p, id))
		err := r.Apply(t.Context())
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "says that it created") {
			t.Errorf("%s: %v", id, err)
		}
	}
}

const createdID = "00000000-0000-4000-8000-000000000099"

// userPlan returns a plan that creates a user.
func userPlan(t *testing.T) plan.Plan {
	t.Helper()
	const text = `{"id":"1","kind":"create-application-user","target":{"kind":"user","user":{"kind":"systemuser","name":"application x"},
		"application_id":"00000000-0000-4000-8000-000000000010","business_unit":{"id":"00000000-0000-4000-8000-000000000002","name":"Contoso"}},
		"before":{"user":"absent"},"after":{"user":"enabled"},"undo":[]}`
	p := sample(t)
	var a change.Action
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	a.Why, a.Summary = p.Actions[0].Why, "create the user"
	step, ok := a.Target.Next(a.Before, a.After)
	if !ok {
		t.Fatal("no request creates the user")
	}
	a.Request = step.Request.Fill(a.Target.SlotValues())
	p.Actions = []change.Action{a}
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	return p
}

// userFake returns an environment in which a created user has the id createdID. Its responses have
// the given id.
func userFake(p plan.Plan, id string) *fake {
	f := newFake(p)
	f.made = id
	f.onCurrent = func(t change.Target, now *apply.Reading) error {
		if now.State["user"] == change.Enabled {
			now.Row = &apply.Row{
				ID: createdID, Name: "# x", ApplicationID: t.ApplicationID, Unit: t.BusinessUnit.ID,
				CreatedBy: "00000000-0000-4000-8000-00000000000a", CreatedOn: clock(),
			}
		}
		return nil
	}
	return f
}

// TestForeignUser: rollback deletes a user only if all its values show that the plan created it.
func TestForeignUser(t *testing.T) {
	p := userPlan(t)
	for name, tt := range map[string]struct {
		edit func(*apply.Row)
		kept string
	}{
		"another application": {func(r *apply.Row) { r.ApplicationID = createdID }, "application id"},
		"another unit":        {func(r *apply.Row) { r.Unit = createdID }, "a different business unit"},
		"another creator":     {func(r *apply.Row) { r.CreatedBy = createdID }, "another identity created it"},
		"an older user":       {func(r *apply.Row) { r.CreatedOn = clock().Add(-48 * time.Hour) }, "it was created at"},
		"another id":          {func(r *apply.Row) { r.ID = "00000000-0000-4000-8000-000000000088" }, "but the existing row is"},
	} {
		f := userFake(p, createdID)
		r, _ := applyPlan(t, p, f)
		sent := len(f.sent)
		onCurrent := f.onCurrent
		f.onCurrent = func(t change.Target, now *apply.Reading) error {
			err := onCurrent(t, now)
			if now.Row != nil {
				tt.edit(now.Row)
			}
			return err
		}
		var kept *apply.KeptError
		if err := r.Rollback(t.Context()); !errors.As(err, &kept) || !strings.Contains(err.Error(), tt.kept) || len(f.sent) != sent {
			t.Errorf("%s: %v; sent %v", name, err, f.sent[sent:])
		}
	}
}
