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

// Format names the format of a journal: JSON lines, the first of which contains the plan.
// Each line contains the digest of the previous line, the first line that of the plan.
const Format = "dbaudit.journal/v2"

// formatV1 has no digests. Such a journal can be rolled back, but not resumed.
const formatV1 = "dbaudit.journal/v1"

// An Event says what a record of the journal is about. The zero value is invalid.
type Event string

// The events.
const (
	EventPlan       Event = "plan"        // opens a journal and contains the plan
	EventBegin      Event = "begin"       // precedes a change: the previous state, and what the change is sent to
	EventDone       Event = "done"        // follows a change that was read back
	EventFailed     Event = "failed"      // follows a change that failed, or had no effect
	EventApplied    Event = "applied"     // follows the last change
	EventUndo       Event = "undo"        // precedes the undo of a change
	EventUndone     Event = "undone"      // follows it, read back
	EventKept       Event = "kept"        // says that a change was not fully undone
	EventRolledBack Event = "rolled-back" // says that everything was undone
)

// A Record is one line of a journal.
type Record struct {
	Event Event     `json:"event"`
	At    time.Time `json:"at"`
	// Previous is the digest of the previous line, in the first record that of the plan. It
	// shows that lines are missing or were changed; it is not a signature.
	Previous string `json:"previous,omitempty"`
	// Format, Tool and Plan are set only in the first record.
	Format string      `json:"format,omitempty"`
	Tool   *audit.Tool `json:"tool,omitempty"`
	Plan   *plan.Plan  `json:"plan,omitempty"`
	Action string      `json:"action,omitempty"` // the id of the action in the plan
	By     string      `json:"by,omitempty"`     // the id of the user that makes the change
	// Before is the state just before the change, with what the platform may also change.
	Before   change.State      `json:"before,omitempty"`
	Filtered []string          `json:"filtered,omitempty"` // the privileges that were granted for some records only
	IDs      map[string]string `json:"ids,omitempty"`      // the values for the slots of the action's requests
	Made     string            `json:"made,omitempty"`     // the id of the row that the change created
	Unsent   bool              `json:"unsent,omitempty"`   // set on a failure that cannot have changed anything
	Error    string            `json:"error,omitempty"`    // says what failed, or why a change was kept
}

// A Journal is the record of one plan's application, written and synced before and after
// each change. A lock file next to it lets only one process at a time use it.
type Journal struct {
	Plan    plan.Plan
	Records []Record

	format string
	last   string // the digest of the last line
	steps  []step // of the plan's actions
	// applied, undoing and ended say that everything is done, that a rollback was begun, and
	// that it ended.
	applied, rollbackBegun, rolledBack bool

	file    *os.File // nil once it is closed
	release func() error
	now     func() time.Time
}

// CreateJournal starts a journal in a file that must not exist yet.
func CreateJournal(name string, p plan.Plan, tool audit.Tool, now func() time.Time) (*Journal, error) {
	release, err := lock(name)
	if err != nil {
		return nil, err
	}
	if err := CheckVacant(name); err != nil {
		return nil, errors.Join(err, release())
	}
	_ = os.Remove(name) // the file that CheckVacant allows is useless; a file that cannot be removed is detected below
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the journal: %w", err), release())
	}
	j := &Journal{Plan: p, format: Format, last: p.Digest, steps: make([]step, len(p.Actions)), now: now}
	j.file, j.release = file, release
	err = j.append(Record{Event: EventPlan, Format: Format, Tool: &tool, Plan: &p})
	if err == nil {
		err = syncDir(filepath.Dir(name))
	}
	if err != nil {
		return nil, errors.Join(err, j.Close(), os.Remove(name))
	}
	return j, nil
}

// An ExistsError says that the file of a new journal already exists.
type ExistsError struct {
	Name    string
	Journal *Journal // its content; nil if that is not a readable journal
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("the journal %s already exists: name another with --journal", e.Name)
}

// CheckVacant refuses the name of an existing file with an [ExistsError], unless the file is a
// journal that was never begun.
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

// OpenJournal reads a journal and continues to write to it.
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
	// Read under the lock, so that everything that another process wrote is known.
	data, err := bounds.ReadFile(bounds.Journal, name)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading the journal: %w", err), release())
	}
	j, whole, err := ParseJournal(data)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), release())
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the journal: %w", err), release())
	}
	j.file, j.release, j.now = file, release, now
	// Nothing is sent before its record is completely on disk.
	if err := file.Truncate(int64(whole)); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the journal: %w", err), j.Close())
	}
	return j, nil
}

// isCurrentFormat reports whether the journal has the format in which nothing is written twice.
func (j *Journal) isCurrentFormat() bool { return j.format == Format }

// A writeError says that a journal could not be written: nothing else may be changed.
type writeError struct{ err error }

func (e *writeError) Error() string { return fmt.Sprintf("writing the journal: %v", e.err) }
func (e *writeError) Unwrap() error { return e.err }

// append writes a record and returns when it is on disk.
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

// Close releases the journal.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	file := j.file
	j.file = nil
	return errors.Join(file.Close(), j.release())
}

// syncDir makes a new file's name durable, if the system can do that.
func syncDir(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("starting the journal: %w", err)
	}
	_ = folder.Sync() // Windows cannot, and does not need to
	return folder.Close()
}

// isUnfinishedHeader reports whether the data is the beginning of a journal's first line.
func isUnfinishedHeader(data []byte) bool {
	const first = `{"event":"plan"`
	return !bytes.Contains(data, []byte("\n")) && bytes.HasPrefix(data, []byte(first)[:min(len(first), len(data))])
}

// ParseJournal reads a journal's lines, and refuses a journal that no run can have written.
// whole is how many bytes of the data are complete lines.
func ParseJournal(data []byte) (j *Journal, whole int, err error) {
	if isUnfinishedHeader(data) {
		return nil, 0, errors.New("the journal ends in its first line: nothing was begun, so apply the plan again")
	}
	if json.Valid(data) { // a single document
		if _, err := strictjson.ReadFormat(data, "journal", Format, formatV1); err != nil {
			return nil, 0, err
		}
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
	if first.Format != Format && first.Format != formatV1 || first.Plan == nil {
		return nil, 0, fmt.Errorf("this has the format %q, not %q: this version of dbaudit cannot continue with it", first.Format, Format)
	}
	// Not with plan.Decode: the words of another version of dbaudit do not matter.
	if err := first.Plan.Verify(); err != nil {
		return nil, 0, fmt.Errorf("the journal's plan: %w", err)
	}
	j = &Journal{Plan: *first.Plan, format: first.Format, last: first.Plan.Digest, steps: make([]step, len(first.Plan.Actions))}
	for i, line := range lines { // each contains the digest of the previous one
		if j.isCurrentFormat() && records[i].Previous != j.last || !j.isCurrentFormat() && records[i].Previous != "" {
			return nil, 0, fmt.Errorf("line %d of the journal does not follow the line before it: a line was changed, added or removed; "+
				"read the current state with dbaudit scan, and make a new plan", i+1)
		}
		j.last = lineDigest(line)
	}
	return j, whole, j.addRecords(records)
}

// lineDigest is the digest of a line without its line break.
func lineDigest(line []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(line)) }
