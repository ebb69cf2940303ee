// Package lab judges simulated environments in the process: what an environment is
// changed to, dbaudit must say of it. Its tests hold that against an oracle that reads
// the environment directly; only tests import it.
package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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

// A World is an environment and what is required of it: all that a verdict
// depends on.
type World struct {
	*simulator.Environment

	Want snapshot.Requirement
}

// Clone is a copy that shares nothing with the world.
func (w World) Clone() World {
	w.Environment = w.Environment.Clone()
	w.Want.Views = slices.Clone(w.Want.Views)
	w.Want.Allow = slices.Clone(w.Want.Allow)
	return w
}

// A Lab judges worlds in the process, over real HTTPS and with one sign-in.
type Lab struct {
	Server  *simulator.Server
	Client  *dataverse.Client
	Engine  *engine.Engine
	Profile profile.Profile
	// Pristine is the environment in which every control passes.
	Pristine World
}

// New serves the compliant environment.
func New(tb testing.TB) *Lab {
	tb.Helper()
	return NewWith(tb, simulator.Options{})
}

// NewWith serves it with faults on the way.
func NewWith(tb testing.TB, o simulator.Options) *Lab {
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
	if l.Client, err = dataverse.New(Connection(tb, server, env.Suggest.Auditor)); err != nil {
		tb.Fatal(err)
	}
	if l.Engine, err = engine.Load(tb.Context(), policy.Files); err != nil {
		tb.Fatal(err)
	}
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		tb.Fatal(err)
	}
	l.Profile = profiles[slices.IndexFunc(profiles, func(p profile.Profile) bool { return p.Name == "demandbase" })]
	l.Pristine = World{server.Environment(), requirement(server.Environment(), l.Profile.Name)}
	return l
}

// requirement is what the environment suggests to require of it.
func requirement(env *simulator.Environment, profile string) snapshot.Requirement {
	suggest := env.Suggest
	want := snapshot.Requirement{
		Profile: profile, ApplicationID: suggest.ApplicationID, Role: suggest.Role, BusinessUnit: suggest.BusinessUnit,
	}
	for _, v := range suggest.Views {
		want.Views = append(want.Views, snapshot.RequiredView{Table: v.Table, Name: v.Name, Owner: v.Owner})
	}
	return want
}

// Serve makes the served environment equal to a world, and the world complete: ids
// that were left out are there then.
func (l *Lab) Serve(tb testing.TB, w *World) {
	tb.Helper()
	if err := l.Server.Mutate(func(env *simulator.Environment) { *env = *w.Environment.Clone() }); err != nil {
		tb.Fatalf("the simulator refuses the world: %v", err)
	}
	w.Environment = l.Server.Environment()
}

// Judge makes the served environment equal to a world, reads it and judges it.
func (l *Lab) Judge(tb testing.TB, w World) (audit.Result, *snapshot.Snapshot) {
	tb.Helper()
	l.Serve(tb, &w)
	return l.Look(tb, w.Want)
}

// Look reads and judges the served environment.
func (l *Lab) Look(tb testing.TB, want snapshot.Requirement) (audit.Result, *snapshot.Snapshot) {
	tb.Helper()
	r, s, err := l.TryLook(tb.Context(), want)
	if err != nil {
		tb.Fatal(err)
	}
	return r, s
}

// TryLook reads and judges the served environment, which may not be readable.
func (l *Lab) TryLook(ctx context.Context, want snapshot.Requirement) (audit.Result, *snapshot.Snapshot, error) {
	all, err := collector.CollectAll(ctx, l.Client, []collector.Options{{
		Scope: snapshot.ScopeIntegration, Requirement: want, Pattern: l.Profile.Pattern, Privileges: l.Profile.Minimum(),
		Environment: snapshot.Environment{Name: "contoso", URL: l.Server.URL()},
		Tool:        snapshot.Tool{Name: "dbaudit", Version: "test"}, Now: Clock, Strong: true,
	}})
	if err != nil {
		return audit.Result{}, nil, err
	}
	r, err := l.Engine.Evaluate(ctx, all[0], l.Profile, engine.Options{AsOf: Clock()})
	return r, all[0], err
}

// Clock is when everything in the lab happens.
func Clock() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// deviations are a result's differences from one in which every control passes,
// a line each: "ID outcome" where the control did not fail, else one line for
// each of its findings with subject, evidence and kind of fix. Ids are left out.
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
			lines = append(lines, finding(c.ID, f.Subject.Kind.String(), f.Subject.Name, fix, f.Evidence))
		}
	}
	slices.Sort(lines)
	return lines
}

func finding(id audit.ControlID, kind, name, fix string, evidence map[string]any) string {
	shown := map[string]any{}
	for key, value := range evidence {
		if key == "granted_by" { // the policies' own tests hold it
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

// What the compliant environment calls its user, its role and its application, and the
// application's id.
const (
	integration = "Demandbase Integration"
	appID       = "5f0c1b52-8f1a-4c62-9c5e-7b8a1d2e3f40"
)

func (w *World) role(change func(*simulator.Role)) {
	if r := w.Role(w.Want.Role); r != nil {
		change(r)
	}
}

func (w *World) user(change func(*simulator.User)) {
	if u := w.ApplicationUser(integration); u != nil {
		change(u)
	}
}

// join makes the user a member of a team.
func (w *World) join(team string) {
	w.user(func(*simulator.User) { w.Team(team).Members = append(w.Team(team).Members, integration) })
}

// found makes a team of which the user is a member.
func (w *World) found(team string, roles ...simulator.RoleAssignment) {
	if w.Team(team) == nil {
		w.Teams = append(w.Teams, simulator.Team{Name: team, BusinessUnit: "Contoso", Roles: roles})
		w.join(team)
	}
}

// Rename gives everything that bears a name the same one, and makes faults by
// which each of them comes into a document.
func Rename(w *World, name string) {
	w.role(func(r *simulator.Role) {
		r.Name = name
		delete(r.Privileges, "prvReadLead")
		r.Privileges["prvDeleteAccount"] = simulator.DepthBasic
	})
	w.BusinessUnits = append(w.BusinessUnits, simulator.BusinessUnit{Name: name, Parent: "Contoso"})
	w.user(func(u *simulator.User) {
		u.Roles[0].Role = name
		u.BusinessUnit = name
	})
	w.found(name, simulator.RoleAssignment{Role: "System Customizer"})
	for i := range w.PersonalViews {
		v := &w.PersonalViews[i]
		if !strings.HasPrefix(v.Name, "Demandbase") {
			continue
		}
		for j := range v.Shares {
			v.Shares[j].Access = simulator.RightRead | simulator.RightWrite
		}
		if v.Table == "account" {
			v.Shares = nil
		}
		v.Inactive = v.Table == "contact"
		v.Name = name
	}
	for i := range w.Want.Views {
		w.Want.Views[i].Name = name
	}
	w.Want.Role = name
	w.user(func(u *simulator.User) { u.Name = name })
	for i := range w.PersonalViews {
		for j := range w.PersonalViews[i].Shares {
			if s := &w.PersonalViews[i].Shares[j]; s.Principal == integration {
				s.Principal = appID
			}
		}
	}
	w.Team(name).Members = []string{appID}
}
