package apply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

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
	records := make([]Record, len(lines))
	for i, line := range lines {
		if err := strictjson.Decode(line, &records[i]); err != nil {
			return nil, 0, fmt.Errorf("line %d of the journal is broken: %w", i+1, err)
		}
		if (i == 0) != (records[i].Event == EventPlan) {
			return nil, 0, fmt.Errorf("line %d of the journal is out of place: %q", i+1, records[i].Event)
		}
	}
	first := records[0]
	if first.Format != Format && first.Format != formerFormat || first.Plan == nil {
		return nil, 0, fmt.Errorf("this has the format %q, not %q: this version of dbaudit cannot continue with it", first.Format, Format)
	}
	// Not with plan.Decode: the changes of another version of dbaudit must be undone,
	// whatever its words.
	if err := first.Plan.Verify(); err != nil {
		return nil, 0, fmt.Errorf("the journal's plan: %w", err)
	}
	j = &Journal{Plan: *first.Plan, format: first.Format, last: first.Plan.Digest, steps: make([]step, len(first.Plan.Actions))}
	for i, line := range lines { // each contains the digest of the previous one
		if j.strict() && records[i].Previous != j.last || !j.strict() && records[i].Previous != "" {
			return nil, 0, fmt.Errorf("line %d of the journal does not follow the line before it: a line was changed, added or removed; "+
				"read the current state with dbaudit scan, and make a new plan", i+1)
		}
		j.last = lineDigest(line)
	}
	return j, whole, j.consistent(records)
}

// lineDigest is the digest of a line without its line break.
func lineDigest(line []byte) string {
	sum := sha256.Sum256(line)
	return "sha256:" + hex.EncodeToString(sum[:])
}
