package change

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func contoso() Place {
	return Place{Environment: audit.Environment{Name: "contoso", URL: origin}}
}

// completeFix returns a fix of a kind with all fields.
func completeFix(kind audit.FixKind) audit.Fix {
	return audit.Fix{
		Kind: kind,
		Role: &audit.Reference{ID: "r-id", Name: "Demandbase Integration"}, User: &audit.Reference{ID: "u-id", Name: "# Demandbase"},
		Team: &audit.Reference{ID: "t-id", Name: "Sales"}, View: &audit.Reference{ID: "v-id", Name: "Target Accounts"},
		Owner: &audit.Reference{ID: "o-id", Name: "jane@contoso.com"}, BusinessUnit: &audit.Reference{ID: "b-id", Name: "contoso"},
		ApplicationID: "a-id", Table: "account",
		Privileges: []audit.Grant{{Name: "prvReadLead", ID: "p-id", Depth: audit.DepthGlobal}, {Name: "prvBulkEdit", Depth: audit.DepthGlobal}},
		Principals: []audit.Reference{{Kind: "team", ID: "t-id", Name: "Sales"}, {ID: "u-id"}},
	}
}

// TestEveryKind: each kind has a summary and steps, whether the fix has all fields or none, and
// its requests have valid URLs and JSON bodies.
func TestEveryKind(t *testing.T) {
	for _, kind := range Kinds() {
		blank := &audit.Reference{}
		for name, f := range map[string]audit.Fix{
			"full": completeFix(kind), "bare": {Kind: kind},
			"blank": {Kind: kind, Role: blank, User: blank, Team: blank, View: blank, Owner: blank, BusinessUnit: blank},
		} {
			for _, place := range []Place{contoso(), {}} {
				r := RemedyFor(f, place)
				if r.Summary == "" || r.Summary != Summary(f) || !strings.HasSuffix(r.Summary, ".") || strings.Contains(r.Summary, "  ") || strings.Contains(r.Summary, `""`) {
					t.Errorf("%s, %s: %q", kind, name, r.Summary)
				}
				if len(r.Portal) == 0 {
					t.Errorf("%s, %s: no steps in the portal", kind, name)
				}
				for _, s := range r.Portal {
					if strings.Contains(s, "  ") || strings.Contains(s, `""`) || !strings.HasSuffix(s, ".") {
						t.Errorf("%s, %s: %q", kind, name, s)
					}
				}
				for _, q := range r.Requests {
					if u, err := url.Parse(q.URL); err != nil || !strings.Contains(u.Path, "/api/data/v9.2/") || strings.ContainsAny(q.URL, " \n") {
						t.Errorf("%s, %s: %s %s: %v", kind, name, q.Method, q.URL, err)
					}
					if q.Purpose == "" || q.Body != "" && !json.Valid([]byte(q.Body)) {
						t.Errorf("%s, %s: %s: %q", kind, name, q.Purpose, q.Body)
					}
				}
				if Automatic(kind) && (len(r.Commands) < 2 && place.Environment.URL != "" || name == "full" && len(r.Requests) == 0) {
					t.Errorf("%s, %s: apply can carry it out, but the commands are %q", kind, name, r.Commands)
				}
			}
		}
	}
	if r := RemedyFor(audit.Fix{}, contoso()); r.Summary == "" || r.Portal != nil || r.Requests != nil || r.Commands != nil {
		t.Errorf("a fix without a kind: %+v", r)
	}
}

func TestBlankReferencesAreIgnored(t *testing.T) {
	f := audit.Fix{Kind: CreateApplicationUser, ApplicationID: "a-id", BusinessUnit: &audit.Reference{}}
	if got := Summary(f); got != "Create the application user of the application a-id." {
		t.Error(got)
	}
	if f.BusinessUnit == nil {
		t.Error("the caller's fix was changed")
	}
}

func TestAddPrivilege(t *testing.T) {
	f := completeFix(AddPrivilege)
	f.BusinessUnit, f.User = nil, nil
	r := RemedyFor(f, contoso())
	var purposes []string
	for _, q := range r.Requests {
		purposes = append(purposes, q.Method+" "+q.Purpose)
	}
	if got := strings.Join(purposes, "; "); got != "GET find the role's business unit; GET find prvBulkEdit; POST grant the privileges" {
		t.Error(got)
	}
	if got := r.Requests[1].URL; got != "https://contoso.crm.dynamics.com/api/data/v9.2/privileges?$select=privilegeid,name&$filter=name%20eq%20%27prvBulkEdit%27" {
		t.Error(got)
	}
	last := r.Requests[2]
	if last.URL != "https://contoso.crm.dynamics.com/api/data/v9.2/roles(r-id)/Microsoft.Dynamics.CRM.AddPrivilegesRole" {
		t.Error(last.URL)
	}
	var body struct {
		Privileges []struct{ Depth, PrivilegeName string }
	}
	if err := json.Unmarshal([]byte(last.Body), &body); err != nil || len(body.Privileges) != 2 || body.Privileges[0].Depth != "Global" || body.Privileges[1].PrivilegeName != "prvBulkEdit" {
		t.Errorf("%v: %s", err, last.Body)
	}
	if got := strings.Join(r.Portal, "\n"); !strings.Contains(got, "find Lead, and set Read (prvReadLead) to Organization") || !strings.Contains(got, "Miscellaneous privileges, set Bulk Edit (prvBulkEdit) to Organization") {
		t.Error(got)
	}
}

// TestLevelSteps: the steps name every privilege of a role, and a table once for each level.
func TestLevelSteps(t *testing.T) {
	f := audit.Fix{Kind: CreateRole, Role: &audit.Reference{Name: "Sync"}}
	for _, name := range []string{"prvCreateLead", "prvReadAccount", "prvReadLead", "prvWriteLead", "prvBulkEdit", "prvExportToExcel"} {
		f.Privileges = append(f.Privileges, audit.Grant{Name: name, Depth: audit.DepthGlobal})
	}
	f.Privileges[3].Depth = audit.DepthBasic
	want := []string{
		"On the tab Tables, show all tables, find Lead, and set Create (prvCreateLead) and Read (prvReadLead) to Organization.",
		"On the tab Tables, show all tables, find Account, and set Read (prvReadAccount) to Organization.",
		"On the tab Tables, show all tables, find Lead, and set Write (prvWriteLead) to User.",
		"On the tab Miscellaneous privileges, set Bulk Edit (prvBulkEdit) and Export to Excel (prvExportToExcel) to Organization.",
		"Choose Save + close.",
	}
	if got := RemedyFor(f, contoso()).Portal[2:]; !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestLongListsAreCut(t *testing.T) {
	f := completeFix(RemovePrivilege)
	f.Privileges = nil
	for range 500 {
		f.Privileges = append(f.Privileges, audit.Grant{Name: "prvReadLead"})
	}
	r := RemedyFor(f, contoso())
	if len(r.Portal) > maxListed+4 || len(r.Requests) > 2*maxListed+2 || !strings.Contains(strings.Join(r.Portal, "\n"), "the other 450 privileges") {
		t.Errorf("%d steps, %d requests", len(r.Portal), len(r.Requests))
	}
	if last := r.Requests[len(r.Requests)-1].Purpose; last != "remove prvReadLead from the role, and the other 490 in the same way" {
		t.Error(last)
	}
	if !strings.Contains(r.Summary, "and 497 more") {
		t.Error(r.Summary)
	}
}

func TestActivateSystemView(t *testing.T) {
	f := completeFix(ActivateView)
	if q := RemedyFor(f, contoso()).Requests[0]; !strings.HasSuffix(q.URL, "/userqueries(v-id)") {
		t.Error(q.URL)
	}
	f.Owner = nil
	if q := RemedyFor(f, contoso()).Requests[0]; !strings.HasSuffix(q.URL, "/savedqueries(v-id)") {
		t.Error(q.URL)
	}
}

func TestODataString(t *testing.T) {
	if got := odataString("O'Brien"); got != "'O''Brien'" {
		t.Error(got)
	}
	f := audit.Fix{Kind: ShareView, Table: "account", View: &audit.Reference{Name: "a' or 1 eq 1 &$top=1#\n"}}
	q := RemedyFor(f, contoso()).Requests[0]
	u, err := url.Parse(q.URL)
	if err != nil {
		t.Fatal(err)
	}
	if got := u.Query().Get("$filter"); got != "name eq 'a'' or 1 eq 1 &$top=1#\n' and returnedtypecode eq 'account'" || u.Fragment != "" || len(u.Query()) != 2 {
		t.Errorf("%q, %q", got, u.Query())
	}
}

// shellArguments returns the arguments that a shell passes to the command of a command line.
func shellArguments(t *testing.T, command string) []string {
	t.Helper()
	skipWithout(t, "sh")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "for f in dbaudit pac; do eval \"$f() { printf '%s\\\\0' \\\"\\$@\\\"; }\"; done\n"+command)
	cmd.Dir = t.TempDir()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	if left, err := os.ReadDir(cmd.Dir); err != nil || len(left) > 0 {
		t.Errorf("%s ran a name as a command: %v, %v", command, left, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

// TestQuoteShell passes quoted arguments to a shell. A name with an apostrophe is quoted so that
// PowerShell reads the same.
func TestQuoteShell(t *testing.T) {
	for name, want := range map[string]string{"O'Brien": `"O'Brien"`, "O’Brien’s plan": `"O’Brien’s plan"`, "two words": "'two words'"} {
		if got := QuoteShell(name); got != want {
			t.Errorf("%s became %s, want %s", name, got, want)
		}
	}
	for _, arg := range []string{
		"plain", "", "two words", "it's", `"; rm -rf /; "`, "$(id) `id` ${HOME}", "-rf", "new\nline", "*", "~", "#", "a\\b", "'''",
		"O'Brien", "O’Brien’s", "it's $(touch pwned)", "it's !!", "it's \\", "it's “so”", hostile,
	} {
		if got := shellArguments(t, "dbaudit "+QuoteShell(arg)); !slices.Equal(got, []string{arg}) {
			t.Errorf("%q became %q", arg, got)
		}
	}
}

// TestCommandsAreQuoted: a name in a proposed command is one argument, whatever it contains.
func TestCommandsAreQuoted(t *testing.T) {
	for _, flag := range []string{hostile, "-x; touch pwned", "O'Brien"} {
		at := Place{Environment: audit.Environment{URL: hostile, Name: hostile}, Profile: hostile, Control: hostile, Flags: []string{"--env", flag}, ApplyFlags: []string{"-c", flag}}
		for _, kind := range Kinds() {
			for _, command := range RemedyFor(hostileFix(kind, true), at).Commands {
				for _, argument := range shellArguments(t, command) {
					if strings.Contains(argument, "pwned") && argument != hostile && argument != flag {
						t.Errorf("%s: %q is an argument of %s", kind, argument, command)
					}
				}
			}
		}
		if got := shellArguments(t, "dbaudit"+at.Arguments()); !slices.Equal(got, []string{"--env", flag}) {
			t.Errorf("%q became %q", flag, got)
		}
	}
}

// TestWho: a fix that is a manual step says who can make it.
func TestWho(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		f := audit.Fix{Kind: kind, Owner: &audit.Reference{Name: "Jane"}}
		if got := RemedyFor(f, contoso()).Who; (got == "") != Automatic(kind) {
			t.Errorf("%s: who is %q", kind, got)
		}
		if got := RemedyFor(f, Place{}).Who; got != "" {
			t.Errorf("%s in a file: who is %q", kind, got)
		}
	}
	if got := RemedyFor(audit.Fix{Kind: ActivateView, Owner: &audit.Reference{Name: "Jane"}}, contoso()).Who; got != "the view's owner, Jane" {
		t.Error(got)
	}
}

// TestAddPrivilegeAndAssign: if a team does not pass the Basic rights of a role on to the user,
// the fix assigns the role to the user too.
func TestAddPrivilegeAndAssign(t *testing.T) {
	f := completeFix(AddPrivilege)
	r := RemedyFor(f, contoso())
	assign := f
	assign.Kind = AssignRole
	if !strings.Contains(r.Summary, ", and assign the role to the user ") {
		t.Error(r.Summary)
	}
	for _, step := range RemedyFor(assign, contoso()).Portal {
		if !slices.Contains(r.Portal, step) {
			t.Errorf("the step %q is missing", step)
		}
	}
}

// TestMoveKeepsRoles: moving a user removes its roles, so the steps note them first and assign
// them again after the move.
func TestMoveKeepsRoles(t *testing.T) {
	t.Parallel()
	r := RemedyFor(audit.Fix{Kind: MoveUser, User: &audit.Reference{ID: "u", Name: "Sync"}, BusinessUnit: &audit.Reference{Name: "Europe"}}, contoso())
	steps := strings.Join(r.Portal, "\n")
	note, move, assign := strings.Index(steps, "note the roles"), strings.Index(steps, "Change business unit"), strings.Index(steps, "Assign the noted roles again")
	if note < 0 || move < note || assign < move {
		t.Errorf("the order is not note, move, assign: %s", steps)
	}
	if !strings.Contains(steps, "whether or not") || !strings.Contains(steps, "DoNotRemoveRolesOnChangeBusinessUnit") {
		t.Errorf("the steps do not say when the roles are lost: %s", steps)
	}
}

// TestSoftDeletedUser: if the only user is soft-deleted, the fix deletes it permanently.
func TestSoftDeletedUser(t *testing.T) {
	t.Parallel()
	deleted := audit.Fix{Kind: RemoveDuplicateUser, ApplicationID: "app", User: &audit.Reference{ID: "u", Name: "Sync"}}
	r := RemedyFor(deleted, contoso())
	text := r.Summary + strings.Join(r.Portal, " ")
	if strings.Contains(text, "Leave one") || strings.Contains(text, "stays") || !strings.Contains(text, "Permanently delete") {
		t.Error(text)
	}
	deleted.User.ID = ""
	if q := RemedyFor(deleted, contoso()).Requests[0]; !strings.HasSuffix(q.URL, "deletedstate%20ne%200") {
		t.Errorf("the request for the deleted user is %s", q.URL)
	}
	deleted.User = nil
	if r := RemedyFor(deleted, contoso()); !strings.Contains(r.Summary, "Leave one user") {
		t.Errorf("of two users: %s", r.Summary)
	}
}

// TestMissingBusinessUnit: if the required business unit does not exist or is disabled, the fix is
// to correct the configuration, or to create or enable the unit.
func TestMissingBusinessUnit(t *testing.T) {
	f := completeFix(CorrectConfiguration)
	f.BusinessUnit = &audit.Reference{Name: "Atlantis"}
	created := audit.Fix{Kind: CreateApplicationUser, BusinessUnit: f.BusinessUnit}
	if how := strings.Join(RemedyFor(created, contoso()).Portal, " "); !strings.Contains(how, "correct business_unit in dbaudit.yaml") {
		t.Error(how)
	}
	r := RemedyFor(f, contoso())
	if want := `Correct business_unit in dbaudit.yaml, or create or enable the business unit "Atlantis".`; r.Summary != want {
		t.Errorf("%s, want %s", r.Summary, want)
	}
	if how := strings.Join(r.Portal, " "); !strings.Contains(how, "correct business_unit in dbaudit.yaml") || !strings.Contains(how, "Business units") {
		t.Error(how)
	}
}
