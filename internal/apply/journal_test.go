package apply_test

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/schema"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

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
		t.Errorf("the journal has the events %v", events)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the journal's mode is %v, %v", info.Mode(), err)
	}
	if err := r.Journal.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := apply.CreateJournal(file, p, audit.Tool{}, clock); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("the journal was overwritten: %v", err)
	}
}

// TestUnfinishedHeader: a journal without a complete line is replaced, because nothing was begun.
// Any other file stays.
func TestUnfinishedHeader(t *testing.T) {
	p := sample(t)
	r, file := newRunner(t, p, newFake(p))
	if err := r.Journal.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for text, vacant := range map[string]bool{
		"": true, `{"ev`: true, string(whole[:200]): true,
		string(whole): false, "x": false, "{}": false, "{\n": false,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := apply.CheckVacant(file); (err == nil) != vacant {
			t.Errorf("%.20q: %v", text, err)
		}
		if !vacant {
			continue
		}
		if _, err := apply.OpenJournal(file, clock); err == nil || !strings.Contains(err.Error(), "nothing was begun") {
			t.Errorf("%.20q: opened: %v", text, err)
		}
		j, err := apply.CreateJournal(file, p, *r.Journal.Records[0].Tool, clock)
		if err != nil {
			t.Fatalf("%.20q: %v", text, err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParseJournalRefuses(t *testing.T) {
	p := sample(t)
	_, file := applyPlan(t, p, newFake(p))
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	// The first line stays, because the digest protects the plan.
	edited := func(old, text string) []byte {
		rest := bytes.Join(lines[1:], nil)
		if !bytes.Contains(rest, []byte(old)) {
			t.Fatalf("%s is not in the journal", old)
		}
		return slices.Concat(lines[0], bytes.Replace(rest, []byte(old), []byte(text), 1))
	}
	for name, data := range map[string][]byte{
		"empty":                        nil,
		"truncated plan":               lines[0][:100],
		"without its plan":             bytes.Join(lines[1:], nil),
		"a broken line":                slices.Concat(lines[0], []byte("{]\n"), lines[1]),
		"two plans":                    slices.Concat(lines[0], lines[0]),
		"an unknown event":             slices.Concat(whole, []byte(`{"event":"hello","at":"2026-03-01T12:00:00Z"}`+"\n")),
		"an edited before":             edited(`"prvReadAccount":"local"`, `"prvReadAccount":"global"`),
		"an unaffected name in before": edited(`"before":{"prvBulkDelete"`, `"before":{"prvAssignRole":"global","prvBulkDelete"`),
		"an unknown action":            slices.Concat(lines[0], []byte(`{"event":"done","at":"2026-03-01T12:00:00Z","action":"99"}`+"\n")),
		"a later format":               bytes.Replace(whole, []byte(apply.Format), []byte("dbaudit.journal/v3"), 1),
		"a member twice":               edited(`"before":{`, `"before":{},"before":{`),
		"an edited plan":               bytes.Replace(whole, []byte(`"profile":"demandbase"`), []byte(`"profile":"other"`), 1),
	} {
		if _, _, err := apply.ParseJournal(data); err == nil {
			t.Errorf("%s: accepted", name)
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
		t.Errorf("with a partial line: %v, %d", err, n)
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
			t.Errorf("a refused change: %v, may have changes: %v", err, r.Journal.MayHaveChanges())
		}
		f.onChange = nil
		if err := r.Apply(t.Context()); err != nil {
			t.Errorf("the same change, permitted: %v", err)
		}
	})
	t.Run("uncertain", func(t *testing.T) {
		f := newFake(p)
		f.onChange = func(change.Request) error { return &apply.ChangeError{Err: errors.New("no answer")} }
		r, _ := newRunner(t, p, f)
		if err := r.Apply(t.Context()); err == nil || !r.Journal.MayHaveChanges() {
			t.Errorf("an uncertain change: %v", err)
		}
	})
	t.Run("without effect", func(t *testing.T) {
		f := newFake(p)
		f.ignoreChanges = true
		r, _ := newRunner(t, p, f)
		if err := r.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "had no effect") || len(f.sent) != 1 {
			t.Errorf("a change without effect: %v; sent %v", err, f.sent)
		}
	})
	t.Run("another privilege id", func(t *testing.T) {
		f := newFake(p)
		f.onCurrent = func(_ change.Target, now *apply.Reading) error {
			for name := range now.IDs {
				now.IDs[name] = "00000000-0000-4000-8000-000000000666"
			}
			return nil
		}
		r, _ := newRunner(t, p, f)
		if err := r.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "has the id") || len(f.sent) > 0 {
			t.Errorf("not detected: %v", err)
		}
	})
}

// FuzzParseJournal: an accepted journal is consistent, and its complete lines are accepted again.
func FuzzParseJournal(f *testing.F) {
	p := sample(f)
	first := apply.Record{Event: apply.EventPlan, At: clock(), Format: apply.Format, Tool: &audit.Tool{}, Plan: &p}
	begin := apply.Record{Event: apply.EventBegin, At: clock(), Action: "1", By: "00000000-0000-4000-8000-00000000000a", Before: p.Actions[0].Before}
	f.Add(encodeChain(f, []apply.Record{first}))
	f.Add(append(encodeChain(f, []apply.Record{first, begin}), '{'))
	f.Add(encodeChain(f, []apply.Record{first, begin, {Event: apply.EventDone, At: clock(), Action: "1"}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, complete, err := apply.ParseJournal(data)
		if err != nil {
			return
		}
		if complete > len(data) || j.DoneCount() > len(j.Plan.Actions) || len(j.Undoable()) > len(j.Plan.Actions) {
			t.Errorf("%d complete bytes of %d, %d actions done", complete, len(data), j.DoneCount())
		}
		if again, _, err := apply.ParseJournal(data[:complete]); err != nil || len(again.Records) != len(j.Records) {
			t.Errorf("parsed again: %v", err)
		}
	})
}
