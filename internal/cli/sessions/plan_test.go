package sessions_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestPlanFromAnEditedResult checks that plan refuses a result that was edited or does not belong
// to the snapshot.
func TestPlanFromAnEditedResult(t *testing.T) {
	b := newApplyProcess(t, func(env *simulator.Environment) {
		removeReadLead(env)
		env.ApplicationUser(env.Suggest.ApplicationID).Disabled = true
	})
	b.run("scan", "--snapshot", "snapshot.json", "-f", "json", "-o", "result.json").must(t, 1)
	whole := b.read("result.json")
	args := []string{"plan", "--result", "edited.json", "--snapshot", "snapshot.json", "-o", "plan.json"}
	b.write("edited.json", whole)
	b.run(args...).must(t, 0)
	edit := func(change func(map[string]any)) string {
		var doc map[string]any
		if err := json.Unmarshal([]byte(whole), &doc); err != nil {
			t.Fatal(err)
		}
		change(doc)
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	finding := func(doc map[string]any, control string) map[string]any {
		for _, c := range doc["controls"].([]any) {
			if c := c.(map[string]any); c["id"] == control {
				return c["findings"].([]any)[0].(map[string]any)
			}
		}
		t.Fatalf("%s has no finding", control)
		return nil
	}
	// A message may be from an older version. The plan has the current one.
	b.write("edited.json", edit(func(doc map[string]any) { finding(doc, "DB-PRIV-LEAD")["message"] = "no rights" }))
	b.run(args...).must(t, 0)
	if strings.Contains(b.read("plan.json"), "no rights") {
		t.Error("the plan has a message that the policies did not write")
	}
	for _, text := range map[string]string{
		"another fix": edit(func(doc map[string]any) {
			finding(doc, "DB-USER-ENABLED")["fix"] = map[string]any{
				"kind": "assign-role", "role": map[string]any{"id": "11111111-1111-4111-8111-111111111111"},
				"user": map[string]any{"id": "22222222-2222-4222-8222-222222222222"},
			}
		}),
		"another depth": edit(func(doc map[string]any) {
			fix := finding(doc, "DB-PRIV-LEAD")["fix"].(map[string]any)
			fix["privileges"].([]any)[0].(map[string]any)["depth"] = "basic"
		}),
		"another environment": edit(func(doc map[string]any) {
			doc["environment"].(map[string]any)["url"] = "https://contoso.crm.dynamics.com"
		}),
	} {
		b.write("edited.json", text)
		b.wantContains(b.run(append(args, "--profile", "demandbase")...).must(t, 3).stderr,
			"make it again with `dbaudit check snapshot.json --profile demandbase -f json -o edited.json`")
	}
	b.run("check", "snapshot.json", "--profile", "demandbase", "-f", "json", "-o", "edited.json").must(t, 1) // as advised
	b.run(args...).must(t, 0)
	// Waivers come from the result, because they can only make a plan smaller.
	b.run("waiver", "add", "result.json", "--control", "DB-USER-ENABLED", "--kind", "accepted-risk", "--owner", "a@contoso.com",
		"--reason", "the pilot has not begun", "--days", "30", "--waivers", "waivers.yaml").must(t, 0)
	b.run("check", "snapshot.json", "--waivers", "waivers.yaml", "-f", "json", "-o", "edited.json").must(t, 1)
	b.run(args...).must(t, 0)
	if slices.ContainsFunc(b.plan("plan.json").Actions, func(a change.Action) bool { return a.Kind == "enable-user" }) {
		t.Error("a waived finding is fixed")
	}
}

func TestPlanFlags(t *testing.T) {
	b := newApplyProcess(t, removeReadLead)
	b.run("scan", "--snapshot", "snapshot.json", "-f", "json", "-o", "result.json").must(t, 1)
	saved := []string{"plan", "--result", "result.json", "--snapshot", "snapshot.json"}
	for _, idle := range [][]string{
		{"--url", "https://contoso.crm.dynamics.com"},
		{"--integration-role", "Other"},
		{"--view", "account=Mine"},
		{"--waivers", "waivers.yaml"},
	} {
		b.wantContains(b.run(slices.Concat(saved, idle)...).must(t, 2).stderr, idle[0]+": this is only for a scan")
	}
	b.run(append(saved, "--profile", "demandbase", "--out", "plan.json")...).must(t, 0)
	b.plan("plan.json")
	for _, long := range []string{"0s", "-1h", "721h"} {
		b.run(append(saved, "--valid-for", long)...).must(t, 2)
	}
	b.run(append(saved, "--valid-for", "720h")...).must(t, 0)
	for _, few := range []string{"0", "-1"} {
		b.run(append(saved, "--max-changes", few)...).must(t, 2)
		b.run("apply", "plan.json", "--dry-run", "--max-changes", few).must(t, 2)
	}
}

// TestPlanAssignsNoExcessiveRole checks that a plan assigns neither a built-in role nor one that
// grants more than the minimum.
func TestPlanAssignsNoExcessiveRole(t *testing.T) {
	b := newApplyProcess(t, func(env *simulator.Environment) {
		env.ApplicationUser(env.Suggest.ApplicationID).Roles = nil
		env.Role("Demandbase Integration").Privileges["prvBulkDelete"] = simulator.DepthGlobal
	})
	for _, role := range []string{"System Administrator", "Basic User"} {
		out := b.run("plan", "--integration-role", role, "-o", "plan.json").must(t, 0)
		b.wantContains(out.stdout, "Nothing to change")
		b.wantContains(out.stdout, "built in, and dbaudit does not assign built-in roles")
	}
	out := b.run("plan", "-o", "plan.json").must(t, 0)
	b.wantContains(out.stdout, "it grants 1 privilege beyond the minimum: prvBulkDelete")
	start := b.state()
	b.run("plan", "--least-privilege", "-f", "json", "-o", "plan.json").must(t, 0)
	// A role that gains privileges in the meantime is not assigned.
	b.mutate(func(env *simulator.Environment) {
		env.Role("Demandbase Integration").Privileges["prvDeleteAccount"] = simulator.DepthGlobal
	})
	b.wantContains(b.run("apply", "plan.json", "--dry-run").must(t, 3).stderr, "the role grants more than in the plan: prvDeleteAccount")
	b.mutate(func(env *simulator.Environment) {
		delete(env.Role("Demandbase Integration").Privileges, "prvDeleteAccount")
	})
	b.run("apply", "plan.json", "--yes").must(t, 0)
	b.run("rollback", "plan.journal.json", "--yes").must(t, 0)
	if b.state() != start {
		t.Error("the rollback did not restore everything")
	}
}

// TestPlanAdministratorThroughTeam checks that the plan says that an administrator role remains if
// the user also has it through a team.
func TestPlanAdministratorThroughTeam(t *testing.T) {
	b := newApplyProcess(t, func(env *simulator.Environment) {
		user := env.ApplicationUser(env.Suggest.ApplicationID)
		user.Roles = append(user.Roles, simulator.RoleAssignment{Role: "System Customizer"})
		env.Teams = append(env.Teams, simulator.Team{
			Name: "Sync", Roles: []simulator.RoleAssignment{{Role: "System Customizer"}}, Members: []string{env.Suggest.ApplicationID},
		})
	})
	out := b.run("plan", "--unassign-administrator", "-o", "plan.json").must(t, 0)
	b.wantContains(out.stdout, "in part: the rest needs manual steps")
	b.wantContains(out.stdout, "Remove the user \"Demandbase Integration\" from the team \"Sync\"")
	if out := b.run("apply", "plan.json", "--yes").must(t, 1); strings.Contains(out.stderr, "still fails") {
		t.Error(out.stderr)
	}
}
