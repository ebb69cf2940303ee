package webapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A scenario is the journal of a real run, with the environments before and after it.
type scenario struct {
	name         string
	start, after *simulator.Environment
	now          *simulator.Environment // the environment at the start of the rollback
	startState   string
	records      []apply.Record
}

// scenarios returns the journals of runs that were completed, interrupted, or rolled back in part.
func (l *lab) scenarios(t *testing.T) []scenario {
	t.Helper()
	const never = 1000
	var list []scenario
	for _, tt := range []struct {
		name   string
		change func(*simulator.Environment)
		cut    int
		back   bool
	}{
		{"from nothing", removeRoleAndUser, never, false},
		{"everything", breakAll, never, false},
		{"a role", removeRole, never, false},
		{"a user", removeUser, never, false},
		{"a user who is disabled", func(env *simulator.Environment) { env.ApplicationUser(app).Disabled = true }, never, false},
		{"from nothing, interrupted", removeRoleAndUser, 4, false},
		{"everything, interrupted", breakAll, 5, false},
		{"everything, rolled back in part", breakAll, never, true},
	} {
		l.reset(t, tt.change)
		s := scenario{name: tt.name, start: l.Server.Environment(), startState: l.state(t)}
		r, file := l.start(t, l.plan(t))
		if err := l.withFaults(t.Context(), failFrom(tt.cut, simulator.FaultResetAfter), r.Apply); (err != nil) != (tt.cut < never) {
			t.Fatal(err)
		}
		s.after = l.Server.Environment()
		if tt.back {
			if err := l.withFaults(t.Context(), failFrom(4, simulator.FaultResetBefore), r.Rollback); err == nil {
				t.Fatal("the rollback does not report the fault")
			}
		}
		s.now = l.Server.Environment()
		if err := r.Journal.Close(); err != nil {
			t.Fatal(err)
		}
		s.records = readRecords(t, file)
		list = append(list, s)
	}
	return list
}

func readRecords(t *testing.T, file string) []apply.Record {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := apply.ParseJournal(data)
	if err != nil {
		t.Fatal(err)
	}
	return j.Records
}

// allIDs returns the ids of all roles with their copies, users, business units and teams.
func (l *lab) allIDs(t *testing.T) []string {
	t.Helper()
	var ids []string
	for set, column := range map[string]string{"roles": "roleid", "systemusers": "systemuserid", "businessunits": "businessunitid", "teams": "teamid"} {
		for data, err := range l.admin.Rows(t.Context(), dataverse.Collection(set).Select(column).Request("ids")) {
			var row map[string]any
			if err != nil || json.Unmarshal(data, &row) != nil {
				t.Fatal(err)
			}
			ids = append(ids, row[column].(string))
		}
	}
	slices.Sort(ids)
	return ids
}

// An editor makes random edits of journals.
type editor struct {
	*rand.Rand

	ids       []string
	scenarios []scenario
}

func pick[T any](e *editor, from []T) T { return from[e.IntN(len(from))] }

// edit makes one edit, and describes it. It may change records.
func (e *editor) edit(records []apply.Record) ([]apply.Record, string) {
	if len(records) < 2 {
		return records, "none"
	}
	k := 1 + e.IntN(len(records)-1)
	switch e.IntN(10) {
	case 0:
		return slices.Delete(records, k, k+1), fmt.Sprintf("without line %d", k+1)
	case 1:
		return slices.Insert(records, k, records[k]), fmt.Sprintf("line %d twice", k+1)
	case 2:
		other := 1 + e.IntN(len(records)-1)
		records[k], records[other] = records[other], records[k]
		return records, fmt.Sprintf("lines %d and %d swapped", k+1, other+1)
	case 3:
		return records[:k], fmt.Sprintf("cut after line %d", k)
	case 4:
		other := pick(e, pick(e, e.scenarios).records[1:])
		return slices.Insert(records, k, other), fmt.Sprintf("a %s of another journal as line %d", other.Event, k+1)
	case 5:
		forged := apply.Record{At: records[k].At, Action: pick(e, records).Action}
		forged.Event = pick(e, []apply.Event{apply.EventFailed, apply.EventUndo, apply.EventUndone, apply.EventKept, apply.EventDone, apply.EventRolledBack, apply.EventApplied})
		forged.Unsent = forged.Event == apply.EventFailed
		if forged.Unsent && e.IntN(2) == 0 {
			value := func() string { return pick(e, []string{change.None, "basic", "deep", "global", "read, write"}) }
			forged.Unsent, forged.After = false, change.State{pick(e, []string{"prvReadAccount", "prvReadLead", "access"}): value()}
			if e.IntN(2) == 0 {
				name := pick(e, []string{"prvReadQueue", "prvDeleteContact"})
				forged.Before, forged.After = change.State{name: value()}, change.State{name: value()}
			}
		}
		if forged.Event == apply.EventRolledBack || forged.Event == apply.EventApplied {
			forged.Action = ""
		}
		at := pick(e, []int{k, len(records)})
		return slices.Insert(records, at, forged), fmt.Sprintf("a %s of action %q as line %d", forged.Event, forged.Action, at+1)
	case 6:
		return e.editPlan(records)
	}
	return records, fmt.Sprintf("line %d: %s", k+1, e.editField(&records[k]))
}

// editField edits one field of a record.
func (e *editor) editField(r *apply.Record) string {
	id := pick(e, e.ids)
	switch e.IntN(9) {
	case 0, 1:
		r.Made = id
		return "made " + id
	case 2:
		r.By = id
		return "by " + id
	case 3:
		r.At = r.At.Add(pick(e, []time.Duration{-8760 * time.Hour, -time.Hour, time.Hour, 8760 * time.Hour}))
		return "another time"
	case 4:
		r.Unsent = !r.Unsent
		return "unsent"
	case 5:
		r.Action = fmt.Sprint(1 + e.IntN(10))
		return "action " + r.Action
	case 6:
		r.IDs = map[string]string{pick(e, []string{change.SlotRole, change.SlotUser, change.SlotCopy}): id}
		return "other ids"
	case 7:
		before := change.State{}
		for name, value := range r.Before {
			before[name] = value
		}
		name := pick(e, append([]string{"prvReadAccount", "role", "user", "assigned", "access"}, change.RestoredPrivileges()...))
		before[name] = pick(e, []string{change.None, "global", "local", change.Absent, change.Present, change.Disabled, change.Yes, change.No, "read", "read, write"})
		r.Before = before
		return "before: " + name + " is " + before[name]
	}
	r.Event = pick(e, []apply.Event{apply.EventBegin, apply.EventDone, apply.EventFailed, apply.EventUndo, apply.EventUndone, apply.EventKept})
	return "event " + string(r.Event)
}

// editPlan replaces the plan by another scenario's, or one of its ids. It recomputes the digest.
func (e *editor) editPlan(records []apply.Record) ([]apply.Record, string) {
	if e.IntN(3) == 0 {
		other := pick(e, e.scenarios)
		records[0].Plan = other.records[0].Plan
		return records, "the plan of " + other.name
	}
	text, err := json.Marshal(records[0].Plan)
	if err != nil {
		return records, err.Error()
	}
	old, id := pick(e, e.ids), pick(e, e.ids)
	for range 50 { // until the plan contains it
		if bytes.Contains(text, []byte(old)) {
			break
		}
		old = pick(e, e.ids)
	}
	var p plan.Plan
	if json.Unmarshal(bytes.ReplaceAll(text, []byte(old), []byte(id)), &p) != nil || p.Seal() != nil {
		return records, "none"
	}
	records[0].Plan = &p
	return records, fmt.Sprintf("the plan has %s for %s", id, old)
}

// encode returns the records as lines. If chained is set, it recomputes the digests.
func encode(t *testing.T, records []apply.Record, chained bool) []byte {
	t.Helper()
	var text []byte
	previous := records[0].Plan.Digest
	for _, r := range records {
		if chained {
			r.Previous = previous
		}
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(line)
		previous = "sha256:" + hex.EncodeToString(sum[:])
		text = append(append(text, line...), '\n')
	}
	return text
}

// TestEditedJournals makes random edits of journals. An edited journal is refused, or its rollback
// is safe: what the run changed is as before the run or as after it, all else is unchanged, and
// the rollback succeeds only if everything is as before.
func TestEditedJournals(t *testing.T) {
	t.Parallel()
	const edits = 2100
	l := newLab(t, simulator.Options{})
	e := &editor{rand.New(rand.NewPCG(1, 2)), nil, l.scenarios(t)} //nolint:gosec // a reproducible sequence
	l.reset(t, nil)
	e.ids = l.allIDs(t)
	refused, undone, kept := 0, 0, 0
	for n := range edits {
		s := e.scenarios[n%len(e.scenarios)]
		records := slices.Clone(s.records)
		var what []string
		for range 1 + e.IntN(2) {
			var one string
			records, one = e.edit(records)
			what = append(what, one)
		}
		data := encode(t, records, n%5 != 0)
		if _, _, err := apply.ParseJournal(data); err != nil {
			refused++
			continue
		}
		label := fmt.Sprintf("edit %d of %q: %s", n, s.name, strings.Join(what, "; "))
		if l.rollback(t, s, data, label) {
			undone++
		} else {
			kept++
		}
	}
	t.Logf("%d edits: %d refused, %d undone, %d undone in part", edits, refused, undone, kept)
	if refused == 0 || undone == 0 || kept == 0 {
		t.Error("the edits do not lead to all outcomes")
	}
}

// rollback rolls back an edited journal and checks the environment. It reports whether the rollback
// says that everything is as before.
func (l *lab) rollback(t *testing.T, s scenario, data []byte, label string) bool {
	t.Helper()
	l.mutate(t, func(env *simulator.Environment) { *env = *s.now.Clone() })
	file := filepath.Join(t.TempDir(), "edited.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := apply.OpenJournal(file, now)
	if err != nil {
		t.Fatalf("%s: %v", label, err)
	}
	err = l.runner(j).Rollback(t.Context())
	_ = j.Close()
	if err == nil {
		if l.state(t) != s.startState {
			checkEqual(t, label+": the rollback succeeded", l.state(t), s.startState)
		}
		return true
	}
	got := l.Server.Environment()
	if problem := s.restore(got); problem != "" {
		t.Fatalf("%s: %s (%v)", label, problem, err)
	}
	l.mutate(t, func(env *simulator.Environment) { *env = *got })
	if l.state(t) != s.startState {
		checkEqual(t, label+": something else was changed", l.state(t), s.startState)
	}
	return false
}

// restore sets what the run changed to its state before the run. It returns what is neither as
// before the run nor as after it, or an empty string.
func (s scenario) restore(got *simulator.Environment) string {
	role, before, after := got.Role(roleName), s.start.Role(roleName), s.after.Role(roleName)
	switch {
	case role == nil && before != nil:
		return "the role is gone"
	case role != nil && before == nil:
		if !sameGrants(role.Privileges, after.Privileges) {
			return "the new role was changed"
		}
		got.Roles = slices.DeleteFunc(got.Roles, func(r simulator.Role) bool { return r.ID == role.ID })
	case role != nil:
		for name, depth := range role.Privileges {
			if depth != before.Privileges[name] && depth != after.Privileges[name] {
				return fmt.Sprintf("%s is %v", name, depth)
			}
		}
		for name, depth := range before.Privileges {
			if after.Privileges[name] == depth && role.Privileges[name] != depth {
				return fmt.Sprintf("%s is %v", name, role.Privileges[name])
			}
		}
		role.Privileges = before.Privileges
	}
	if problem := s.restoreUser(got); problem != "" {
		return problem
	}
	return s.restoreShares(got)
}

func sameGrants(a, b simulator.Grants) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func (s scenario) restoreUser(got *simulator.Environment) string {
	user, before, after := got.ApplicationUser(app), s.start.ApplicationUser(app), s.after.ApplicationUser(app)
	switch {
	case user == nil && before != nil:
		return "the user is gone"
	case user != nil && before == nil:
		got.ApplicationUsers = slices.DeleteFunc(got.ApplicationUsers, func(u simulator.User) bool { return u.ID == user.ID })
	case user != nil:
		if user.Disabled != before.Disabled && user.Disabled != after.Disabled {
			return "the user was disabled"
		}
		for _, a := range user.Roles {
			if !slices.Contains(before.Roles, a) && !slices.Contains(after.Roles, a) {
				return fmt.Sprintf("the user has %v", a)
			}
		}
		for _, a := range before.Roles {
			if slices.Contains(after.Roles, a) && !slices.Contains(user.Roles, a) {
				return fmt.Sprintf("the user lost %v", a)
			}
		}
		user.Disabled, user.Roles = before.Disabled, before.Roles
	}
	return ""
}

func (s scenario) restoreShares(got *simulator.Environment) string {
	for i := range got.PersonalViews {
		v := &got.PersonalViews[i]
		before, after := s.start.PersonalView(v.Table, v.Name), s.after.PersonalView(v.Table, v.Name)
		rights := map[string][3]simulator.Rights{}
		for at, list := range [][]simulator.Share{v.Shares, before.Shares, after.Shares} {
			for _, share := range list {
				of := rights[share.Principal]
				of[at] = share.Access
				rights[share.Principal] = of
			}
		}
		for principal, of := range rights {
			if of[0]&^(of[1]|of[2]) != 0 || of[1]&of[2]&^of[0] != 0 {
				return fmt.Sprintf("the view %s is shared with %s for %v", v.Name, principal, of[0])
			}
		}
		v.Shares = before.Shares
	}
	return ""
}

// TestResumeEditedJournal: a resumed run does not change a row that the journal names as created if
// the plan did not create it.
func TestResumeEditedJournal(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	l.reset(t, removeRoleAndUser)
	p := l.plan(t)
	r, file := l.start(t, p)
	// Only the role is created.
	if err := l.withFaults(t.Context(), failFrom(2, simulator.FaultResetBefore), r.Apply); err == nil {
		t.Fatal("the run does not report the fault")
	}
	start := l.state(t)
	if err := r.Journal.Close(); err != nil {
		t.Fatal(err)
	}
	records := readRecords(t, file)
	environment := l.Server.Environment()
	for _, name := range []string{"System Administrator", "Salesperson"} {
		role := environment.Role(name)
		edited := slices.Clone(records)
		for i := range edited {
			if edited[i].Made != "" {
				edited[i].Made = role.ID
			}
		}
		if err := os.WriteFile(file, encode(t, edited, true), 0o600); err != nil {
			t.Fatal(err)
		}
		again := l.reopen(t, file)
		if err := again.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("has the name %q", name)) {
			t.Errorf("%s: %v", name, err)
		}
		checkEqual(t, "nothing was changed", l.state(t), start)
	}
}
