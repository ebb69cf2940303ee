package webapi_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	simulated "github.com/dbaudit/dbaudit/internal/lab"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

const (
	app      = "5f0c1b52-8f1a-4c62-9c5e-7b8a1d2e3f40"
	roleName = "Demandbase Integration"
)

func now() time.Time { return simulated.Now() }

func noSleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// A lab scans, plans and applies against the simulator, over real HTTPS. Its server serves one
// environment after the other.
type lab struct {
	*simulated.Lab

	admin       *dataverse.Writer
	requirement snapshot.Requirement
	journal     *apply.Journal // of the last run
	faults      atomic.Pointer[func(*http.Request) simulator.Fault]
}

func newLab(t *testing.T, o simulator.Options) *lab {
	t.Helper()
	l := &lab{}
	if o.Now == nil {
		o.Now = now // the journal's clock
	}
	o.Faults = func(r *http.Request) simulator.Fault {
		if f := l.faults.Load(); f != nil {
			return (*f)(r)
		}
		return simulator.Fault{}
	}
	l.Lab = simulated.NewWithOptions(t, o)
	l.requirement = l.Compliant.Requirement
	options := simulated.ClientOptions(t, l.Server, l.Compliant.Suggest.Administrator)
	options.Now = now
	var err error
	if l.admin, err = dataverse.NewWriter(options); err != nil {
		t.Fatal(err)
	}
	return l
}

// withFaults calls do while the server has faults.
func (l *lab) withFaults(ctx context.Context, fault func(*http.Request) simulator.Fault, do func(context.Context) error) error {
	l.faults.Store(&fault)
	defer l.faults.Store(nil)
	return do(ctx)
}

// reset serves the compliant environment with a change.
func (l *lab) reset(t *testing.T, change func(*simulator.Environment)) {
	t.Helper()
	l.faults.Store(nil)
	l.mutate(t, func(env *simulator.Environment) {
		*env = *l.Compliant.Environment.Clone()
		if change != nil {
			change(env)
		}
	})
}

func (l *lab) mutate(t *testing.T, change func(*simulator.Environment)) {
	t.Helper()
	if err := l.Server.Mutate(change); err != nil {
		t.Fatalf("the simulator refuses the environment: %v", err)
	}
}

func (l *lab) scan(t *testing.T) (audit.Result, *snapshot.Snapshot) {
	t.Helper()
	return l.JudgeServed(t, l.requirement)
}

// plan scans and makes a plan with all options.
func (l *lab) plan(t *testing.T) plan.Plan {
	t.Helper()
	r, s := l.scan(t)
	return l.planFor(t, r, s)
}

func (l *lab) planFor(t *testing.T, r audit.Result, s *snapshot.Snapshot) plan.Plan {
	t.Helper()
	p, err := plan.Build(r, s, plan.Options{
		Tool: audit.Tool{Name: "dbaudit", Version: "test"}, MadeAt: now(), LeastPrivilege: true, UnassignAdministrator: true,
		Minimum: l.Profile.Minimum(),
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if p, err = plan.Decode(data); err != nil {
		t.Fatalf("a new plan is refused: %v", err)
	}
	if err := p.CheckLimits(plan.Limits{Minimum: l.Profile.Minimum()}); err != nil {
		t.Fatal(err)
	}
	return p
}

// state returns the state of the environment.
func (l *lab) state(t *testing.T) string {
	t.Helper()
	data, err := l.Server.CanonicalState()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// stateWithoutIDs returns the state without the ids of created rows, which differ between runs.
func (l *lab) stateWithoutIDs(t *testing.T) string {
	t.Helper()
	env := l.Server.Environment()
	if r := env.Role(roleName); r != nil {
		r.ID = ""
	}
	if u := env.ApplicationUser(app); u != nil {
		u.ID = ""
	}
	byName := func(a, b simulator.RoleAssignment) int { return strings.Compare(a.Role, b.Role) }
	slices.SortFunc(env.Roles, func(a, b simulator.Role) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(env.ApplicationUsers, func(a, b simulator.User) int { return strings.Compare(a.Name, b.Name) })
	for i := range env.ApplicationUsers {
		slices.SortFunc(env.ApplicationUsers[i].Roles, byName)
	}
	for i := range env.PersonalViews {
		slices.SortFunc(env.PersonalViews[i].Shares, func(a, b simulator.Share) int { return strings.Compare(a.Principal, b.Principal) })
	}
	data, err := simulator.Marshal(env)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// checkEqual compares two states, and shows the first line that differs.
func checkEqual(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			t.Fatalf("%s: line %d:\n got  %s\n want %s", what, i+1, strings.Join(a[i:min(i+6, len(a))], "\n      "), strings.Join(b[min(i, len(b)):min(i+6, len(b))], "\n      "))
		}
	}
	t.Fatalf("%s: lines are missing: %s", what, strings.Join(b[len(a):], "\n"))
}

func (l *lab) runner(j *apply.Journal) *apply.Runner {
	return &apply.Runner{Mutator: webapi.New(l.admin), Journal: j, Sleep: noSleep}
}

func (l *lab) start(t *testing.T, p plan.Plan) (*apply.Runner, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan.journal.json")
	j, err := apply.CreateJournal(file, p, audit.Tool{Name: "dbaudit"}, now)
	if err != nil {
		t.Fatal(err)
	}
	l.setJournal(t, j)
	return l.runner(j), file
}

// reopen closes the journal and opens it again, as another process does.
func (l *lab) reopen(t *testing.T, file string) *apply.Runner {
	t.Helper()
	if err := l.journal.Close(); err != nil {
		t.Fatal(err)
	}
	j, err := apply.OpenJournal(file, now)
	if err != nil {
		t.Fatal(err)
	}
	l.setJournal(t, j)
	return l.runner(j)
}

func (l *lab) setJournal(t *testing.T, j *apply.Journal) {
	t.Helper()
	l.journal = j
	t.Cleanup(func() { _ = j.Close() })
}

func (l *lab) apply(t *testing.T, p plan.Plan) (*apply.Runner, string) {
	t.Helper()
	r, file := l.start(t, p)
	if err := r.Apply(t.Context()); err != nil {
		t.Fatalf("applying: %v", err)
	}
	return r, file
}

// requireUnit requires another business unit until the test ends.
func (l *lab) requireUnit(t *testing.T, unit string) {
	previous := l.requirement.BusinessUnit
	l.requirement.BusinessUnit = unit
	t.Cleanup(func() { l.requirement.BusinessUnit = previous })
}

// checkKept rolls back, and checks how many changes are kept, and for which reason.
func checkKept(t *testing.T, r *apply.Runner, changes int, reason string) {
	t.Helper()
	err := r.Rollback(t.Context())
	if kept, ok := errors.AsType[*apply.KeptError](err); !ok || len(kept.Kept) != changes || !strings.Contains(err.Error(), reason) {
		t.Errorf("kept: %v, want %d for %q", err, changes, reason)
	}
}

// checkDrift checks that an action of a kind failed because the environment changed.
func checkDrift(t *testing.T, err error, kind audit.FixKind, reason string) {
	t.Helper()
	if changed, ok := errors.AsType[*apply.DriftError](err); !ok || changed.Action.Kind != kind || !strings.Contains(err.Error(), reason) {
		t.Errorf("got %v, want drift of %s: %s", err, kind, reason)
	}
}

func actionKinds(p plan.Plan) []string {
	var list []string
	for _, a := range p.Actions {
		list = append(list, string(a.Kind))
	}
	return list
}

// fixableFindings returns the findings that a plan can fix.
func fixableFindings(r audit.Result) []string {
	var list []string
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			if f.Fix != nil && change.Automatic(f.Fix.Kind) {
				list = append(list, string(c.ID)+": "+f.Message)
			}
		}
	}
	return list
}

func isWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/data/")
}
