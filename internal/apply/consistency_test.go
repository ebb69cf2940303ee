package apply_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
)

// encodeChain returns the records as lines, each with the digest of the previous one.
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

// TestInconsistentRecords: records that no run writes are refused, even with the right digests.
func TestInconsistentRecords(t *testing.T) {
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
		t.Fatal("encodeChain does not write what a journal writes")
	}
	const id = "00000000-0000-4000-8000-000000000077"
	at := j.Records[1].At
	for name, edit := range map[string]func([]apply.Record) []apply.Record{
		"a missing line": func(list []apply.Record) []apply.Record { return slices.Delete(list, 1, 2) },
		"a line twice":   func(list []apply.Record) []apply.Record { return slices.Insert(list, 2, list[2]) },
		"another order":  func(list []apply.Record) []apply.Record { list[1], list[3] = list[3], list[1]; return list },
		"nothing was sent": func(list []apply.Record) []apply.Record {
			return append(list, apply.Record{Event: apply.EventFailed, At: at, Action: "1", Unsent: true})
		},
		"a row created by a grant": func(list []apply.Record) []apply.Record { list[2].Made = id; return list },
		"undone out of order": func(list []apply.Record) []apply.Record {
			return append(list, apply.Record{Event: apply.EventUndone, At: at, Action: "1"})
		},
		"not rolled back": func(list []apply.Record) []apply.Record {
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
		"a side effect on what the action changes": func(list []apply.Record) []apply.Record {
			return slices.Insert(list, 2, apply.Record{
				Event: apply.EventFailed, At: at, Action: "1", Before: change.State{"prvReadLead": "global"}, After: change.State{"prvReadLead": "none"},
			})
		},
		"a side effect without a value before": func(list []apply.Record) []apply.Record {
			return slices.Insert(list, 2, apply.Record{Event: apply.EventFailed, At: at, Action: "1", After: change.State{"prvDeleteAccount": "none"}})
		},
		"a side effect without a value after": func(list []apply.Record) []apply.Record {
			return slices.Insert(list, 2, apply.Record{Event: apply.EventFailed, At: at, Action: "1", Before: change.State{"prvDeleteAccount": "none"}})
		},
		"a side effect of nothing": func(list []apply.Record) []apply.Record {
			return slices.Insert(list, 2, apply.Record{
				Event: apply.EventFailed, At: at, Action: "1", Unsent: true, After: change.State{"prvReadLead": "basic"},
			})
		},
		"without the user": func(list []apply.Record) []apply.Record { list[1].By = ""; return list },
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
	// With a wrong digest, even another time is refused.
	again, _, _ := apply.ParseJournal(whole)
	text := bytes.Replace(whole, []byte(again.Records[2].At.Format("2006-01-02T15:04:05")), []byte("2026-03-01T12:00:01"), 1)
	if _, _, err := apply.ParseJournal(text); err == nil || !strings.Contains(err.Error(), "does not follow the line before it") {
		t.Errorf("another time: %v", err)
	}
}

// TestFormatV1: a journal of format v1 can be rolled back, but not resumed.
func TestFormatV1(t *testing.T) {
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
		t.Errorf("resumable: %v", err)
	}
	r.Journal = j
	if err := r.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	if reopen(t, j, file).MayHaveChanges() {
		t.Error("the journal says that something remains to undo")
	}
}

// TestOtherDescriptions: a journal opens although another version of dbaudit wrote the descriptions
// in its plan, so that its changes can be undone.
func TestOtherDescriptions(t *testing.T) {
	p := sample(t)
	p.Actions[0].Summary = "another description"
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	r, file := newRunner(t, p, newFake(p))
	reopen(t, r.Journal, file)
}
