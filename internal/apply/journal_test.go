package apply_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/schema"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

func clock() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// sample is the plan package's own golden plan.
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

// A fake environment does what it is asked to, by the plan's own knowledge of what
// a request leads to. A test changes single answers.
type fake struct {
	organization string
	plan         plan.Plan
	state        map[string]change.State
	effects         map[string]func() // what a request of an action leads to
	sent         []string
	ignoreChanges         bool // changes do not take
	made         string
	role         apply.Role
	incomplete       string

	onCurrent func(change.Target, *apply.Reading) error
	onRow     func(apply.Table, *apply.Row)
	onChange  func(change.Request) error
}

func newFake(p plan.Plan) *fake {
	f := &fake{plan: p, organization: p.Environment.OrganizationID, state: map[string]change.State{}, effects: map[string]func(){}}
	f.role.Root = "00000000-0000-4000-8000-000000000004"
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

func (f *fake) Role(context.Context, string) (apply.Role, error) { return f.role, nil }

// Row has the plan's own names.
func (f *fake) Row(_ context.Context, table apply.Table, id string, _ *change.Ref) (*apply.Row, error) {
	for _, a := range f.plan.Actions {
		for _, ref := range []*change.Ref{a.Target.Role, a.Target.Copy, a.Target.User, a.Target.BusinessUnit, a.Target.View, a.Target.Principal} {
			if ref != nil && ref.ID == id {
				row := &apply.Row{ID: id, Name: ref.Name, ApplicationID: a.Target.ApplicationID}
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

func (f *fake) Change(_ context.Context, r change.Request, label string) (string, error) {
	if f.onChange != nil {
		if err := f.onChange(r); err != nil {
			return "", err
		}
	}
	f.sent = append(f.sent, r.Method+" "+r.Path)
	do := f.effects[label]
	switch {
	case do == nil:
		f.undo(r)
	case !r.Filled():
		return "", &apply.ChangeError{Effect: apply.EffectNone, Err: errors.New("a slot was left: " + r.Path + string(r.Body))}
	case !f.ignoreChanges:
		do()
	}
	return f.made, nil
}

// undo undoes whatever is undone by such a request.
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

// applyPlan is a run that carried its plan out.
func applyPlan(t *testing.T, p plan.Plan, f *fake) (*apply.Runner, string) {
	t.Helper()
	r, file := newRunner(t, p, f)
	if err := r.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r, file
}

// reopen closes a journal, and opens it as another process does.
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

func TestJournal(t *testing.T) {
	p := sample(t)
	f := newFake(p)
	r, file := applyPlan(t, p, f)
	if len(f.sent) != len(p.Actions) {
		t.Errorf("sent %v", f.sent)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := schematest.Compile(schema.Files, "journal.json")
	if err != nil {
		t.Fatal(err)
	}
	var events []string
	for line := range bytes.Lines(data) {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(document); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		events = append(events, document.(map[string]any)["event"].(string))
	}
	want := []string{"plan"}
	for range p.Actions {
		want = append(want, "begin", "done")
	}
	if want = append(want, "applied"); !slices.Equal(events, want) {
		t.Errorf("the journal holds %v", events)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the journal's mode is %v, %v", info.Mode(), err)
	}
	if err := r.Journal.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := apply.CreateJournal(file, p, audit.Tool{}, clock); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("a journal was written over: %v", err)
	}
}

func TestJournalThatIsNone(t *testing.T) {
	p := sample(t)
	_, file := applyPlan(t, p, newFake(p))
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	// The plan stays as it is, which its digest holds.
	edited := func(old, text string) []byte {
		rest := bytes.Join(lines[1:], nil)
		if !bytes.Contains(rest, []byte(old)) {
			t.Fatalf("there is no %s", old)
		}
		return slices.Concat(lines[0], bytes.Replace(rest, []byte(old), []byte(text), 1))
	}
	for name, data := range map[string][]byte{
		"empty":                           nil,
		"cut in the plan":                 lines[0][:100],
		"without its plan":                bytes.Join(lines[1:], nil),
		"a broken line":                   slices.Concat(lines[0], []byte("{]\n"), lines[1]),
		"two plans":                       slices.Concat(lines[0], lines[0]),
		"an unknown event":                slices.Concat(whole, []byte(`{"event":"hello","at":"2026-03-01T12:00:00Z"}`+"\n")),
		"an edited before":                edited(`"prvReadAccount":"local"`, `"prvReadAccount":"global"`),
		"a before of what is not changed": edited(`"before":{"prvBulkDelete"`, `"before":{"prvAssignRole":"global","prvBulkDelete"`),
		"an unknown action":               slices.Concat(lines[0], []byte(`{"event":"done","at":"2026-03-01T12:00:00Z","action":"99"}`+"\n")),
		"a later form":                    bytes.Replace(whole, []byte(apply.Format), []byte("dbaudit.journal/v3"), 1),
		"a member twice":                  edited(`"before":{`, `"before":{},"before":{`),
		"an edited plan":                  bytes.Replace(whole, []byte(`"profile":"demandbase"`), []byte(`"profile":"other"`), 1),
	} {
		if _, _, err := apply.ParseJournal(data); err == nil {
			t.Errorf("%s: taken for a journal", name)
		}
	}
	text, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for doc, want := range map[string]string{
		string(text): "this is a plan, not a journal",
		"{\n  \"format\": \"dbaudit.result/v1\"\n}\n":   "this is a result, not a journal",
		"{\n  \"format\": \"dbaudit.snapshot/v1\"\n}\n": "this is a snapshot, not a journal",
	} {
		if _, _, err := apply.ParseJournal([]byte(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	j, n, err := apply.ParseJournal(whole[:len(whole)-5])
	if err != nil || n != len(whole)-len(lines[len(lines)-2]) || j.DoneCount() != len(p.Actions) {
		t.Errorf("a torn line: %v, %d", err, n)
	}
}

func TestFailures(t *testing.T) {
	p := sample(t)
	t.Run("refused", func(t *testing.T) {
		f := newFake(p)
		f.onChange = func(change.Request) error {
			return &apply.ChangeError{Effect: apply.EffectNone, Err: errors.New("no privilege")}
		}
		r, _ := newRunner(t, p, f)
		if err := r.Apply(t.Context()); err == nil || r.Journal.MayHaveChanges() {
			t.Errorf("a refused change: %v, touched %v", err, r.Journal.MayHaveChanges())
		}
		f.onChange = nil
		if err := r.Apply(t.Context()); err != nil {
			t.Errorf("once it is permitted: %v", err)
		}
	})
	t.Run("never known", func(t *testing.T) {
		f := newFake(p)
		f.onChange = func(change.Request) error { return &apply.ChangeError{Err: errors.New("no answer")} }
		r, _ := newRunner(t, p, f)
		if err := r.Apply(t.Context()); err == nil || !r.Journal.MayHaveChanges() {
			t.Errorf("a change that nobody knows of: %v", err)
		}
	})
	t.Run("does not take", func(t *testing.T) {
		f := newFake(p)
		f.ignoreChanges = true
		r, _ := newRunner(t, p, f)
		if err := r.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "had no effect") || len(f.sent) != 1 {
			t.Errorf("a change that did not take: %v; sent %v", err, f.sent)
		}
	})
	t.Run("another privilege under the name", func(t *testing.T) {
		f := newFake(p)
		f.onCurrent = func(_ change.Target, now *apply.Reading) error {
			for name := range now.IDs {
				now.IDs[name] = "00000000-0000-4000-8000-000000000666"
			}
			return nil
		}
		r, _ := newRunner(t, p, f)
		if err := r.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "has the id") || len(f.sent) > 0 {
			t.Errorf("not noticed: %v", err)
		}
	})
}

// FuzzParseJournal: what is read as a journal can have been written, and is read to
// the same end again.
func FuzzParseJournal(f *testing.F) {
	p := sample(f)
	first := apply.Record{Event: apply.EventPlan, At: clock(), Format: apply.Format, Tool: &audit.Tool{}, Plan: &p}
	begin := apply.Record{Event: apply.EventBegin, At: clock(), Action: "1", By: "00000000-0000-4000-8000-00000000000a", Before: p.Actions[0].Before}
	f.Add(encodeChain(f, []apply.Record{first}))
	f.Add(append(encodeChain(f, []apply.Record{first, begin}), '{'))
	f.Add(encodeChain(f, []apply.Record{first, begin, {Event: apply.EventDone, At: clock(), Action: "1"}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, whole, err := apply.ParseJournal(data)
		if err != nil {
			return
		}
		if whole > len(data) || j.DoneCount() > len(j.Plan.Actions) || len(j.Undoable()) > len(j.Plan.Actions) {
			t.Errorf("%d whole bytes of %d, %d actions done", whole, len(data), j.DoneCount())
		}
		if again, _, err := apply.ParseJournal(data[:whole]); err != nil || len(again.Records) != len(j.Records) {
			t.Errorf("read again: %v", err)
		}
	})
}
