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

// hostileName is a name that tries to end a text of a shell, of PowerShell, of JSON, of
// OData and of a here-document, and to pass for a placeholder.
const hostileName = "O'Brien’s \"$(touch pwned)\" `touch pwned`; touch pwned\nEND\ntouch pwned\n# {roleid} %27 \\ Größe 🦄"

// A fixableFault is what a kind of fix repairs: a change of the compliant environment, in
// which role, user and views have their usual names.
type fixableFault struct {
	kind   audit.FixKind
	change func(*Scenario)
}

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

// manualFaults are faults whose fix apply does not carry out, and for which a report shows a script.
func manualFaults() []fixableFault {
	return []fixableFault{
		{change.MoveUser, func(sc *Scenario) { sc.ApplicationUser(integrationName).BusinessUnit = "Contoso" }},
		{change.SetAccessMode, func(sc *Scenario) { sc.ApplicationUser(integrationName).AccessMode = simulator.AccessAdministrative }},
		{change.ActivateView, func(sc *Scenario) { sc.PersonalView("account", "Demandbase Accounts").Inactive = true }},
	}
}

// finding is the finding of a fault.
func (f fixableFault) finding(t *testing.T, r audit.Result) (audit.ControlID, audit.Finding) {
	t.Helper()
	for _, c := range r.Controls {
		for _, finding := range c.Findings {
			if finding.Fix != nil && finding.Fix.Kind == f.kind {
				return c.ID, finding
			}
		}
	}
	t.Fatalf("no finding asks for %s: %v", f.kind, deviations(r))
	return "", audit.Finding{}
}

// TestEveryAutomaticKindHasAFault keeps the list of faults complete.
func TestEveryAutomaticKindHasAFault(t *testing.T) {
	t.Parallel()
	for _, kind := range change.Kinds() {
		if change.Automatic(kind) != slices.ContainsFunc(automaticFaults(), func(f fixableFault) bool { return f.kind == kind }) {
			t.Errorf("%s", kind)
		}
	}
}

// TestRemedyIsPlan holds that what a report shows of a fix and what apply does are the
// same requests. These differences are meant:
//
//   - A person's PATCH says If-Match: *; apply's names the row as it read it.
//   - A person's AddPrivilegesRole names each privilege beside its id (PrivilegeName is
//     optional), so that a reader sees what is granted.
//   - apply's PATCH of an application user repeats its applicationid, which the finding
//     does not carry; the column stays as it is.
func TestRemedyIsPlan(t *testing.T) {
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

// compareRequests compares a plan's request with one for people, whose placeholders are filled as
// their look-ups would.
func compareRequests(t *testing.T, a change.Action, q change.Call, api string) {
	t.Helper()
	at := a.Target
	value := func(slot string, refs ...*change.Ref) string {
		for _, r := range refs {
			if r != nil && r.ID != "" {
				return r.ID
			}
		}
		return "{" + slot + "}"
	}
	role := value(change.SlotRole, at.Role)
	if at.Kind == change.TargetAssignment {
		role = value(change.SlotCopy, at.Copy)
	}
	fill := strings.NewReplacer("{businessunitid}", value(change.SlotUnit, at.BusinessUnit), "{roleid}", role, "{systemuserid}", value(change.SlotUser, at.User), "{privilegeid of ", "{")
	if got, want := fill.Replace(q.Method+" "+q.URL), a.Request.Method+" "+api+"/"+a.Request.Path; got != want {
		t.Errorf("the report says %s, the plan %s", got, want)
	}
	headers := map[string]string{}
	for _, h := range q.Headers {
		headers[h.Name] = h.Value
	}
	if (headers["If-Match"] == "*") != (a.Request.IfMatch != "") {
		t.Errorf("If-Match: the report says %q, the plan %q", headers["If-Match"], a.Request.IfMatch)
	}
	owner := ""
	if a.Request.As != nil {
		owner = a.Request.As.ID
	}
	if headers["MSCRMCallerID"] != owner {
		t.Errorf("on behalf of: the report says %q, the plan %q", headers["MSCRMCallerID"], owner)
	}
	theirs, ours := decodeJSON(t, fill.Replace(q.Body)), decodeJSON(t, string(a.Request.Body))
	for _, body := range []map[string]any{theirs, ours} {
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
		delete(ours, "applicationid")
	}
	if !reflect.DeepEqual(theirs, ours) {
		t.Errorf("the report says\n%v\nthe plan\n%v", theirs, ours)
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

// TestCurlScripts runs the scripts that reports show, in a shell, with curl and jq,
// against the simulator: the next scan does not find the fault again, and no name runs
// as a command. What stands for the Azure CLI asks the simulated sign-in for a token.
func TestCurlScripts(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "sh", "curl", "jq", "grep"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the scripts need %s, which is not here", tool)
		}
	}
	l := New(t)
	dir := t.TempDir()
	admin := l.Server.Environment().Client(l.Compliant.Suggest.Administrator)
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put("ca.pem", string(l.Server.CAPEM()))
	put("az", `#!/bin/sh
[ "$*" = "account get-access-token --resource `+l.Server.URL()+` --query accessToken -o tsv" ] || exit 1
curl -sS --fail -d grant_type=client_credentials -d client_id=`+admin.ApplicationID+` -d client_secret=`+admin.Secret+` -d scope=`+l.Server.URL()+`/.default \
  `+l.Server.AuthorityURL()+"/"+l.Server.TenantID()+`/oauth2/v2.0/token | jq -r .access_token
`)
	run := func(t *testing.T, script []string) {
		t.Helper()
		put("script.sh", strings.Join(script, "\n")+"\n")
		cmd := exec.CommandContext(t.Context(), "bash", "script.sh")
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "CURL_CA_BUNDLE=" + filepath.Join(dir, "ca.pem"), "NO_PROXY=*"}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, strings.Join(script, "\n"))
		}
	}
	for _, known := range []string{"ids", "names"} {
		for _, f := range append(automaticFaults(), manualFaults()...) {
			t.Run(known+"/"+string(f.kind), func(t *testing.T) {
				sc := l.Compliant.Clone()
				sc.Requirement.BusinessUnit = "Germany"
				sc.ApplicationUser(integrationName).BusinessUnit = "Germany"
				f.change(&sc)
				useHostileNames(&sc)
				r, _ := l.Judge(t, sc)
				_, finding := f.finding(t, r)
				fix := *finding.Fix
				if known == "names" {
					fix = withoutIDs(fix)
				}
				run(t, change.RemedyFor(fix, change.Place{Environment: r.Environment, Profile: r.Profile.Name}).CurlScript())
				after, _ := l.JudgeServed(t, sc.Requirement)
				for _, c := range after.Controls {
					for _, left := range c.Findings {
						if left.Fingerprint == finding.Fingerprint {
							t.Errorf("%s: %s", c.ID, left.Message)
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

// useHostileNames gives the role, the user and a view names that are hostile.
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

// withoutIDs leaves the look-ups everything to find.
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
