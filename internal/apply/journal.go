package apply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// Format names the form of a journal: JSON lines, the first of which holds the
// plan. Each line carries the digest of the line before it, the first the plan's.
const Format = "dbaudit.journal/v2"

// formerFormat is the form without digests. Such a journal is rolled back, and not
// gone on with.
const formerFormat = "dbaudit.journal/v1"

// An Event says what a record of the journal is about. The zero value is none.
type Event string

// The events.
const (
	// EventPlan opens a journal and holds the plan.
	EventPlan Event = "plan"
	// EventBegin stands before a change: what was there, and what it is sent to.
	EventBegin Event = "begin"
	// EventDone stands after a change that was read back.
	EventDone Event = "done"
	// EventFailed stands after a change that did not come about, or did not take.
	EventFailed Event = "failed"
	// EventApplied stands after the last change.
	EventApplied Event = "applied"
	// EventUndo stands before a change is undone.
	EventUndo Event = "undo"
	// EventUndone stands after it, read back.
	EventUndone Event = "undone"
	// EventKept stands where not all of a change was undone: somebody changed the
	// target since, or the environment refused.
	EventKept Event = "kept"
	// EventRolledBack stands after everything was undone.
	EventRolledBack Event = "rolled-back"
)

// A Record is one line of a journal.
type Record struct {
	Event Event     `json:"event"`
	At    time.Time `json:"at"`
	// Previous is the digest of the line before, in the first record the plan's. It
	// shows that lines are missing or were changed; it is no signature.
	Previous string `json:"previous,omitempty"`
	// Format, Tool and Plan are set in the first record.
	Format string      `json:"format,omitempty"`
	Tool   *audit.Tool `json:"tool,omitempty"`
	Plan   *plan.Plan  `json:"plan,omitempty"`
	// Action is the id of the action in the plan.
	Action string `json:"action,omitempty"`
	// By is the id of the user that makes the change, by which a row is known as ours.
	By string `json:"by,omitempty"`
	// Before is what was read just before the change: what the plan has, and what
	// the platform may change along with it.
	Before plan.State `json:"before,omitempty"`
	// Filtered are the privileges that were granted for some records only, which the
	// change replaced and nobody can bring back.
	Filtered []string `json:"filtered,omitempty"`
	// IDs fill the slots of the action's requests.
	IDs map[string]string `json:"ids,omitempty"`
	// Made is the id of the row that the change made.
	Made string `json:"made,omitempty"`
	// Unsent is set on a failure before or by which nothing can have changed.
	Unsent bool `json:"unsent,omitempty"`
	// Error says what failed, or why a change was kept.
	Error string `json:"error,omitempty"`
}

// A Journal is the record of one plan's application, written and synced before
// and after each change. What it says survives the end of the process at any
// point. One process at a time holds it, by a lock file beside it.
type Journal struct {
	Plan    plan.Plan
	Records []Record

	format string
	last   string // the digest of the last line

	file io.Writer
	sync func() error
	done func() error
	now  func() time.Time
}

// CreateJournal starts a journal in a file that must not be there yet.
func CreateJournal(name string, p plan.Plan, tool audit.Tool, now func() time.Time) (*Journal, error) {
	release, err := lock(name)
	if err != nil {
		return nil, err
	}
	if err := Vacant(name); err != nil {
		return nil, errors.Join(err, release())
	}
	_ = os.Remove(name) // what Vacant found is of no use; what cannot be removed is found below
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the journal: %w", err), release())
	}
	j := &Journal{Plan: p, format: Format, last: p.Digest, now: now}
	j.hold(file, release)
	err = j.append(Record{Event: EventPlan, Format: Format, Tool: &tool, Plan: &p})
	if err == nil {
		err = syncFolder(filepath.Dir(name))
	}
	if err != nil {
		return nil, errors.Join(err, j.Close(), os.Remove(name))
	}
	return j, nil
}

// Vacant refuses the name of a file that is there already, unless it is a journal
// whose first line was cut off: nothing was begun then.
func Vacant(name string) error {
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("starting the journal: %w", err)
	case info.Mode().IsRegular():
		if data, err := bounds.ReadFile(bounds.Journal, name); err == nil && stillborn(data) {
			return nil
		}
	}
	return fmt.Errorf("the journal %s already exists: %s", name, instead(name))
}

// instead says what to do about a journal that already exists, by how its run ended.
func instead(name string) string {
	data, err := bounds.ReadFile(bounds.Journal, name)
	if err != nil {
		return "name another by --journal"
	}
	j, _, err := ParseJournal(data)
	switch {
	case err != nil:
		return "it cannot be read as a journal; name another by --journal"
	case j.Undoing() && !j.Touched():
		return "its run was undone in full; to apply the plan again, name another by --journal"
	case j.Undoing():
		return fmt.Sprintf("its run was undone in part; undo the rest by `dbaudit rollback %s`", name)
	case len(j.Left()) == 0:
		return fmt.Sprintf("its plan was carried out in full; undo it by `dbaudit rollback %s`, or make a new plan", name)
	}
	return fmt.Sprintf("go on by `dbaudit apply --resume %[1]s`, undo by `dbaudit rollback %[1]s`, or name another by --journal", name)
}

// stillborn reports whether the data is the beginning of a journal's first line,
// which was not whole on the disk before the process ended.
func stillborn(data []byte) bool {
	const first = `{"event":"plan"`
	return !bytes.Contains(data, []byte("\n")) && bytes.HasPrefix(data, []byte(first)[:min(len(first), len(data))])
}

// OpenJournal reads a journal and goes on writing to it.
func OpenJournal(name string, now func() time.Time) (*Journal, error) {
	switch _, err := os.Stat(name); {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("there is no journal %s: dbaudit apply keeps it beside the plan, as PLAN.journal.json, once anything may have changed", name)
	case err != nil:
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	release, err := lock(name)
	if err != nil {
		return nil, err
	}
	// Read under the lock: what another process wrote until now is known.
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
	j.now = now
	j.hold(file, release)
	// A line that was cut off was never relied on: nothing is sent before its record
	// is whole on the disk.
	if err := file.Truncate(int64(whole)); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the journal: %w", err), j.Close())
	}
	return j, nil
}

func (j *Journal) hold(file *os.File, release func() error) {
	j.file, j.sync = file, file.Sync
	j.done = func() error { return errors.Join(file.Close(), release()) }
}

// ParseJournal reads a journal's lines, and refuses one that no run can have
// written. whole is how many bytes of the data are whole lines: the last one may
// be cut off where a process ended.
func ParseJournal(data []byte) (j *Journal, whole int, err error) {
	var other struct {
		Format string `json:"format"`
	}
	switch {
	case stillborn(data):
		return nil, 0, errors.New("the journal was cut off in its first line: nothing was begun, so apply the plan again")
	case json.Unmarshal(data, &other) == nil && other.Format == plan.Format:
		return nil, 0, errors.New("this is a plan and no journal: carry it out by dbaudit apply, which keeps a journal beside it")
	}
	whole = bytes.LastIndexByte(data, '\n') + 1
	lines := bytes.Split(bytes.TrimSuffix(data[:whole], []byte("\n")), []byte("\n"))
	j = &Journal{}
	for i, line := range lines {
		var r Record
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.DisallowUnknownFields()
		if err := errors.Join(strictjson.Unique(line), dec.Decode(&r)); err != nil {
			return nil, 0, fmt.Errorf("line %d of the journal is broken: %w", i+1, err)
		}
		if !slices.Contains(events(), r.Event) || (i == 0) != (r.Event == EventPlan) {
			return nil, 0, fmt.Errorf("line %d of the journal is out of place: %q", i+1, r.Event)
		}
		j.Records = append(j.Records, r)
	}
	first := j.Records[0]
	if first.Format != Format && first.Format != formerFormat || first.Plan == nil {
		return nil, 0, fmt.Errorf("this has the format %q, not %q: it is no journal that this dbaudit can go on with", first.Format, Format)
	}
	// Not by plan.Decode: what another dbaudit did must be undone, whatever its words.
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

// chained refuses a journal whose lines do not carry the digests of the lines before
// them.
func (j *Journal) chained(lines [][]byte) error {
	j.last = j.Plan.Digest
	for i, line := range lines {
		previous := j.last
		if j.format == formerFormat {
			previous = ""
		}
		if j.Records[i].Previous != previous {
			return fmt.Errorf("line %d of the journal does not follow the line before it: a line was changed, added or taken out; "+
				"read what is there by dbaudit scan, and make a new plan", i+1)
		}
		j.last = lineDigest(line)
	}
	return nil
}

// lineDigest is the digest of a line without its end.
func lineDigest(line []byte) string {
	sum := sha256.Sum256(line)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func events() []Event {
	return []Event{EventPlan, EventBegin, EventDone, EventFailed, EventApplied, EventUndo, EventUndone, EventKept, EventRolledBack}
}

// A writeError says that a journal could not be written, so that nothing more may be
// changed.
type writeError struct{ err error }

func (e *writeError) Error() string { return fmt.Sprintf("writing the journal: %v", e.err) }
func (e *writeError) Unwrap() error { return e.err }

// append writes a record and returns when it is on the disk.
func (j *Journal) append(r Record) error {
	r.At = j.now().UTC().Truncate(time.Millisecond)
	if j.format == Format {
		r.Previous = j.last
	}
	line, err := json.Marshal(r)
	if err != nil {
		return &writeError{err}
	}
	if _, err := j.file.Write(append(slices.Clone(line), '\n')); err != nil {
		return &writeError{err}
	}
	if err := j.sync(); err != nil {
		return &writeError{err}
	}
	j.Records, j.last = append(j.Records, r), lineDigest(line)
	return nil
}

// Close lets go of the journal.
func (j *Journal) Close() error {
	if j.done == nil {
		return nil
	}
	done := j.done
	j.done = nil
	return done()
}

// find is the last record of an event for an action.
func (j *Journal) find(e Event, action string) (Record, bool) {
	for _, r := range slices.Backward(j.Records) {
		if r.Event == e && r.Action == action {
			return r, true
		}
	}
	return Record{}, false
}

func (j *Journal) has(e Event, action string) bool {
	_, ok := j.find(e, action)
	return ok
}

// begun is the record of an action whose change may have been sent: one that is
// known to have changed nothing does not count.
func (j *Journal) begun(action string) (Record, bool) {
	var begun Record
	for _, r := range j.Records {
		switch {
		case r.Action != action:
		case r.Event == EventBegin:
			begun = r
		case r.Event == EventFailed && r.Unsent:
			begun = Record{}
		}
	}
	return begun, begun.Event == EventBegin
}

// Applied counts the actions that were done and not undone.
func (j *Journal) Applied() int {
	n := 0
	for _, a := range j.Plan.Actions {
		if j.has(EventDone, a.ID) && !j.has(EventUndone, a.ID) {
			n++
		}
	}
	return n
}

// Touched reports whether any change may have been sent that was not undone.
func (j *Journal) Touched() bool {
	return len(j.Undoable()) > 0
}

// Begun reports whether any action was begun.
func (j *Journal) Begun() bool {
	return slices.ContainsFunc(j.Records, func(r Record) bool { return r.Event == EventBegin })
}

// Left are the actions that are not done yet, in their order.
func (j *Journal) Left() []plan.Action {
	return slices.DeleteFunc(slices.Clone(j.Plan.Actions), func(a plan.Action) bool { return j.has(EventDone, a.ID) })
}

// Undoable are the actions that rollback has to undo, in its order: last first.
func (j *Journal) Undoable() []plan.Action {
	var list []plan.Action
	for _, a := range slices.Backward(j.Plan.Actions) {
		if _, begun := j.begun(a.ID); begun && !j.has(EventUndone, a.ID) {
			list = append(list, a)
		}
	}
	return list
}

// Resumable refuses to go on with a run that was rolled back.
func (j *Journal) Resumable() error {
	if j.format == formerFormat {
		return errors.New("the journal is of an older dbaudit, which is rolled back only: undo it by dbaudit rollback, or make a new plan")
	}
	if j.Undoing() {
		return errors.New("the journal is of a run that was rolled back: make a new plan")
	}
	return nil
}

// Undoing reports whether a rollback was begun.
func (j *Journal) Undoing() bool {
	return slices.ContainsFunc(j.Records, func(r Record) bool {
		return r.Event == EventUndo || r.Event == EventUndone || r.Event == EventKept || r.Event == EventRolledBack
	})
}

// syncFolder makes a new file's name last, where the system can do that.
func syncFolder(name string) error {
	folder, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("starting the journal: %w", err)
	}
	_ = folder.Sync() // Windows cannot, and need not
	return folder.Close()
}
