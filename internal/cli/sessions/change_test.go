package sessions_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestApplyValidatesBeforeChanging checks that apply reports wrong usage and outputs that cannot be
// written before the first change.
func TestApplyValidatesBeforeChanging(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	start := b.state()
	for _, tt := range []struct {
		code int
		args []string
	}{
		{2, []string{"--fail-on", "foo"}},
		{2, []string{"-f", "pdf"}},
		{2, []string{"-f", "json", "-f", "table"}},
		{2, []string{"--as-of", "today"}},
		{2, []string{"--waivers", "nope.yaml"}},
		{3, []string{"--baseline", "nope.json"}},
		{3, []string{"-f", "json", "-o", "nowhere/result.json"}},
		{3, []string{"-f", "json", "-o", b.dir}},
	} {
		for _, command := range [][]string{{"apply", "plan.json", "--yes"}, {"scan", "--remediate", "--yes", "--journal", "plan.journal.json"}} {
			b.run(append(command, tt.args...)...).must(t, tt.code)
			if b.state() != start {
				t.Fatalf("%v %v changed something", command, tt.args)
			}
		}
		b.wantNoFile("plan.journal.json")
	}
}

// TestApplyOutputFails checks that the exit code is 5 if a document cannot be written after a
// change.
func TestApplyOutputFails(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	if err := os.Mkdir("out", 0o700); err != nil {
		t.Fatal(err)
	}
	b.onWrite(1, func() simulator.Fault {
		_ = os.RemoveAll("out")
		return simulator.Fault{}
	})
	o := b.run("apply", "plan.json", "--yes", "-f", "json", "-o", "out/result.json").must(t, 5)
	b.wantContains(o.stderr, "the plan was applied, but could not be verified: writing")
}

// TestApplyStandardOutput checks that standard output contains only the document.
func TestApplyStandardOutput(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	o := b.run("apply", "plan.json", "--yes", "-f", "json").must(t, 0)
	if r := o.results(t)[0]; r.Verdict != audit.VerdictCompliant {
		t.Errorf("the result is %s", r.Verdict)
	}
	b.run("rollback", "plan.journal.json", "--yes").must(t, 0)
	quiet := b.run("apply", "plan.json", "--yes", "-q", "--journal", "second.json").must(t, 0)
	if !strings.HasPrefix(quiet.stdout, "✓ COMPLIANT") || strings.Contains(quiet.stderr, "gone") {
		t.Errorf("quiet: %.80s\n%s", quiet.stdout, quiet.stderr)
	}
}

// TestApplyEmptyPlan checks that apply judges and reports the environment even if the plan has no
// actions.
func TestApplyEmptyPlan(t *testing.T) {
	for code, change := range map[int]func(*simulator.Environment){
		0: func(*simulator.Environment) {},
		1: func(env *simulator.Environment) {
			removeReadLead(env)
			env.Role("Demandbase Integration").NotCustomizable = true
		},
		4: func(env *simulator.Environment) {
			env.Role("dbaudit Auditor").Privileges = simulator.Grants{"prvReadUserQuery": simulator.DepthBasic}
		},
	} {
		b := newApplyProcess(t, change)
		planned := b.run("plan", "-o", "plan.json").must(t, 0)
		if code == 0 {
			b.wantContains(planned.stdout, "Nothing to do: the environment meets the profile.")
		}
		o := b.run("apply", "plan.json", "--yes", "-f", "json", "-o", "result.json").must(t, code)
		if !json.Valid([]byte(b.read("result.json"))) || o.stdout != "" {
			t.Errorf("exit %d: standard output %q", code, o.stdout)
		}
		b.wantNoFile("plan.journal.json")
		b.run("apply", "plan.json", "--dry-run").must(t, 0)
	}
}

func TestApplyDigest(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	digest := b.plan("plan.json").Digest
	start := b.state()
	b.wantContains(b.run("apply", "plan.json", "--yes", "--digest", "9f86d08").must(t, 2).stderr, "want sha256:")
	other := "sha256:" + strings.Repeat("0", 64)
	b.wantContains(b.run("apply", "plan.json", "--yes", "--digest", other).must(t, 3).stderr, "its digest is "+digest+", not "+other)
	if b.state() != start {
		t.Error("another plan was applied")
	}
	b.run("apply", "plan.json", "--yes", "--digest", digest).must(t, 0)
	b.run("apply", "--resume", "plan.journal.json", "--yes", "--digest", other).must(t, 3)
}

// TestResumeLimits checks that --resume has the same conditions as the first run, except that a run
// that has begun does not expire.
func TestResumeLimits(t *testing.T) {
	b := newPlannedProcess(t, func(env *simulator.Environment) {
		removeReadLead(env)
		env.Role("Demandbase Integration").Privileges["prvReadAccount"] = simulator.DepthLocal
	})
	b.onWrite(2, func() simulator.Fault { return simulator.Fault{Kind: simulator.FaultStatus, Status: 403} })
	b.run("apply", "plan.json", "--yes").must(t, 5)
	b.faults.Store(nil)
	half := b.state()
	b.wantContains(b.run("apply", "--resume", "plan.journal.json", "--yes", "--max-changes", "1").must(t, 3).stderr, "more than the limit of 1")
	if b.state() != half {
		t.Error("the limits were passed over")
	}
	first, _, _ := strings.Cut(b.read("plan.journal.json"), "\n")
	b.write("unbegun.json", first+"\n")
	now := b.env.Now
	b.env.Now = func() time.Time { return time.Now().Add(73 * time.Hour) }
	b.wantContains(b.run("apply", "--resume", "unbegun.json", "--yes").must(t, 3).stderr, "nothing was begun, and the plan expired on")
	if b.state() != half {
		t.Error("an expired plan was begun")
	}
	b.env.Now = now
	listed := b.run("apply", "--resume", "plan.journal.json").must(t, 2).stderr
	b.wantContains(listed, "actions done: 1 of 2; left:\n  2. raise 1 privilege in the role \"Demandbase Integration\"\n        Account – Read (prvReadAccount): Business Unit → Organization\n")
	b.env.Now = func() time.Time { return time.Now().Add(73 * time.Hour) }
	b.wantContains(b.run("apply", "--resume", "plan.journal.json", "--yes").must(t, 0).stderr, "but a run that has begun may continue")
}

// TestVerificationInterrupted checks that the exit code is 130 if the verification is interrupted,
// and that the message says that the plan was applied.
func TestVerificationInterrupted(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	ctx, stop := context.WithCancel(t.Context())
	var written atomic.Bool
	interrupt := func(r *http.Request) simulator.Fault {
		if isWrite(r) {
			written.Store(true)
		}
		if written.Load() && strings.Contains(r.URL.Path, "/organizations") {
			stop()
		}
		return simulator.Fault{}
	}
	b.faults.Store(&interrupt)
	o := b.runUntil(ctx, "apply", "plan.json", "--yes").must(t, 130)
	b.wantContains(o.stderr, "the plan was applied, but its verification was interrupted: judge the environment with `dbaudit scan --url https://")
	b.faults.Store(nil)
	b.run("scan").must(t, 0)
}

// TestApplyFirstChangeRefused checks that a run whose first change is refused leaves no journal,
// which would block the next run, and says what the applying identity needs.
func TestApplyFirstChangeRefused(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	b.onWrite(1, func() simulator.Fault { return simulator.Fault{Kind: simulator.FaultStatus, Status: 403} })
	o := b.run("apply", "plan.json", "--yes").must(t, 3)
	b.wantContains(o.stderr, "dbaudit doctor --apply names the missing privileges")
	if strings.Contains(o.stderr, "auditor's") {
		t.Errorf("it is not the auditor who applies:\n%s", o.stderr)
	}
	b.wantNoFile("plan.journal.json")
	b.faults.Store(nil)

	b.vars["DBAUDIT_APPLY_CLIENT_SECRET"] = "wrong"
	b.wantContains(b.run("apply", "plan.json", "--yes").must(t, 3).stderr, "DBAUDIT_APPLY_CLIENT_SECRET must be")
	delete(b.vars, "DBAUDIT_APPLY_CLIENT_SECRET")
	b.wantContains(b.run("apply", "plan.json", "--yes").must(t, 2).stderr, "set DBAUDIT_APPLY_CLIENT_SECRET, or")
}

// TestConfirmationShowsPlan checks that the changes are shown before the question, even with
// --quiet.
func TestConfirmationShowsPlan(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	b.env.StdinIsTerminal, b.env.StderrIsTerminal = true, true
	declined := func(args ...string) string {
		b.env.Stdin = strings.NewReader("no\n")
		return b.run(append(args, "-q")...).must(t, 130).stderr
	}
	b.wantContains(declined("apply", "plan.json"), "+ Lead – Read (prvReadLead)")
	b.wantContains(declined("scan", "--remediate"), "+ Lead – Read (prvReadLead)")
	b.wantContains(declined("apply", "plan.json", "--log-format", "json"), "+ Lead – Read (prvReadLead)")
	b.run("apply", "plan.json", "--yes").must(t, 0)
	b.wantContains(declined("rollback", "plan.journal.json"), "actions done: 1 of 1; they will be undone, last first:\n  1. grant 1 privilege to the role \"Demandbase Integration\"\n        Lead – Read (prvReadLead): Organization → None\n")
}

// TestDryRunMessages checks that a dry run says of each action whether it was checked.
func TestDryRunMessages(t *testing.T) {
	b := newPlannedProcess(t, func(env *simulator.Environment) {
		env.Roles = slices.DeleteFunc(env.Roles, func(r simulator.Role) bool { return r.Name == "Demandbase Integration" })
		env.ApplicationUser(env.Suggest.ApplicationID).Roles = nil
	})
	o := b.run("apply", "plan.json", "--dry-run").must(t, 0)
	b.wantContains(o.stderr, "1 of 3 can be done: create the security role")
	b.wantContains(o.stderr, "2 of 3 not checked, as it depends on action 1: grant 44 privileges")
	if strings.Contains(o.stderr, "done 1") {
		t.Errorf("nothing was done:\n%s", o.stderr)
	}
}

// TestApplyReverted checks that the exit code is 5 if a change is reverted before the verification,
// and that the message names it.
func TestApplyReverted(t *testing.T) {
	b := newPlannedProcess(t, func(env *simulator.Environment) {
		removeReadLead(env)
		env.ApplicationUser(env.Suggest.ApplicationID).Disabled = true
	})
	b.onWrite(2, func() simulator.Fault {
		b.mutate(removeReadLead)
		return simulator.Fault{}
	})
	o := b.run("apply", "plan.json", "--yes", "-f", "json", "-o", "result.json").must(t, 5)
	b.wantContains(o.stderr, "action 1 (grant 1 privilege to the role \"Demandbase Integration\") was carried out, but did not persist: now prvReadLead is none")
	b.read("result.json")
}

// TestApplyNotJudged checks that a finding does not count as fixed if its control cannot be judged after the
// change.
func TestApplyNotJudged(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	b.onWrite(1, func() simulator.Fault {
		b.mutate(func(env *simulator.Environment) {
			for _, assigned := range env.ApplicationUser(env.Suggest.Auditor).Roles {
				delete(env.Role(assigned.Role).Privileges, "prvReadTeam")
			}
		})
		return simulator.Fault{}
	})
	o := b.run("apply", "plan.json", "--yes").must(t, 4)
	b.wantContains(o.stderr, "not judged (1)\n  ? DB-PRIV-LEAD: ")
	if strings.Contains(o.stderr, "fixed (") {
		t.Errorf("a finding counts as fixed: %s", o.stderr)
	}
}

// TestApplyJSONLog checks that with --log-format json, the plan is a record too.
func TestApplyJSONLog(t *testing.T) {
	b := newPlannedProcess(t, removeReadLead)
	o := b.run("apply", "plan.json", "--yes", "--log-format", "json").must(t, 0)
	shown, compared := false, false
	for line := range strings.Lines(o.stderr) {
		var record struct {
			Time, Level, Msg, Text string

			Gone []string
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Time == "" || record.Msg == "" {
			t.Errorf("no record: %v: %s", err, line)
		}
		shown = shown || strings.Contains(record.Text, "+ Lead – Read (prvReadLead)")
		compared = compared || len(record.Gone) == 1
	}
	if !shown || !compared {
		t.Errorf("the plan is shown: %v, the findings compared: %v\n%s", shown, compared, o.stderr)
	}
}

// TestDriftStopsBeforeFirstChange checks that apply notices a change of the last target before it
// changes the first.
func TestDriftStopsBeforeFirstChange(t *testing.T) {
	b := newPlannedProcess(t, func(env *simulator.Environment) {
		removeReadLead(env)
		env.ApplicationUser(env.Suggest.ApplicationID).Disabled = true
	})
	b.mutate(func(env *simulator.Environment) { env.ApplicationUser(env.Suggest.ApplicationID).Disabled = false })
	start := b.state()
	b.wantContains(b.run("apply", "plan.json", "--yes").must(t, 3).stderr, "user is enabled, not disabled; make a new plan")
	if b.state() != start {
		t.Error("something was changed")
	}
	b.wantNoFile("plan.journal.json")
}
