package plan_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/schema"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

var update = flag.Bool("update", false, "write the golden files") //nolint:gochecknoglobals // a test's flag

func id(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

const (
	org, root, unit, role, admin, user, jane, accounts, leads = 1, 2, 3, 4, 5, 6, 7, 8, 9
	application                                               = 10
)

func taken() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// sample returns a snapshot with a fault of each kind, and the result with their findings.
func sample(t *testing.T) (audit.Result, *snapshot.Snapshot) {
	t.Helper()
	s := snapshot.New()
	s.Environment = snapshot.Environment{Name: "contoso", URL: "https://contoso.crm.dynamics.com", OrganizationID: id(org)}
	s.Organization = snapshot.Organization{ID: id(org), Name: "Contoso", OwnershipAcrossBusinessUnits: snapshot.SettingOff}
	s.Source, s.Scope, s.TakenAt = snapshot.SourceEnvironment, snapshot.ScopeIntegration, taken()
	for _, section := range snapshot.Sections() {
		s.Coverage[section] = snapshot.Coverage{State: snapshot.StateCollected}
	}
	s.Requirement = snapshot.Requirement{
		Profile: "demandbase", ApplicationID: id(application), Role: "Sync | `role`",
		Views: []snapshot.RequiredView{{Table: "account", Name: "Accounts", Owner: "jane@contoso.com"}},
	}
	s.BusinessUnits = map[string]snapshot.BusinessUnit{id(root): {Name: "Contoso"}, id(unit): {Name: "Europe", ParentID: id(root)}}
	s.Roles = map[string]snapshot.Role{
		id(role):      {BusinessUnitID: id(root), Customizable: true, Inherited: true, Name: "Sync | `role`", RootID: id(role)},
		id(role + 20): {BusinessUnitID: id(unit), Customizable: true, Inherited: true, Name: "Sync | `role`", RootID: id(role)},
		id(admin):     {BusinessUnitID: id(unit), Name: "System Administrator", RootID: id(admin), TemplateID: "627090ff-40a3-4053-8790-584edc5be201"},
	}
	s.Privileges = map[string]snapshot.Privilege{
		"prvReadLead": {ID: id(101), Depths: audit.Depths()}, "prvReadAccount": {ID: id(102), Depths: audit.Depths()},
	}
	s.RolePrivileges = map[string]map[string]audit.Depth{id(role): {
		"prvReadAccount": audit.DepthLocal, "prvBulkDelete": audit.DepthGlobal, "prvReadSharePointData": audit.DepthGlobal,
	}, id(admin): {"prvReadLead": audit.DepthGlobal}}
	s.Users = map[string]snapshot.User{
		id(user): {ApplicationID: id(application), BusinessUnitID: id(unit), Disabled: true, Name: "# Sync", Roles: []string{id(admin)}, Teams: []string{}},
		id(jane): {BusinessUnitID: id(root), DomainName: "jane@contoso.com", Name: "Jane\nDoe", ObjectID: id(11), Roles: []string{}, Teams: []string{}},
	}
	s.Views = map[string]snapshot.View{
		id(accounts): {Active: true, Name: "Accounts", OwnerID: id(jane), Table: "account", SeenBy: []snapshot.Viewer{snapshot.ViewerOwner}},
		id(leads):    {Active: true, Name: "Leads", OwnerID: id(jane), Table: "lead", SeenBy: []snapshot.Viewer{snapshot.ViewerOwner}},
	}
	s.Shares = map[string]map[string]snapshot.Share{id(user): {id(leads): {Rights: []snapshot.Right{snapshot.RightRead, snapshot.RightAppendTo}}}}
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	ref := func(kind string, n int, name string) *audit.Reference {
		return &audit.Reference{Kind: kind, ID: id(n), Name: name}
	}
	theRole, theUser, owner := ref("", role, "Sync | `role`"), ref("systemuser", user, "# Sync"), ref("systemuser", jane, "Jane\nDoe")
	r := audit.Result{
		Format: audit.ResultFormat, Environment: audit.Environment{Name: "contoso", URL: s.Environment.URL, OrganizationID: id(org)},
		Profile: audit.Profile{Name: "demandbase"}, Snapshot: audit.Snapshot{Digest: s.Digest, TakenAt: taken()}, EvaluatedAt: taken(),
		Integration: &audit.Integration{
			User: &audit.Subject{Kind: audit.SubjectUser, ID: theUser.ID, Name: theUser.Name},
			Role: &audit.Subject{Kind: audit.SubjectRole, ID: theRole.ID, Name: theRole.Name}, Surplus: []string{"prvBulkDelete"},
		},
	}
	add := func(control, rule string, fixes ...audit.Fix) {
		c := audit.Control{ID: audit.ControlID(control), Rule: rule, Severity: audit.SeverityHigh, Outcome: audit.OutcomeFail}
		for i, fix := range fixes {
			c.Findings = append(c.Findings, audit.Finding{Fingerprint: fmt.Sprintf("%s-%d", control, i), Message: control + " fails", Fix: &fix})
		}
		if fixes == nil {
			c.Outcome = audit.OutcomePass
		}
		r.Controls = append(r.Controls, c)
	}
	add("DB-PRIV-ACCOUNT", "role/privileges", audit.Fix{Kind: change.RaiseDepth, Role: theRole, Privileges: []audit.Grant{{Name: "prvReadAccount", ID: id(102), Depth: audit.DepthGlobal}}})
	add("DB-PRIV-LEAD", "role/privileges", audit.Fix{Kind: change.AddPrivilege, Role: theRole, Privileges: []audit.Grant{{Name: "prvReadLead", ID: id(101), Depth: audit.DepthGlobal}}})
	add("DB-PRIV-LIST", "role/privileges", audit.Fix{Kind: change.InstallApp, Table: "list", Privileges: []audit.Grant{{Name: "prvReadList"}}})
	add("DB-ROLE-LEAST-PRIVILEGE", "role/least-privilege", audit.Fix{Kind: change.RemovePrivilege, Role: theRole, Privileges: []audit.Grant{{Name: "prvBulkDelete", Depth: audit.DepthGlobal}}})
	add("DB-USER-EXISTS", "user/exists")
	add("DB-USER-ENABLED", "user/enabled", audit.Fix{Kind: change.EnableUser, User: theUser})
	add("DB-USER-ROLE", "user/role", audit.Fix{Kind: change.AssignRole, Role: theRole, User: theUser})
	add("DB-USER-NO-ADMINISTRATOR", "user/no-administrator", audit.Fix{Kind: change.UnassignRole, Role: ref("", admin, "System Administrator"), User: theUser})
	add("DB-VIEW-SHARED", "view/shared", audit.Fix{Kind: change.ShareView, Table: "account", View: ref("", accounts, "Accounts"), Owner: owner, User: theUser})
	add("DB-VIEW-LEAST-ACCESS", "view/least-access", audit.Fix{Kind: change.ReduceShare, View: ref("", leads, "Leads"), Owner: owner, Principals: []audit.Reference{*theUser}})
	r.Controls = append(r.Controls, audit.Control{ID: "DB-VIEW-ACTIVE", Rule: "view/active", Outcome: audit.OutcomeUnknown, Reason: "nobody could look"})
	return r, s
}

func options() plan.Options {
	return plan.Options{
		Tool: audit.Tool{Name: "dbaudit", Version: "test"}, MadeAt: taken().Add(time.Hour), LeastPrivilege: true, UnassignAdministrator: true,
		Minimum: []string{"prvReadLead", "prvReadAccount"},
	}
}

func build(t *testing.T, o plan.Options, change func(*audit.Result, *snapshot.Snapshot)) plan.Plan {
	t.Helper()
	r, s := sample(t)
	if change != nil {
		change(&r, s)
		if err := s.Seal(); err != nil {
			t.Fatal(err)
		}
		r.Snapshot.Digest = s.Digest
	}
	p, err := plan.Build(r, s, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func encode(t *testing.T, p plan.Plan) []byte {
	t.Helper()
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decode encodes a plan and decodes it again.
func decode(t *testing.T, p plan.Plan) plan.Plan {
	t.Helper()
	decoded, err := plan.Decode(encode(t, p))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs:\n%s", name, got)
	}
}

func TestPlan(t *testing.T) {
	p := build(t, options(), nil)
	checkGolden(t, "plan.json", encode(t, p))
	checkGolden(t, "plan.md", []byte(p.Markdown()))
	checkGolden(t, "plan.txt", []byte(p.Text()))
	again := build(t, options(), nil)
	if !bytes.Equal(encode(t, p), encode(t, again)) {
		t.Error("the same input gave different bytes")
	}
	if !bytes.Equal(encode(t, decode(t, p)), encode(t, p)) {
		t.Error("decoding and encoding changed the plan")
	}
}

func TestSchema(t *testing.T) {
	compiled, err := schematest.Compile(schema.Files, "plan.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*audit.Result, *snapshot.Snapshot){
		"full": nil, "no user": noUser, "no role": noRole, "nothing": noRoleNoUser,
		"compliant": func(r *audit.Result, _ *snapshot.Snapshot) { r.Controls = nil },
	} {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(encode(t, build(t, options(), change))))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(document); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func noUser(r *audit.Result, s *snapshot.Snapshot) {
	r.Integration.User = nil
	delete(s.Users, id(user))
	delete(s.Shares, id(user))
	for i := range r.Controls {
		c := &r.Controls[i]
		switch {
		case c.Rule == "user/exists":
			c.Outcome = audit.OutcomeFail
			c.Findings = []audit.Finding{{Fingerprint: "no-user", Fix: &audit.Fix{
				Kind: change.CreateApplicationUser, ApplicationID: id(application), BusinessUnit: &audit.Reference{Name: "europe"},
			}}}
		case strings.HasPrefix(c.Rule, "user/"), strings.HasPrefix(c.Rule, "view/"):
			c.Outcome, c.Findings = audit.OutcomeNotApplicable, nil
		}
	}
}

func noRole(r *audit.Result, s *snapshot.Snapshot) {
	r.Integration.Role = nil
	delete(s.Roles, id(role))
	delete(s.Roles, id(role+20))
	delete(s.RolePrivileges, id(role))
	for i := range r.Controls {
		if c := &r.Controls[i]; strings.HasPrefix(c.Rule, "role/") || c.Rule == "user/role" {
			c.Outcome, c.Findings = audit.OutcomeNotApplicable, nil
		}
	}
	r.Controls = append(r.Controls, audit.Control{
		ID: "DB-ROLE-EXISTS", Rule: "role/exists", Outcome: audit.OutcomeFail,
		Findings: []audit.Finding{{Fingerprint: "no-role", Fix: &audit.Fix{
			Kind: change.CreateRole, Role: &audit.Reference{Name: `a {role} "named" {user}`},
			Privileges: []audit.Grant{{Name: "prvReadLead", ID: id(101), Depth: audit.DepthGlobal}},
		}}},
	})
}

func noRoleNoUser(r *audit.Result, s *snapshot.Snapshot) {
	noRole(r, s)
	noUser(r, s)
}

// findAction returns the first action of a kind, or nil.
func findAction(p *plan.Plan, kind audit.FixKind) *change.Action {
	for i := range p.Actions {
		if p.Actions[i].Kind == kind {
			return &p.Actions[i]
		}
	}
	return nil
}

func actionKinds(p plan.Plan) string {
	var list []string
	for _, a := range p.Actions {
		list = append(list, string(a.Kind))
	}
	return strings.Join(list, " ")
}

func TestOrder(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*audit.Result, *snapshot.Snapshot)
		want   string
	}{
		"full":    {nil, "add-privilege raise-depth remove-privilege enable-user assign-role share-view reduce-share unassign-role"},
		"no user": {noUser, "add-privilege raise-depth remove-privilege create-application-user assign-role share-view"},
		"no role": {noRole, "create-role add-privilege enable-user assign-role share-view reduce-share unassign-role"},
		"nothing": {noRoleNoUser, "create-role add-privilege create-application-user assign-role share-view"},
	} {
		p := build(t, options(), tt.change)
		if got := actionKinds(p); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tt.want)
		}
		decode(t, p)
	}
}

// TestForeignText: a name cannot be mistaken for a slot of a request.
func TestForeignText(t *testing.T) {
	p := build(t, options(), noRoleNoUser)
	filled := p.Actions[0].Request.Fill(map[string]string{"role": "X", "user": "Y", "unit": "Z"})
	var body struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(filled.Body, &body); err != nil || body.Name != `a {role} "named" {user}` {
		t.Errorf("%v: %q", err, body.Name)
	}
	if !filled.Filled() {
		t.Error("a name looks like a slot")
	}
}

func TestOptions(t *testing.T) {
	only := func(ids ...string) plan.Options { o := options(); o.Only = ids; return o }
	except := options()
	except.Except = []string{"DB-VIEW-SHARED", "db-priv-lead"}
	cautious := options()
	cautious.LeastPrivilege, cautious.UnassignAdministrator = false, false
	for name, tt := range map[string]struct {
		o    plan.Options
		want string
	}{
		"one control":  {only("db-priv-lead"), "add-privilege"},
		"all but two":  {except, "raise-depth remove-privilege enable-user assign-role reduce-share unassign-role"},
		"no flags":     {cautious, "add-privilege raise-depth enable-user share-view reduce-share"},
		"passes":       {only("DB-USER-EXISTS"), ""},
		"manual steps": {only("DB-PRIV-LIST"), ""},
	} {
		if got := actionKinds(build(t, tt.o, nil)); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tt.want)
		}
	}
	if p := build(t, cautious, nil); len(p.Withheld) != 2 || p.Withheld[0].Flag != "--least-privilege" || p.Withheld[1].Flag != "--unassign-administrator" {
		t.Errorf("withheld: %v", p.Withheld)
	}
	r, s := sample(t)
	if _, err := plan.Build(r, s, only("DB-NO-SUCH")); err == nil {
		t.Error("an unknown control was accepted")
	}
	r.Snapshot.Digest = "sha256:other"
	if _, err := plan.Build(r, s, options()); err == nil {
		t.Error("a result of another snapshot was accepted")
	}
}

func TestWaivedFindings(t *testing.T) {
	p := build(t, options(), func(r *audit.Result, _ *snapshot.Snapshot) {
		for i := range r.Controls {
			for j := range r.Controls[i].Findings {
				r.Controls[i].Findings[j].Waiver = &audit.Waiver{Owner: "somebody"}
			}
		}
	})
	if !p.Empty() || len(p.Manual) > 0 {
		t.Errorf("planned %s, manual steps: %v", actionKinds(p), p.Manual)
	}
}

// TestEdited: an edited plan is refused, with the old digest and with a matching one.
func TestEdited(t *testing.T) {
	whole := build(t, options(), nil)
	for name, edit := range map[string]func(*plan.Plan){
		"another request": func(p *plan.Plan) {
			p.Actions[0].Request.Path = "roles(" + id(99) + ")/Microsoft.Dynamics.CRM.AddPrivilegesRole"
		},
		"another body":             func(p *plan.Plan) { p.Actions[0].Request.Body = json.RawMessage(`{"Privileges":[]}`) },
		"another undo":             func(p *plan.Plan) { p.Actions[0].Undo = p.Actions[0].Undo[:0] },
		"another method":           func(p *plan.Plan) { findAction(p, change.EnableUser).Request.Method = "DELETE" },
		"another person":           func(p *plan.Plan) { findAction(p, change.ShareView).Request.As = &change.Ref{ID: id(user)} },
		"an invalid id":            func(p *plan.Plan) { findAction(p, change.EnableUser).Target.User.ID = "x)/Microsoft.Dynamics.CRM.Y(" },
		"a manual kind":            func(p *plan.Plan) { p.Actions[0].Kind = change.MoveUser },
		"another kind":             func(p *plan.Plan) { p.Actions[0].Kind = change.RaiseDepth },
		"a user disabled":          func(p *plan.Plan) { a := findAction(p, change.EnableUser); a.Before, a.After = a.After, a.Before },
		"more rights":              func(p *plan.Plan) { findAction(p, change.ShareView).After["access"] = "read, superpower" },
		"valid for years":          func(p *plan.Plan) { p.ExpiresAt = p.Snapshot.TakenAt.Add(plan.MaxValidity + time.Second) },
		"an innocent summary":      func(p *plan.Plan) { findAction(p, change.AssignRole).Summary = "assign nothing" },
		"an innocent note":         func(p *plan.Plan) { findAction(p, change.UnassignRole).Note = "Nothing happens." },
		"a lower risk":             func(p *plan.Plan) { findAction(p, change.UnassignRole).Risk = change.RiskLow },
		"another role, same words": func(p *plan.Plan) { findAction(p, change.AssignRole).Target.Role.Name = "System Administrator" },
		"more than Read shared": func(p *plan.Plan) {
			findAction(p, change.ShareView).After["access"] = "read, write, delete, share, assign"
		},
		"a share that removes a right":     func(p *plan.Plan) { a := findAction(p, change.ShareView); a.Before["access"] = "read, write" },
		"a reduction that adds":            func(p *plan.Plan) { findAction(p, change.ReduceShare).Before["access"] = "append-to" },
		"a reduction that changes nothing": func(p *plan.Plan) { findAction(p, change.ReduceShare).Before["access"] = "read" },
		"a made-up reason":                 func(p *plan.Plan) { findAction(p, change.AssignRole).Why[0].Control = "DB-USER-ENABLED" },
		"no reason":                        func(p *plan.Plan) { findAction(p, change.AssignRole).Why = nil },
		"other side effects":               func(p *plan.Plan) { findAction(p, change.EnableUser).Along = []string{"prvReadSharePointData"} },
		"another undo action":              func(p *plan.Plan) { findAction(p, change.RaiseDepth).UndoneWith = "1" },
		"grants that no action makes": func(p *plan.Plan) {
			findAction(p, change.AssignRole).Target.Grants["prvBulkDelete"] = audit.DepthGlobal
		},
		"another order":           func(p *plan.Plan) { p.Actions[0], p.Actions[1] = p.Actions[1], p.Actions[0] },
		"a row of a later action": func(p *plan.Plan) { p.Actions[0].Target.Role = &change.Ref{MadeBy: "5"} },
		"a target without a role": func(p *plan.Plan) { p.Actions[0].Target.Role = nil },
	} {
		t.Run(name, func(t *testing.T) {
			p := decode(t, whole)
			edit(&p)
			if _, err := plan.Decode(encode(t, p)); err == nil || !strings.Contains(err.Error(), "edited") {
				t.Errorf("with the old digest: %v", err)
			}
			if err := p.Seal(); err != nil {
				t.Fatal(err)
			}
			if _, err := plan.Decode(encode(t, p)); err == nil || !strings.Contains(err.Error(), "make the plan again") {
				t.Errorf("with a matching digest: %v", err)
			}
		})
	}
	data := encode(t, whole)
	for name, broken := range map[string][]byte{
		"truncated": data[:len(data)/2],
		"trailing":  append(slices.Clone(data), []byte("{}")...),
		"a result":  []byte(`{"format":"dbaudit.result/v1"}`),
		"extended":  bytes.Replace(data, []byte(`"format"`), []byte(`"more": 1, "format"`), 1),
		"later":     bytes.Replace(data, []byte("dbaudit.plan/v1"), []byte("dbaudit.plan/v2"), 1),
		"prolonged": bytes.Replace(data, []byte(`"expires_at": "2026`), []byte(`"expires_at": "2036`), 1),
	} {
		if _, err := plan.Decode(broken); err == nil {
			t.Errorf("%s: a broken plan was accepted", name)
		}
	}
	if strings.Contains(fmt.Sprint(decodeError(bytes.Replace(data, []byte(`"global"`), []byte(`"basic"`), 1))), "sha256:") {
		t.Error("the error contains the expected digest")
	}
}

// TestMissingFields: a plan with an action that lacks a field is refused, or its methods do not
// panic.
func TestMissingFields(t *testing.T) {
	t.Parallel()
	seen := map[audit.FixKind]bool{}
	for _, edit := range []func(*audit.Result, *snapshot.Snapshot){nil, noRoleNoUser} {
		whole := build(t, options(), edit)
		data := encode(t, whole)
		for i, a := range whole.Actions {
			if seen[a.Kind] {
				continue
			}
			seen[a.Kind] = true
			for _, part := range []func(*change.Action) any{
				func(a *change.Action) any { return a }, func(a *change.Action) any { return &a.Target },
			} {
				for field := range reflect.ValueOf(part(&whole.Actions[i])).Elem().NumField() {
					var p plan.Plan
					if err := json.Unmarshal(data, &p); err != nil {
						t.Fatal(err)
					}
					value := reflect.ValueOf(part(&p.Actions[i])).Elem().Field(field)
					value.SetZero()
					if err := p.Seal(); err != nil {
						continue
					}
					p, err := plan.Decode(encode(t, p))
					if err != nil {
						continue
					}
					_, _ = p.Text(), p.Markdown()
					_ = p.MissingPrivileges(nil)
					_, _ = p.NeedsToUndo()
				}
			}
		}
	}
}

func decodeError(data []byte) error {
	_, err := plan.Decode(data)
	return err
}

// TestExactBytes: a plan is decoded only from the bytes of Encode, so that no program can read
// another plan from the same file.
func TestExactBytes(t *testing.T) {
	data := encode(t, build(t, options(), nil))
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		t.Fatal(err)
	}
	swap := func(from, to string) []byte { return bytes.Replace(data, []byte(from), []byte(to), 1) }
	for name, other := range map[string][]byte{
		"white space":         compact.Bytes(),
		"a space":             append([]byte(" "), data...),
		"no last line end":    data[:len(data)-1],
		"a capitalized key":   swap(`"actions"`, `"Actions"`),
		"a decoy":             swap(`  "actions": [`, "  \"actions\": [],\n  \"Actions\": ["),
		"a key twice":         swap(`  "profile":`, "  \"profile\": \"gong\",\n  \"profile\":"),
		"an escaped letter":   swap(`"profile": "d`, `"profile": "\u0064`),
		"another order":       swap("  \"format\": \"dbaudit.plan/v1\",\n", ""),
		"a byte order mark":   append([]byte("\xef\xbb\xbf"), data...),
		"a null for nothing":  swap(`"withheld": []`, `"withheld": null`),
		"an empty list added": swap(`  "digest"`, "  \"along\": [],\n  \"digest\""),
	} {
		if err := decodeError(other); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := decodeError(bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))); err != nil {
		t.Errorf("with the line endings of git on Windows: %v", err)
	}
}

func TestLimits(t *testing.T) {
	p := build(t, options(), nil)
	if got, along := p.Counts(); !maps.Equal(got, map[change.Mark]int{change.MarkAdd: 3, change.MarkChange: 3, change.MarkRemove: 2}) || along != 3 {
		t.Errorf("counts: %+v, %d", got, along)
	}
	enough := plan.Limits{Minimum: []string{"prvreadlead", "prvReadAccount"}}
	if err := p.CheckLimits(enough); err != nil {
		t.Error(err)
	}
	if err := p.CheckLimits(plan.Limits{Changes: 7, Minimum: enough.Minimum}); err == nil || !strings.Contains(err.Error(), "--max-changes") {
		t.Errorf("eight changes with a limit of seven: %v", err)
	}
	if err := p.CheckLimits(plan.Limits{Minimum: []string{"prvReadLead"}}); err == nil || !strings.Contains(err.Error(), "prvReadAccount") {
		t.Errorf("a privilege that the profile does not require: %v", err)
	}
	if p.Expired(taken().Add(plan.DefaultValidity)) || !p.Expired(taken().Add(plan.DefaultValidity+time.Second)) {
		t.Error("the validity does not count from the snapshot")
	}
}

func TestUndefinedPrivilegesOfANewRole(t *testing.T) {
	o := options()
	o.Minimum = []string{"prvReadLead", "prvReadCampaign"}
	p := build(t, o, noRole)
	if !slices.ContainsFunc(p.Manual, func(m plan.Manual) bool { return m.Kind == change.InstallApp && m.Control == "DB-ROLE-EXISTS" }) {
		t.Errorf("manual steps: %v", p.Manual)
	}
}

func TestNeeds(t *testing.T) {
	p := build(t, options(), nil)
	held := change.Depths{"prvwriterole": audit.DepthGlobal, "prvwriteuser": audit.DepthLocal, "prvassignrole": audit.DepthBasic, "prvreadlead": audit.DepthDeep, "prvreadaccount": audit.DepthGlobal}
	for _, name := range append(change.RestoredPrivileges(), "prvReadRole", "prvReadTeam") {
		held[strings.ToLower(name)] = audit.DepthGlobal
	}
	want := []string{
		"prvActOnBehalfOfAnotherUser (global)",
		"prvAssignRole (deep)", "prvDisableUser (deep)", // the user's business unit is below the root
		"prvReadBusinessUnit (global)", "prvReadLead (global)", "prvReadUser (global)", "prvReadUserQuery (basic)", "prvShareUserQuery (basic)", "prvWriteUser (deep)",
	}
	if got := p.MissingPrivileges(held); !slices.Equal(got, want) {
		t.Errorf("missing %v, want %v", got, want)
	}
	undo, roles := p.NeedsToUndo()
	if want := (change.Depths{"prvBulkDelete": audit.DepthGlobal}); !maps.Equal(undo, want) || !slices.Equal(roles, []string{"System Administrator"}) {
		t.Errorf("to undo %v, %v", undo, roles)
	}

	p = build(t, options(), noRoleNoUser)
	needs := p.Needs()
	for name, depth := range (change.Depths{"prvCreateRole": audit.DepthLocal, "prvCreateUser": audit.DepthDeep, "prvReadLead": audit.DepthGlobal, "prvReadSdkMessage": audit.DepthGlobal, "prvCreateSharePointData": audit.DepthGlobal}) {
		if needs[name] != depth {
			t.Errorf("needs %s at %s, not %s", name, needs[name], depth)
		}
	}
	undo, _ = p.NeedsToUndo()
	if want := (change.Depths{"prvDeleteRole": audit.DepthLocal, "prvDeleteUser": audit.DepthDeep, "prvDisableUser": audit.DepthDeep, "prvReadTeam": audit.DepthGlobal, "prvWriteUser": audit.DepthDeep}); !maps.Equal(undo, want) {
		t.Errorf("to undo %v", undo)
	}

	// apply checks the names of the principals of shares.
	share := func(kind string) plan.Plan {
		target := change.Target{Kind: change.TargetShare, Principal: &change.Ref{Kind: kind, Name: "Demandbase"}}
		return plan.Plan{Actions: []change.Action{{Target: target}}}
	}
	for kind, name := range map[string]string{"systemuser": "prvReadUser", "team": "prvReadTeam"} {
		if needs := share(kind).Needs(); needs[name] != audit.DepthGlobal {
			t.Errorf("to share with a %s: %v", kind, needs)
		}
	}

	// Assigning a role requires everything that it grants.
	o := options()
	o.Only = []string{"DB-USER-ROLE"}
	allowed := func(r *audit.Result, _ *snapshot.Snapshot) { r.Integration.Surplus = nil }
	if needs := build(t, o, allowed).Needs(); needs["prvBulkDelete"] != audit.DepthGlobal || needs["prvReadAccount"] != audit.DepthDeep {
		t.Errorf("to assign the role: %v", needs)
	}
}

func FuzzDecode(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "plan.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"format":"dbaudit.plan/v1"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := plan.Decode(data)
		if err != nil {
			return
		}
		_ = p.Text()
		_ = p.Markdown()
	})
}

// TestJudgedInPart: the plan lists what could not be judged of a failed control, and fixes the
// rest.
func TestJudgedInPart(t *testing.T) {
	p := build(t, options(), func(r *audit.Result, _ *snapshot.Snapshot) {
		r.Controls[1].Unjudged = []string{"another role was not read"}
	})
	if !slices.Contains(p.Unknown, plan.Unknown{Control: "DB-PRIV-LEAD", Reason: "another role was not read"}) {
		t.Errorf("unknown: %v", p.Unknown)
	}
}
