package apply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// stillborn reports whether the data is the beginning of a journal's first line, which was
// not completely on disk when the process ended.
func stillborn(data []byte) bool {
	const first = `{"event":"plan"`
	return !bytes.Contains(data, []byte("\n")) && bytes.HasPrefix(data, []byte(first)[:min(len(first), len(data))])
}

// ParseJournal reads a journal's lines, and refuses a journal that no run can have written.
// whole is how many bytes of the data are complete lines: the last one may be incomplete if
// a process ended.
func ParseJournal(data []byte) (j *Journal, whole int, err error) {
	var other struct {
		Format string `json:"format"`
	}
	switch {
	case stillborn(data):
		return nil, 0, errors.New("the journal ends in its first line: nothing was begun, so apply the plan again")
	case json.Unmarshal(data, &other) == nil && other.Format == plan.Format:
		return nil, 0, errors.New("this is a plan, not a journal: carry it out with dbaudit apply, which writes a journal next to it")
	}
	whole = bytes.LastIndexByte(data, '\n') + 1
	lines := bytes.Split(bytes.TrimSuffix(data[:whole], []byte("\n")), []byte("\n"))
	j = &Journal{}
	for i, line := range lines {
		var r Record
		if err := strictjson.Decode(line, &r); err != nil {
			return nil, 0, fmt.Errorf("line %d of the journal is broken: %w", i+1, err)
		}
		if !slices.Contains(events(), r.Event) || (i == 0) != (r.Event == EventPlan) {
			return nil, 0, fmt.Errorf("line %d of the journal is out of place: %q", i+1, r.Event)
		}
		j.Records = append(j.Records, r)
	}
	first := j.Records[0]
	if first.Format != Format && first.Format != formerFormat || first.Plan == nil {
		return nil, 0, fmt.Errorf("this has the format %q, not %q: this version of dbaudit cannot continue with it", first.Format, Format)
	}
	// Not with plan.Decode: the changes of another version of dbaudit must be undone,
	// whatever its words.
	if err := first.Plan.Verify(); err != nil {
		return nil, 0, fmt.Errorf("the journal's plan: %w", err)
	}
	j.Plan, j.format = *first.Plan, first.Format
	if err := j.chained(lines); err != nil {
		return nil, 0, err
	}
	if err := j.consistent(); err != nil {
		return nil, 0, err
	}
	return j, whole, nil
}

// chained refuses a journal whose lines do not contain the digests of the previous lines.
func (j *Journal) chained(lines [][]byte) error {
	j.last = j.Plan.Digest
	for i, line := range lines {
		previous := j.last
		if j.format == formerFormat {
			previous = ""
		}
		if j.Records[i].Previous != previous {
			return fmt.Errorf("line %d of the journal does not follow the line before it: a line was changed, added or removed; "+
				"read the current state with dbaudit scan, and make a new plan", i+1)
		}
		j.last = lineDigest(line)
	}
	return nil
}

// lineDigest is the digest of a line without its line break.
func lineDigest(line []byte) string {
	sum := sha256.Sum256(line)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func events() []Event {
	return []Event{EventPlan, EventBegin, EventDone, EventFailed, EventApplied, EventUndo, EventUndone, EventKept, EventRolledBack}
}
