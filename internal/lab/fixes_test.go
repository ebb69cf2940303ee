package lab

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// hostileName is a name that would end a string of a shell, of PowerShell, of JSON, of OData or of a
// here-document, or replace a placeholder, if it were not quoted.
const hostileName = "O'Brien’s \"$(touch pwned)\" `touch pwned`; touch pwned\nEND\ntouch pwned\n# {roleid} %27 \\ Größe 🦄"

// A fixableFault is a change of the compliant environment that leads to a finding with a kind of fix.
type fixableFault struct {
	kind   audit.FixKind
	change func(*Scenario)
}

// automaticFaults returns a fault for each kind of fix that apply carries out.
func automaticFaults() []fixableFault {
	return []fixableFault{
		{change.CreateRole, func(sc *Scenario) {
			role := sc.Role(integrationName)
			sc.ApplicationUser(integrationName).Roles = nil
			sc.Roles = slices.DeleteFunc(sc.Roles, func(r simulator.Role) bool { return r.ID == role.ID })
		}},
		{change.AddPrivilege, func(sc *Scenario) { delete(sc.Role(integrationName).Privileges, "prvReadLead") }},
		{change.RaiseDepth, func(sc *Scenario) { sc.Role(integrationName).Privileges["prvReadAccount"] = simulator.DepthLocal }},
		{change.RemovePrivilege, func(sc *Scenario) {
			sc.Role(integrationName).Privileges["prvBulkDelete"] = simulator.DepthGlobal
			sc.Role(integrationName).Privileges["prvDeleteAccount"] = simulator.DepthDeep
		}},
		{change.CreateApplicationUser, func(sc *Scenario) {
			user := sc.ApplicationUser(integrationName)
			for i := range sc.PersonalViews {
				v := &sc.PersonalViews[i]
				v.Shares = slices.DeleteFunc(v.Shares, func(s simulator.Share) bool { return s.Principal == user.ID || s.Principal == user.Name })
			}
			sc.ApplicationUsers = slices.DeleteFunc(sc.ApplicationUsers, func(u simulator.User) bool { return u.ID == user.ID })
		}},
		{change.EnableUser, func(sc *Scenario) { sc.ApplicationUser(integrationName).Disabled = true }},
		{change.AssignRole, func(sc *Scenario) { sc.ApplicationUser(integrationName).Roles = nil }},
		{change.UnassignRole, func(sc *Scenario) {
			user := sc.ApplicationUser(integrationName)
			user.Roles = append(user.Roles, simulator.RoleAssignment{Role: "System Administrator"})
		}},
		{change.ShareView, func(sc *Scenario) { sc.PersonalView("account", "Demandbase Accounts").Shares = nil }},
		{change.ReduceShare, func(sc *Scenario) {
			sc.PersonalView("account", "Demandbase Accounts").Shares[0].Access = simulator.RightRead | simulator.RightWrite
		}},
	}
}

// manualFaults returns faults with a fix that apply does not carry out, but that has a script in reports.
func manualFaults() []fixableFault {
	return []fixableFault{
		{change.MoveUser, func(sc *Scenario) { sc.ApplicationUser(integrationName).BusinessUnit = "Contoso" }},
		{change.SetAccessMode, func(sc *Scenario) { sc.ApplicationUser(integrationName).AccessMode = simulator.AccessAdministrative }},
		{change.ActivateView, func(sc *Scenario) { sc.PersonalView("account", "Demandbase Accounts").Inactive = true }},
	}
}

// finding returns the finding of a result that has the fault's kind of fix.
func (f fixableFault) finding(t *testing.T, r audit.Result) (audit.ControlID, audit.Finding) {
	t.Helper()
	for _, c := range r.Controls {
		for _, finding := range c.Findings {
			if finding.Fix != nil && finding.Fix.Kind == f.kind {
				return c.ID, finding
			}
		}
	}
	t.Fatalf("no finding has the fix %s: %v", f.kind, deviations(r))
	return "", audit.Finding{}
}

// TestEveryAutomaticKindHasAFault checks that automaticFaults is complete.
func TestEveryAutomaticKindHasAFault(t *testing.T) {
	t.Parallel()
	for _, kind := range change.Kinds() {
		if change.Automatic(kind) != slices.ContainsFunc(automaticFaults(), func(f fixableFault) bool { return f.kind == kind }) {
			t.Errorf("%s", kind)
		}
	}
}

// TestReportAndPlanHaveTheSameRequests checks that the requests of a fix in a report are those of the plan, with
// these differences:
//
//   - The PATCH of a report has If-Match: *. That of a plan has the version of the row.
//   - The AddPrivilegesRole of a report also has the name of each privilege, which is optional, for the reader.
//   - The PATCH of an application user in a plan repeats its applicationid, which the finding does not have.
func TestReportAndPlanHaveTheSameRequests(t *testing.T) {
	t.Parallel()
	l := New(t)
	for _, unit := range []string{"Contoso", "Germany"} {
		for _, f := range automaticFaults() {
			t.Run(unit+"/"+string(f.kind), func(t *testing.T) {
				sc := l.Compliant.Clone()
				sc.Requirement.BusinessUnit = unit
				sc.ApplicationUser(integrationName).BusinessUnit = unit
				f.change(&sc)
				r, s := l.Judge(t, sc)
				control, finding := f.finding(t, r)
				p, err := plan.Build(r, s, plan.Options{
					LeastPrivilege: true, UnassignAdministrator: true, Minimum: l.Profile.Minimum(), MadeAt: Now(),
				})
				if err != nil {
					t.Fatal(err)
				}
				actions := slices.DeleteFunc(p.Actions, func(a change.Action) bool {
					return !slices.Contains(a.Why, change.Reason{Control: control, Fingerprint: finding.Fingerprint})
				})
				writes := slices.DeleteFunc(change.RemedyFor(*finding.Fix, change.Place{Environment: r.Environment, Profile: r.Profile.Name}).Requests, func(q change.Call) bool { return q.Method == http.MethodGet })
				if len(actions) == 0 || len(actions) != len(writes) {
					t.Fatalf("%d actions, %d requests that write", len(actions), len(writes))
				}
				for i, a := range actions {
					compareRequests(t, a, writes[i], change.APIRoot(r.Environment.URL))
				}
			})
		}
	}
}

// compareRequests compares the request of a plan with that of a report, after replacing its placeholders.
func compareRequests(t *testing.T, a change.Action, q change.Call, api string) {
	t.Helper()
	target := a.Target
	value := func(slot string, refs ...*change.Ref) string {
		for _, r := range refs {
			if r != nil && r.ID != "" {
				return r.ID
			}
		}
		return "{" + slot + "}"
	}
	role := value(change.SlotRole, target.Role)
	if target.Kind == change.TargetAssignment {
		role = value(change.SlotCopy, target.Copy)
	}
	fill := strings.NewReplacer("{businessunitid}", value(change.SlotUnit, target.BusinessUnit), "{roleid}", role, "{systemuserid}", value(change.SlotUser, target.User), "{privilegeid of ", "{")
	if got, want := fill.Replace(q.Method+" "+q.URL), a.Request.Method+" "+api+"/"+a.Request.Path; got != want {
		t.Errorf("report: %s, plan: %s", got, want)
	}
	headers := map[string]string{}
	for _, h := range q.Headers {
		headers[h.Name] = h.Value
	}
	if (headers["If-Match"] == "*") != (a.Request.IfMatch != "") {
		t.Errorf("If-Match in the report: %q, in the plan: %q", headers["If-Match"], a.Request.IfMatch)
	}
	owner := ""
	if a.Request.As != nil {
		owner = a.Request.As.ID
	}
	if headers["MSCRMCallerID"] != owner {
		t.Errorf("MSCRMCallerID in the report: %q, in the plan: %q", headers["MSCRMCallerID"], owner)
	}
	reported, planned := decodeJSON(t, fill.Replace(q.Body)), decodeJSON(t, string(a.Request.Body))
	for _, body := range []map[string]any{reported, planned} {
		if list, ok := body["Privileges"].([]any); ok {
			for _, g := range list {
				delete(g.(map[string]any), "PrivilegeName")
			}
			slices.SortFunc(list, func(a, b any) int {
				return strings.Compare(a.(map[string]any)["PrivilegeId"].(string), b.(map[string]any)["PrivilegeId"].(string))
			})
		}
	}
	if a.Kind == change.EnableUser {
		delete(planned, "applicationid")
	}
	if !reflect.DeepEqual(reported, planned) {
		t.Errorf("report:\n%v\nplan:\n%v", reported, planned)
	}
}

func decodeJSON(t *testing.T, body string) map[string]any {
	t.Helper()
	if body == "" {
		return nil
	}
	var into map[string]any
	if err := json.Unmarshal([]byte(body), &into); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return into
}

// TestCurlScripts runs the scripts of reports in a shell with curl and jq against the simulator. It checks that
// the next scan does not have the finding, and that the shell runs no name as a command. A script in place of the
// Azure CLI gets its token from the simulated sign-in host.
func TestCurlScripts(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "sh", "curl", "jq", "grep"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the scripts need %s, which is not installed", tool)
		}
	}
	l := New(t)
	dir := t.TempDir()
	admin := l.Server.Environment().Client(l.Compliant.Suggest.Administrator)
	writeFile := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeFile("ca.pem", string(l.Server.CAPEM()))
	writeFile("az", `#!/bin/sh
[ "$*" = "account get-access-token --resource `+l.Server.URL()+` --query accessToken -o tsv" ] || exit 1
curl -sS --fail -d grant_type=client_credentials -d client_id=`+admin.ApplicationID+` -d client_secret=`+admin.Secret+` -d scope=`+l.Server.URL()+`/.default \
  `+l.Server.AuthorityURL()+"/"+l.Server.TenantID()+`/oauth2/v2.0/token | jq -r .access_token
`)
	run := func(t *testing.T, script []string) {
		t.Helper()
		writeFile("script.sh", strings.Join(script, "\n")+"\n")
		cmd := exec.CommandContext(t.Context(), "bash", "script.sh")
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "CURL_CA_BUNDLE=" + filepath.Join(dir, "ca.pem"), "NO_PROXY=*"}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, strings.Join(script, "\n"))
		}
	}
	for _, references := range []string{"ids", "names"} {
		for _, f := range append(automaticFaults(), manualFaults()...) {
			t.Run(references+"/"+string(f.kind), func(t *testing.T) {
				sc := l.Compliant.Clone()
				sc.Requirement.BusinessUnit = "Germany"
				sc.ApplicationUser(integrationName).BusinessUnit = "Germany"
				f.change(&sc)
				useHostileNames(&sc)
				r, _ := l.Judge(t, sc)
				_, finding := f.finding(t, r)
				fix := *finding.Fix
				if references == "names" {
					fix = withoutIDs(fix)
				}
				run(t, change.RemedyFor(fix, change.Place{Environment: r.Environment, Profile: r.Profile.Name}).CurlScript())
				after, _ := l.JudgeServed(t, sc.Requirement)
				for _, c := range after.Controls {
					for _, remaining := range c.Findings {
						if remaining.Fingerprint == finding.Fingerprint {
							t.Errorf("%s: %s", c.ID, remaining.Message)
						}
					}
				}
			})
		}
	}
	for _, file := range []string{"pwned", filepath.Join(dir, "pwned")} {
		if _, err := os.Stat(file); err == nil {
			t.Error("a name ran as a command")
		}
	}
}

// useHostileNames gives hostile names to the role, the user and a view.
func useHostileNames(sc *Scenario) {
	user := sc.ApplicationUser(integrationName)
	if user != nil {
		user.Name = "user " + hostileName
		for i := range user.Roles {
			if user.Roles[i].Role == integrationName {
				user.Roles[i].Role = "role " + hostileName
			}
		}
	}
	if role := sc.Role(integrationName); role != nil {
		role.Name = "role " + hostileName
	}
	sc.Requirement.Role = "role " + hostileName
	for i := range sc.PersonalViews {
		for j := range sc.PersonalViews[i].Shares {
			if s := &sc.PersonalViews[i].Shares[j]; s.Principal == integrationName {
				s.Principal = appID
			}
		}
	}
	sc.PersonalView("account", "Demandbase Accounts").Name = "view " + hostileName
	for i := range sc.Requirement.Views {
		if sc.Requirement.Views[i].Table == "account" {
			sc.Requirement.Views[i].Name = "view " + hostileName
		}
	}
}

// withoutIDs returns a fix without ids, so that its script has to look them up.
func withoutIDs(f audit.Fix) audit.Fix {
	for _, ref := range []**audit.Reference{&f.Role, &f.User, &f.View, &f.BusinessUnit} {
		if *ref != nil {
			nameless := **ref
			nameless.ID = ""
			*ref = &nameless
		}
	}
	f.Privileges = slices.Clone(f.Privileges)
	for i := range f.Privileges {
		f.Privileges[i].ID = ""
	}
	f.Principals = slices.Clone(f.Principals)
	for i := range f.Principals {
		f.Principals[i].ID = ""
	}
	return f
}
