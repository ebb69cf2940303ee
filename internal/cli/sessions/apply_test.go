package sessions_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// An applyProcess is a process with a simulated environment, its requirements, and an administrator
// as the identity that applies plans.
type applyProcess struct {
	*process

	server *simulator.Server
	faults atomic.Pointer[func(*http.Request) simulator.Fault]
}

func newApplyProcess(t *testing.T, change func(*simulator.Environment)) *applyProcess {
	t.Helper()
	return newApplyProcessWith(t, change, newProcess)
}

// newApplyProcessWith returns an applyProcess in a process that newProcess returns.
func newApplyProcessWith(t *testing.T, change func(*simulator.Environment), newProcess func(testing.TB, ...*simulator.Server) *process) *applyProcess {
	t.Helper()
	env := builtin(t, "compliant")
	change(env)
	b := &applyProcess{}
	b.server = serve(t, env, simulator.Options{Faults: func(r *http.Request) simulator.Fault {
		if f := b.faults.Load(); f != nil {
			return (*f)(r)
		}
		return simulator.Fault{}
	}})
	b.process = newProcess(t, b.server)
	admin := b.server.Environment().Suggest.Administrator
	b.applyAs(admin, b.server.Environment().Client(admin).Secret)
	b.vars["DBAUDIT_INTEGRATION_ROLE"] = "Demandbase Integration"
	return b
}

// applyAs sets the identity that applies plans.
func (p *process) applyAs(id, secret string) {
	p.vars["DBAUDIT_APPLY_CLIENT_ID"], p.vars["DBAUDIT_APPLY_CLIENT_SECRET"] = id, secret
}

// newPlannedProcess returns an applyProcess with a plan in plan.json.
func newPlannedProcess(t *testing.T, change func(*simulator.Environment)) *applyProcess {
	t.Helper()
	b := newApplyProcess(t, change)
	b.run("plan", "-o", "plan.json").must(t, 0)
	return b
}

func removeReadLead(env *simulator.Environment) {
	delete(env.Role("Demandbase Integration").Privileges, "prvReadLead")
}

// onWrite calls respond at the nth request that changes the environment.
func (b *applyProcess) onWrite(n int, respond func() simulator.Fault) {
	writes := 0
	fault := func(r *http.Request) simulator.Fault {
		if isWrite(r) {
			if writes++; writes == n {
				return respond()
			}
		}
		return simulator.Fault{}
	}
	b.faults.Store(&fault)
}

func TestApplyAndRollback(t *testing.T) {
	b := newApplyProcess(t, removeReadLead)
	start := b.state()
	shown := b.run("plan", "-o", "plan.json").must(t, 0)
	b.wantContains(shown.stdout, "+ Lead – Read (prvReadLead)")
	b.wantContains(shown.stdout, "1 change in 1 request: 1 to add")
	markdown := b.run("plan", "-f", "markdown", "-f", "json", "-o", "other.json").must(t, 0)
	b.wantContains(markdown.stdout, "# Plan for")

	refused := b.run("apply", "plan.json").must(t, 2)
	b.wantContains(refused.stderr, "--yes")
	b.run("apply", "plan.json", "--dry-run").must(t, 0)
	if b.state() != start {
		t.Fatal("something was changed before the confirmation")
	}
	b.wantNoFile("plan.journal.json")
	applied := b.run("apply", "plan.json", "--yes").must(t, 0)
	b.wantContains(applied.stderr, "fixed (1)\n  - DB-PRIV-LEAD")
	b.wantContains(applied.stdout, "COMPLIANT")
	b.wantContains(applied.stderr, "to apply, signing in")
	if strings.Contains(applied.stderr, "lacks") {
		t.Errorf("an administrator lacks nothing:\n%s", applied.stderr)
	}
	b.run("scan").must(t, 0)

	again := b.run("apply", "plan.json", "--yes").must(t, 3)
	b.wantContains(again.stderr, "plan.journal.json already exists: its plan was fully carried out; undo it with `dbaudit rollback plan.journal.json --url https://")
	moved := b.run("apply", "plan.json", "--yes", "--journal", "second.json").must(t, 3)
	b.wantContains(moved.stderr, "prvReadLead is global, not none")
	b.wantNoFile("second.json")
	b.run("apply", "--resume", "plan.journal.json", "--yes").must(t, 0)
	b.run("rollback", "plan.journal.json").must(t, 2)
	b.run("rollback", "plan.journal.json", "--yes").must(t, 0)
	if b.state() != start {
		t.Error("the rollback did not restore everything")
	}
	b.wantContains(b.run("rollback", "plan.journal.json", "--yes").must(t, 0).stderr, "nothing is left to undo")
	for _, out := range []outcome{shown, applied, again, moved} {
		b.wantNoSecret("the output", out.stderr+out.stdout)
	}
}

func TestPlanFromFiles(t *testing.T) {
	b := newApplyProcess(t, removeReadLead)
	b.run("scan", "--snapshot", "snapshot.json", "-f", "json", "-o", "result.json", "--as-of", "2026-03-01T00:00:00Z").must(t, 1)
	args := []string{"plan", "--result", "result.json", "--snapshot", "snapshot.json", "--as-of", "2026-03-01T00:00:00Z", "-f", "json"}
	first := b.run(args...).must(t, 0)
	b.vars = map[string]string{} // offline
	if second := b.run(args...).must(t, 0); second.stdout != first.stdout {
		t.Error("the same files gave another plan")
	}
	b.run("plan", "--result", "result.json").must(t, 2)
	b.run("plan", "--snapshot", "snapshot.json").must(t, 2)
	b.wantContains(b.run(append(args, "--only", "DB-NO-SUCH")...).must(t, 2).stderr, "DB-NO-SUCH")
	b.run(append(args, "--max-changes", "1", "--except", "DB-PRIV-LEAD")...).must(t, 0)
}

func TestApplyRefusesPlan(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	data := b.read("plan.json")
	b.write("edited.json", strings.ReplaceAll(data, "prvReadLead", "prvReadUser"))
	b.wantContains(b.run("apply", "edited.json", "--yes").must(t, 3).stderr, "edited: it does not match")
	b.write("cut.json", data[:200])
	b.run("apply", "cut.json", "--yes").must(t, 3)
	b.run("apply", "nowhere.json", "--yes").must(t, 3)
	b.run("apply").must(t, 2)
	b.run("apply", "plan.json", "--resume", "plan.journal.json").must(t, 2)

	later := b.env.Now
	b.env.Now = func() time.Time { return time.Now().Add(73 * time.Hour) }
	b.wantContains(b.run("apply", "plan.json", "--yes").must(t, 3).stderr, "make a new one")
	b.env.Now = later

	elsewhere := serve(t, builtin(t, "sample"), simulator.Options{})
	b.wantContains(b.run("apply", "plan.json", "--yes", "--url", elsewhere.URL()).must(t, 2).stderr, "they must be the same")
	b.vars["DBAUDIT_URL"] = ""
	b.wantContains(b.run("apply", "plan.json", "--yes").must(t, 2).stderr, "no environment is named")
}

func TestApplyConnectionLost(t *testing.T) {
	b := newApplyProcess(t, func(env *simulator.Environment) {
		removeReadLead(env)
		env.Role("Demandbase Integration").Privileges["prvReadAccount"] = simulator.DepthLocal
	})
	start := b.state()
	b.run("plan", "-o", "plan.json").must(t, 0)
	writes := 0
	cut := func(r *http.Request) simulator.Fault {
		if isWrite(r) {
			writes++
		}
		if writes < 2 {
			return simulator.Fault{}
		}
		return simulator.Fault{Kind: simulator.FaultResetBefore}
	}
	b.faults.Store(&cut)
	out := b.run("apply", "plan.json", "--yes").must(t, 5)
	b.wantContains(out.stderr, "actions done: 1 of 2; continue with `dbaudit apply --resume plan.journal.json --url https://")
	b.faults.Store(nil)
	b.run("rollback", "plan.journal.json", "--yes").must(t, 0)
	if b.state() != start {
		t.Error("the rollback did not restore everything")
	}
	b.faults.Store(&cut)
	writes = 0
	b.run("apply", "plan.json", "--yes", "--journal", "second.json").must(t, 5)
	b.faults.Store(nil)
	b.run("apply", "--resume", "second.json", "--yes").must(t, 0)
	b.run("scan").must(t, 0)
}

func TestApplyInterrupted(t *testing.T) {
	b := newPlannedProcess(t, func(env *simulator.Environment) {
		removeReadLead(env)
		env.Role("Demandbase Integration").Privileges["prvReadAccount"] = simulator.DepthLocal
	})
	ctx, stop := context.WithCancel(t.Context())
	b.onWrite(2, func() simulator.Fault {
		stop()
		return simulator.Fault{}
	})
	out := b.runUntil(ctx, "apply", "plan.json", "--yes").must(t, 130)
	b.wantContains(out.stderr, "actions done: 1 of 2; continue with `dbaudit apply --resume plan.journal.json --url https://")
	b.run("apply", "--resume", "plan.journal.json", "--yes").must(t, 0)
	b.run("scan").must(t, 0)
}

func TestApplyMissingPrivileges(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	delete(b.vars, "DBAUDIT_APPLY_CLIENT_ID")
	delete(b.vars, "DBAUDIT_APPLY_CLIENT_SECRET")
	start := b.state()
	b.wantContains(b.run("apply", "plan.json", "--yes").must(t, 3).stderr, "prvWriteRole")
	b.wantContains(b.run("apply", "plan.json", "--dry-run").must(t, 3).stderr, "lacks prvReadLead (global), prvWriteRole (local)")
	if b.state() != start {
		t.Error("the auditor changed something")
	}
}

// TestApplyIdentityInConfiguration names the identity that applies in the configuration.
func TestApplyIdentityInConfiguration(t *testing.T) {
	b := newApplyProcess(t, removeReadLead)
	admin := b.vars["DBAUDIT_APPLY_CLIENT_ID"]
	delete(b.vars, "DBAUDIT_APPLY_CLIENT_ID")
	vars := []string{
		"environments:", "  test:", "    url: " + b.server.URL(),
		"    integration: {app_id: " + b.vars["DBAUDIT_INTEGRATION_APP_ID"] + ", role: Demandbase Integration}",
		"  other:", "    url: https://other.crm.dynamics.com",
		"apply: {client_id: " + admin + "}",
	}
	b.write("dbaudit.yaml", strings.Join(vars, "\n")+"\n")
	delete(b.vars, "DBAUDIT_URL")
	b.run("plan", "--env", "test", "-o", "plan.json").must(t, 0)
	// Without --env, apply takes the environment with the plan's address.
	b.run("apply", "plan.json", "--yes").must(t, 0)
}

func TestConfirmation(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	b.env.StdinIsTerminal, b.env.StderrIsTerminal = true, true
	for _, typed := range []string{"", "yes\n", "\n"} {
		b.env.Stdin = strings.NewReader(typed)
		b.wantContains(b.run("apply", "plan.json").must(t, 130).stderr, "cancelled: nothing was changed")
	}
	b.env.Stdin = strings.NewReader("yes\n" + b.plan("plan.json").Environment.Name + "\n") // asked again, once
	b.run("apply", "plan.json").must(t, 0)
}

// readerFunc is a reader that calls a function.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestLateConfirmation checks that a plan is not applied if it expired before it was confirmed.
func TestLateConfirmation(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	b.env.StdinIsTerminal, b.env.StderrIsTerminal = true, true
	now, name, start := b.env.Now, b.plan("plan.json").Environment.Name, b.state()
	var late atomic.Int64
	b.env.Now = func() time.Time { return now().Add(time.Duration(late.Load())) }
	for _, args := range [][]string{{"apply", "plan.json"}, {"scan", "--remediate"}} {
		late.Store(0)
		answer := strings.NewReader(name + "\n")
		b.env.Stdin = readerFunc(func(p []byte) (int, error) {
			late.Store(int64(73 * time.Hour))
			return answer.Read(p)
		})
		b.wantContains(b.run(args...).must(t, 3).stderr, "before it was confirmed: make a new one; nothing was changed")
	}
	if b.state() != start {
		t.Error("an expired plan was applied")
	}
}

// TestRemediateFilteredGrant checks that one flag is enough to replace a grant for some records only.
func TestRemediateFilteredGrant(t *testing.T) {
	b := newApplyProcess(t, func(env *simulator.Environment) {
		env.Role("Demandbase Integration").RecordFilters = []string{"prvReadLead"}
	})
	b.run("scan", "--remediate", "--yes", "--journal", "journal.json", "--replace-filtered").must(t, 0)
	b.wantContains(b.run("rollback", "journal.json", "--yes").must(t, 5).stderr, "a record filter granted prvReadLead for some records only")
}

func TestRemediate(t *testing.T) {
	b := newApplyProcess(t, func(env *simulator.Environment) {
		removeReadLead(env)
		env.Role("Demandbase Integration").Privileges["prvBulkDelete"] = simulator.DepthGlobal
	})
	start := b.state()
	b.run("scan", "--remediate").must(t, 2)
	b.wantContains(b.run("scan", "--least-privilege").must(t, 2).stderr, "--least-privilege: this needs --remediate")
	if b.state() != start {
		t.Fatal("something was changed before the confirmation")
	}
	out := b.run("scan", "--remediate", "--yes", "--journal", "first.json", "-f", "json", "-o", "result.json").must(t, 1)
	b.wantContains(out.stderr, "remaining (1)\n  = DB-ROLE-LEAST-PRIVILEGE")
	if out.stdout != "" {
		t.Errorf("standard output is not the document's: %s", out.stdout)
	}
	b.wantContains(out.stderr, "skipped (needs --least-privilege)")
	b.run("scan", "--remediate", "--yes", "--journal", "second.json", "--least-privilege").must(t, 0)
	b.run("scan", "--remediate", "--yes").must(t, 0)
	b.run("rollback", "second.json", "--yes").must(t, 0)
	b.run("rollback", "first.json", "--yes").must(t, 0)
	if b.state() != start {
		t.Error("the rollbacks did not restore everything")
	}
}
