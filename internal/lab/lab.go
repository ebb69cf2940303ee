// Package lab judges simulated environments in the process. Its tests change an environment and compare the
// verdict with that of an oracle, which reads the environment directly. Only tests import the package.
package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

// A Lab serves one scenario at a time, reads it over HTTPS and judges it.
type Lab struct {
	Server    *simulator.Server
	Client    *dataverse.Client
	Engine    *engine.Engine
	Profile   profile.Profile
	Compliant Scenario // each control passes
}

// New returns a lab that serves the compliant environment.
func New(tb testing.TB) *Lab {
	tb.Helper()
	return NewWithOptions(tb, simulator.Options{})
}

// NewWithOptions is New with options of the simulator, such as faults.
func NewWithOptions(tb testing.TB, o simulator.Options) *Lab {
	tb.Helper()
	env, err := simulator.Builtin("compliant")
	if err != nil {
		tb.Fatal(err)
	}
	server, err := simulator.Start(tb.Context(), env, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = server.Close() })
	l := &Lab{Server: server}
	if l.Client, err = dataverse.New(ClientOptions(tb, server, env.Suggest.Auditor)); err != nil {
		tb.Fatal(err)
	}
	if l.Engine, err = engine.Load(policy.Files); err != nil {
		tb.Fatal(err)
	}
	if l.Profile, _, err = profile.BuiltinNamed(policy.Files, "demandbase"); err != nil {
		tb.Fatal(err)
	}
	l.Compliant = Scenario{server.Environment(), suggestedRequirement(server.Environment(), l.Profile.Name)}
	return l
}

// Serve serves a scenario. It adds to the scenario the ids that it omits.
func (l *Lab) Serve(tb testing.TB, sc *Scenario) {
	tb.Helper()
	if err := l.Server.Mutate(func(env *simulator.Environment) { *env = *sc.Environment.Clone() }); err != nil {
		tb.Fatalf("the simulator refuses the scenario: %v", err)
	}
	sc.Environment = l.Server.Environment()
}

// Judge serves a scenario, reads it and judges it.
func (l *Lab) Judge(tb testing.TB, sc Scenario) (audit.Result, *snapshot.Snapshot) {
	tb.Helper()
	l.Serve(tb, &sc)
	return l.JudgeServed(tb, sc.Requirement)
}

// JudgeServed reads the served environment and judges it.
func (l *Lab) JudgeServed(tb testing.TB, want snapshot.Requirement) (audit.Result, *snapshot.Snapshot) {
	tb.Helper()
	r, s, err := l.TryJudgeServed(tb.Context(), want)
	if err != nil {
		tb.Fatal(err)
	}
	return r, s
}

// TryJudgeServed is JudgeServed for an environment that may be unreadable.
func (l *Lab) TryJudgeServed(ctx context.Context, want snapshot.Requirement) (audit.Result, *snapshot.Snapshot, error) {
	all, err := collector.CollectAll(ctx, l.Client, []collector.Options{{
		Scope: snapshot.ScopeIntegration, Requirement: want, Pattern: l.Profile.Pattern, Privileges: l.Profile.Minimum(),
		Environment: snapshot.Environment{Name: "contoso", URL: l.Server.URL()},
		Tool:        snapshot.Tool{Name: "dbaudit", Version: "test"}, Now: Now, Strong: true,
	}})
	if err != nil {
		return audit.Result{}, nil, err
	}
	r, err := l.Engine.Evaluate(ctx, all[0], l.Profile, engine.Options{AsOf: Now()})
	return r, all[0], err
}

// Now returns the time at which the lab reads and judges.
func Now() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// deviations returns sorted lines about the controls of a result that did not pass: "ID OUTCOME", or for a
// control that failed one line for each finding. See findingLine.
func deviations(r audit.Result) []string {
	var lines []string
	for _, c := range r.Controls {
		if c.Outcome != audit.OutcomePass && c.Outcome != audit.OutcomeFail {
			lines = append(lines, fmt.Sprintf("%s %s", c.ID, c.Outcome))
		}
		for _, f := range c.Findings {
			fix := "none"
			if f.Fix != nil {
				fix = string(f.Fix.Kind)
			}
			lines = append(lines, findingLine(c.ID, f.Subject.Kind.String(), f.Subject.Name, fix, f.Evidence))
		}
	}
	slices.Sort(lines)
	return lines
}

// findingLine returns a line about a finding: its subject, evidence and kind of fix, without ids.
func findingLine(id audit.ControlID, kind, name, fix string, evidence map[string]any) string {
	shown := map[string]any{}
	for key, value := range evidence {
		if key == "granted_by" { // the tests of the policies check it
			continue
		}
		if list, ok := value.([]any); ok && (key == "views" || key == "users") { // ids
			value = fmt.Sprint(len(list))
		}
		shown[key] = value
	}
	data, err := json.Marshal(shown)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%s fail: %s %q %s, %s", id, kind, name, data, fix)
}
