package apply

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// Format names the format of a journal: JSON lines, the first with the plan. Each line contains the
// digest of the previous line, and the first line the digest of the plan.
const Format = "dbaudit.journal/v2"

// formatV1 has no digests. A journal in this format can be rolled back, but not resumed.
const formatV1 = "dbaudit.journal/v1"

// An Event is the kind of a record in a journal. The zero value is invalid.
type Event string

// The events.
const (
	EventPlan       Event = "plan"        // is the first, and contains the plan
	EventBegin      Event = "begin"       // precedes a change, with the previous state and the ids for the request
	EventDone       Event = "done"        // follows a change that was read back
	EventFailed     Event = "failed"      // follows a change that failed, or had no effect
	EventApplied    Event = "applied"     // follows the last change
	EventUndo       Event = "undo"        // precedes the undo of a change
	EventUndone     Event = "undone"      // follows an undo that was read back
	EventKept       Event = "kept"        // follows a change that was not fully undone
	EventRolledBack Event = "rolled-back" // follows the last undo
)

// A Record is one line of a journal.
type Record struct {
	Event Event     `json:"event"`
	At    time.Time `json:"at"`
	// Previous is the digest of the previous line, in the first record the digest of the plan. It
	// reveals missing and edited lines, but is not a signature.
	Previous string `json:"previous,omitempty"`
	// Format, Tool and Plan are set only in the first record.
	Format string      `json:"format,omitempty"`
	Tool   *audit.Tool `json:"tool,omitempty"`
	Plan   *plan.Plan  `json:"plan,omitempty"`
	Action string      `json:"action,omitempty"` // the id of the action in the plan
	By     string      `json:"by,omitempty"`     // the id of the user who makes the change
	// Before is the state just before the change, including the names that the platform may change. After a
	// failure, Before and After are what else the request changed, and what differs from the plan.
	Before   change.State      `json:"before,omitempty"`
	After    change.State      `json:"after,omitempty"`
	Filtered []string          `json:"filtered,omitempty"` // the privileges that were granted for some records only
	IDs      map[string]string `json:"ids,omitempty"`      // the values for the slots of the action's requests
	Made     string            `json:"made,omitempty"`     // the id of the row that the change created
	Unsent   bool              `json:"unsent,omitempty"`   // set on a failure that cannot have changed anything
	Error    string            `json:"error,omitempty"`    // why a change failed, or was kept
}

// A Journal records what was done with a plan. It is written and synced before and after each
// change. A lock file next to it prevents other processes from using it at the same time.
type Journal struct {
	Plan    plan.Plan
	Records []Record

	format        string
	last          string // the digest of the last line
	steps         []step // of the plan's actions
	applied       bool   // all actions are done
	rollbackBegun bool
	rolledBack    bool // everything is undone

	file    *os.File // nil once it is closed
	release func() error
	now     func() time.Time
}

// CreateJournal starts a journal in a new file: see [CheckVacant].
func CreateJournal(name string, p plan.Plan, tool audit.Tool, now func() time.Time) (*Journal, error) {
	release, err := lock(name)
	if err != nil {
		return nil, err
	}
	if err := CheckVacant(name); err != nil {
		return nil, errors.Join(err, release())
	}
	_ = os.Remove(name) // an unfinished journal; if it cannot be removed, OpenFile fails
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the journal: %w", err), release())
	}
	j := &Journal{Plan: p, format: Format, last: p.Digest, steps: make([]step, len(p.Actions)), now: now, file: file, release: release}
	err = j.append(Record{Event: EventPlan, Format: Format, Tool: &tool, Plan: &p})
	if err == nil {
		err = syncDir(filepath.Dir(name))
	}
	if err != nil {
		return nil, errors.Join(err, j.Close(), os.Remove(name))
	}
	return j, nil
}

// An ExistsError means that the file for a new journal already exists.
type ExistsError struct {
	Name    string
	Journal *Journal // the journal in the file; nil if the file is not a valid journal
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("the journal %s already exists: name another with --journal", e.Name)
}

// CheckVacant returns an [ExistsError] if the file exists, unless it is a journal without a complete
// line.
func CheckVacant(name string) error {
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("starting the journal: %w", err)
	}
	data, err := bounds.ReadFile(bounds.Journal, name)
	if err == nil && info.Mode().IsRegular() && isUnfinishedHeader(data) {
		return nil
	}
	exists := &ExistsError{Name: name}
	if j, _, err := ParseJournal(data); err == nil {
		exists.Journal = j
	}
	return exists
}

// OpenJournal reads a journal and opens it for writing.
func OpenJournal(name string, now func() time.Time) (*Journal, error) {
	switch _, err := os.Stat(name); {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("the journal %s does not exist: dbaudit apply writes it next to the plan, as PLAN.journal.json, before the first change", name)
	case err != nil:
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	release, err := lock(name)
	if err != nil {
		return nil, err
	}
	// The lock is held, so no other process can still write to the file.
	data, err := bounds.ReadFile(bounds.Journal, name)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading the journal: %w", err), release())
	}
	j, complete, err := ParseJournal(data)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), release())
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the journal: %w", err), release())
	}
	j.file, j.release, j.now = file, release, now
	// A request is sent only after its record is complete on disk, so a partial line has no effect.
	if err := file.Truncate(int64(complete)); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the journal: %w", err), j.Close())
	}
	return j, nil
}

func (j *Journal) isCurrentFormat() bool { return j.format == Format }

// A writeError means that the journal could not be written, so that nothing more may be changed.
type writeError struct{ err error }

func (e *writeError) Error() string { return fmt.Sprintf("writing the journal: %v", e.err) }
func (e *writeError) Unwrap() error { return e.err }

// append writes a record. It returns after the record is on disk.
func (j *Journal) append(r Record) error {
	r.At = j.now().UTC().Truncate(time.Millisecond)
	if j.isCurrentFormat() {
		r.Previous = j.last
	}
	line, err := json.Marshal(r)
	if err == nil {
		_, err = j.file.Write(append(slices.Clone(line), '\n'))
	}
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return &writeError{err}
	}
	j.add(r)
	j.last = lineDigest(line)
	return nil
}

// Close closes the file and releases the lock.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	file := j.file
	j.file = nil
	return errors.Join(file.Close(), j.release())
}

// syncDir makes the name of a new file durable.
func syncDir(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("starting the journal: %w", err)
	}
	_ = folder.Sync() // Windows does not support it, and does not need it
	return folder.Close()
}

// isUnfinishedHeader reports whether the data is the start of a journal's first line.
func isUnfinishedHeader(data []byte) bool {
	const first = `{"event":"plan"`
	return !bytes.Contains(data, []byte("\n")) && bytes.HasPrefix(data, []byte(first)[:min(len(first), len(data))])
}

// ParseJournal parses a journal. It refuses a journal that no run can have written. complete is the
// number of bytes of the complete lines.
func ParseJournal(data []byte) (j *Journal, complete int, err error) {
	if isUnfinishedHeader(data) {
		return nil, 0, errors.New("the journal ends in its first line: nothing was begun, so apply the plan again")
	}
	if json.Valid(data) { // a single document
		if _, err := strictjson.ReadFormat(data, "journal", Format, formatV1); err != nil {
			return nil, 0, err
		}
	}
	complete = bytes.LastIndexByte(data, '\n') + 1
	lines := bytes.Split(bytes.TrimSuffix(data[:complete], []byte("\n")), []byte("\n"))
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
	if first.Format != Format && first.Format != formatV1 || first.Plan == nil {
		return nil, 0, fmt.Errorf("this has the format %q, not %q: this version of dbaudit cannot continue with it", first.Format, Format)
	}
	// plan.Decode would also refuse a plan with the descriptions of another version of dbaudit.
	if err := first.Plan.Verify(); err != nil {
		return nil, 0, fmt.Errorf("the journal's plan: %w", err)
	}
	j = &Journal{Plan: *first.Plan, format: first.Format, last: first.Plan.Digest, steps: make([]step, len(first.Plan.Actions))}
	for i, line := range lines {
		if j.isCurrentFormat() && records[i].Previous != j.last || !j.isCurrentFormat() && records[i].Previous != "" {
			return nil, 0, fmt.Errorf("line %d of the journal does not follow the line before it: a line was changed, added or removed; "+
				"read the current state with dbaudit scan, and make a new plan", i+1)
		}
		j.last = lineDigest(line)
	}
	return j, complete, j.addRecords(records)
}

// lineDigest returns the digest of a line without its line break.
func lineDigest(line []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(line)) }
