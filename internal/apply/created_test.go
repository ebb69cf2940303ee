package apply_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
)

// TestAnotherName: what has another name than in the plan is not changed, since
// somebody reviewed the plan's words.
func TestAnotherName(t *testing.T) {
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

// TestFilteredGrant: what a record filter grants is replaced only where that is
// permitted, and rollback says what it cannot bring back.
func TestFilteredGrant(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, _ := newRunner(t, p, f)
	filtered := true
	f.onCurrent = func(of change.Target, now *apply.Reading) error {
		if _, asked := now.State["prvReadLead"]; asked && filtered && of.Kind == change.TargetGrants {
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

// TestSharesWaitForRights: a share whose recipient does not have the right yet that an
// earlier action gave is tried again for a minute, and then told.
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

// TestUnseenHolders: a role that others may hold, unseen, is not changed unless that is
// permitted.
func TestUnseenHolders(t *testing.T) {
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

// TestInheritedRights: rights that come from another shared record are not a change of the
// environment, and are not removed here.
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

// encodeChain gives lines the digests of the lines before them.
func encodeChain(tb testing.TB, records []apply.Record) []byte {
	tb.Helper()
	var text []byte
	previous := records[0].Plan.Digest
	for _, r := range records {
		r.Previous = previous
		line, err := json.Marshal(r)
		if err != nil {
			tb.Fatal(err)
		}
		sum := sha256.Sum256(line)
		previous = "sha256:" + hex.EncodeToString(sum[:])
		text = append(append(text, line...), '\n')
	}
	return text
}

// TestLinesThatContradict: recomputing the chain does not allow writing what no run writes.
func TestLinesThatContradict(t *testing.T) {
	p := sample(t)
	_, file := applyPlan(t, p, newFake(p))
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := apply.ParseJournal(whole)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encodeChain(t, j.Records), whole) {
		t.Fatal("the test's chain is another than the journal's")
	}
	const id = "00000000-0000-4000-8000-000000000077"
	at := j.Records[1].At
	for name, edit := range map[string]func([]apply.Record) []apply.Record{
		"a line less":   func(list []apply.Record) []apply.Record { return slices.Delete(list, 1, 2) },
		"a line twice":  func(list []apply.Record) []apply.Record { return slices.Insert(list, 2, list[2]) },
		"another order": func(list []apply.Record) []apply.Record { list[1], list[3] = list[3], list[1]; return list },
		"nothing was sent": func(list []apply.Record) []apply.Record {
			return append(list, apply.Record{Event: apply.EventFailed, At: at, Action: "1", Unsent: true})
		},
		"made by what makes none": func(list []apply.Record) []apply.Record { list[2].Made = id; return list },
		"undone out of turn": func(list []apply.Record) []apply.Record {
			return append(list, apply.Record{Event: apply.EventUndone, At: at, Action: "1"})
		},
		"rolled back, and was not": func(list []apply.Record) []apply.Record {
			return append(list, apply.Record{Event: apply.EventRolledBack, At: at})
		},
		"another before": func(list []apply.Record) []apply.Record {
			list[1].Before = change.State{"prvReadLead": "global"}
			return list
		},
		"an existing default": func(list []apply.Record) []apply.Record {
			list[1].Before["prvReadSharePointData"] = "none"
			return list
		},
		"without who": func(list []apply.Record) []apply.Record { list[1].By = ""; return list },
		"other ids": func(list []apply.Record) []apply.Record {
			list[1].IDs = map[string]string{change.SlotRole: id}
			return list
		},
	} {
		again, _, err := apply.ParseJournal(whole)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := apply.ParseJournal(encodeChain(t, edit(again.Records))); err == nil || !strings.Contains(err.Error(), "it was edited, or belongs to another plan") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Without the chain, a free text is enough.
	again, _, _ := apply.ParseJournal(whole)
	text := bytes.Replace(whole, []byte(again.Records[2].At.Format("2006-01-02T15:04:05")), []byte("2026-03-01T12:00:01"), 1)
	if _, _, err := apply.ParseJournal(text); err == nil || !strings.Contains(err.Error(), "does not follow the line before it") {
		t.Errorf("another time: %v", err)
	}
}

// TestFormerJournal: a journal of the former format can be rolled back, and not resumed.
func TestFormerJournal(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, file := applyPlan(t, p, f)
	var text []byte
	for _, record := range r.Journal.Records {
		record.Previous = ""
		if record.Event == apply.EventPlan {
			record.Format = "dbaudit.journal/v1"
		}
		line, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		text = append(append(text, line...), '\n')
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	j := reopen(t, r.Journal, file)
	if err := j.CheckResumable(); err == nil || !strings.Contains(err.Error(), "can only be rolled back") {
		t.Errorf("gone on with: %v", err)
	}
	r.Journal = j
	if err := r.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	if reopen(t, j, file).MayHaveChanges() {
		t.Error("what was undone is still to undo")
	}
}

// TestAnswersWithAnotherID: the id in a response is not trusted if another row exists.
func TestAnswersWithAnotherID(t *testing.T) {
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

// userPlan is a plan that makes a user.
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
	a.Why, a.Summary = p.Actions[0].Why, "make the user"
	step, ok := a.Target.Next(a.Before, a.After)
	if !ok {
		t.Fatal("there is no way")
	}
	a.Request = step.Request.Fill(a.Target.SlotValues())
	p.Actions = []change.Action{a}
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	return p
}

// userFake is an environment that says it made a row with an id, whatever it made.
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

// TestWhoseUser: a user that the plan could have made is deleted only if it is the
// plan's own in all that the environment says.
func TestWhoseUser(t *testing.T) {
	p := userPlan(t)
	for name, tt := range map[string]struct {
		edit func(*apply.Row)
		kept string
	}{
		"another application": {func(r *apply.Row) { r.ApplicationID = createdID }, "application id"},
		"another unit":        {func(r *apply.Row) { r.Unit = createdID }, "a different business unit"},
		"another's":           {func(r *apply.Row) { r.CreatedBy = createdID }, "another identity created it"},
		"an older one":        {func(r *apply.Row) { r.CreatedOn = clock().Add(-48 * time.Hour) }, "it was created at"},
		"another id":          {func(r *apply.Row) { r.ID = "00000000-0000-4000-8000-000000000088" }, "but the existing row is"},
	} {
		f := userFake(p, createdID)
		r, _ := applyPlan(t, p, f)
		sent := len(f.sent)
		whole := f.onCurrent
		f.onCurrent = func(t change.Target, now *apply.Reading) error {
			err := whole(t, now)
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
