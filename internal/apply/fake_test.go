package apply_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
)

func clock() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// sample returns the golden plan of package plan.
func sample(tb testing.TB) plan.Plan {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("..", "plan", "testdata", "plan.json"))
	if err != nil {
		tb.Fatal(err)
	}
	p, err := plan.Decode(data)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// A fake is an environment in which each request of the plan has its planned effect. Tests
// override single responses.
type fake struct {
	organization  string
	plan          plan.Plan
	state         map[string]change.State
	effects       map[string]func() // of the request with a label
	sent          []string
	ignoreChanges bool // requests succeed without effect
	made          string
	role          fakeRole
	incomplete    string

	onCurrent func(change.Target, *apply.Reading) error
	onRow     func(apply.Table, *apply.Row)
	onChange  func(change.Request) error
}

// A fakeRole is the role that a plan assigns.
type fakeRole struct {
	root    string
	builtIn bool
	grants  change.Depths
}

func newFake(p plan.Plan) *fake {
	f := &fake{plan: p, organization: p.Environment.OrganizationID, state: map[string]change.State{}, effects: map[string]func(){}}
	f.role.root = "00000000-0000-4000-8000-000000000004"
	for _, a := range p.Actions {
		if f.state[targetKey(a.Target)] == nil {
			f.state[targetKey(a.Target)] = change.State{}
		}
		maps.Copy(f.state[targetKey(a.Target)], a.Before)
		f.effects[a.Summary] = func() { maps.Copy(f.state[targetKey(a.Target)], a.After) }
	}
	return f
}

func targetKey(t change.Target) string {
	data, err := json.Marshal([]any{t.Kind, t.Role, t.Copy, t.User, t.View, t.Principal})
	if err != nil {
		return ""
	}
	return string(data)
}

func (f *fake) Identity(context.Context) (apply.Identity, error) {
	return apply.Identity{Organization: f.organization, User: "00000000-0000-4000-8000-00000000000a"}, nil
}

func (f *fake) Holders(context.Context, string) (apply.RoleHolders, error) {
	return apply.RoleHolders{Incomplete: f.incomplete}, nil
}

// Row returns rows with the names of the plan.
func (f *fake) Row(_ context.Context, table apply.Table, id string, _ *change.Ref) (*apply.Row, error) {
	for _, a := range f.plan.Actions {
		for _, ref := range []*change.Ref{a.Target.Role, a.Target.Copy, a.Target.User, a.Target.BusinessUnit, a.Target.View, a.Target.Principal} {
			if ref != nil && ref.ID == id {
				row := &apply.Row{ID: id, Name: ref.Name, ApplicationID: a.Target.ApplicationID}
				if table == apply.TableRole {
					row.Root = f.role.root
				}
				if table == apply.TableRole && f.role.builtIn {
					row.Template = id
				}
				if f.onRow != nil {
					f.onRow(table, row)
				}
				return row, nil
			}
		}
	}
	return nil, nil
}

func (f *fake) Current(_ context.Context, t change.Target, names []string) (apply.Reading, error) {
	now := apply.Reading{State: change.State{}, IDs: map[string]string{change.SlotTag: `W/"1"`}}
	if t.Kind == change.TargetAssignment {
		now.IDs[change.SlotCopy] = cmp.Or(t.Copy.ID, f.role.root)
	}
	if names == nil { // the role to be assigned
		now.Others = change.State{}
		for name, depth := range f.role.grants {
			now.Others[name] = depth.String()
		}
	}
	for _, name := range names {
		now.State[name] = change.None
		if change.IsRestoredPrivilege(name) && !slices.ContainsFunc(f.plan.Actions, func(a change.Action) bool { return slices.Contains(a.Along, name) }) {
			now.State[name] = "global"
		}
		if value, ok := f.state[targetKey(t)][name]; ok {
			now.State[name] = value
		}
		if t.Kind != change.TargetGrants {
			continue
		}
		now.IDs[name] = t.Privileges[name]
		if now.IDs[name] == "" {
			now.IDs[name] = "00000000-0000-4000-8000-000000000999"
		}
	}
	if f.onCurrent != nil {
		return now, f.onCurrent(t, &now)
	}
	return now, nil
}

func (f *fake) Change(_ context.Context, r change.Request, _ change.Target, label string) (string, error) {
	if f.onChange != nil {
		if err := f.onChange(r); err != nil {
			return "", err
		}
	}
	f.sent = append(f.sent, r.Method+" "+r.Path)
	effect := f.effects[label]
	switch {
	case effect == nil:
		f.undo(r)
	case !r.Filled():
		return "", &apply.ChangeError{Effect: apply.EffectNone, Err: errors.New("a slot is not filled: " + r.Path + string(r.Body))}
	case !f.ignoreChanges:
		effect()
	}
	return f.made, nil
}

// undo undoes the actions with such an undo request.
func (f *fake) undo(r change.Request) {
	ids := regexp.MustCompile(`\([^)]*\)`)
	for _, a := range f.plan.Actions {
		for _, undo := range a.Undo {
			if undo.Method == r.Method && ids.ReplaceAllString(undo.Path, "") == ids.ReplaceAllString(r.Path, "") {
				maps.Copy(f.state[targetKey(a.Target)], a.Before)
			}
		}
	}
}

func newRunner(t *testing.T, p plan.Plan, f *fake) (*apply.Runner, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "j.json")
	j, err := apply.CreateJournal(file, p, audit.Tool{Name: "dbaudit", Version: "test"}, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return &apply.Runner{Mutator: f, Journal: j, Sleep: func(context.Context, time.Duration) error { return nil }}, file
}

// applyPlan returns a runner that has applied the plan, and the file of its journal.
func applyPlan(t *testing.T, p plan.Plan, f *fake) (*apply.Runner, string) {
	t.Helper()
	r, file := newRunner(t, p, f)
	if err := r.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r, file
}

// reopen closes a journal and opens it again, as another process does.
func reopen(t *testing.T, j *apply.Journal, file string) *apply.Journal {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := apply.OpenJournal(file, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = again.Close() })
	return again
}
