package sessions_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/schema"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

type assumptionsDocument struct {
	Format, Dataverse string
	Assumptions       []struct{ ID, Question, Assumed, Answer, Found, Then string }
}

// answeredWith returns the ids of the assumptions with an answer.
func (a assumptionsDocument) answeredWith(answer string) []string {
	var ids []string
	for _, q := range a.Assumptions {
		if q.Answer == answer {
			ids = append(ids, q.ID)
		}
	}
	return ids
}

func runAssumptions(p *process) (assumptionsDocument, string) {
	p.tb.Helper()
	var a assumptionsDocument
	out := p.run("doctor", "--assumptions", "-f", "json").must(p.tb, 0).stdout
	decodeInto(p.tb, out, &a)
	if a.Format != "dbaudit.assumptions/v1" || a.Dataverse == "" {
		p.tb.Errorf("%+v", a)
	}
	compiled, err := schematest.Compile(schema.Files, "assumptions.json")
	if err != nil {
		p.tb.Fatal(err)
	}
	var document any
	decodeInto(p.tb, out, &document)
	if err := compiled.Validate(document); err != nil {
		p.tb.Errorf("the document does not keep to its schema: %v", err)
	}
	return a, out
}

// TestAssumptions checks that each contradiction of the simulator changes the answer about its own
// assumption and about no other.
func TestAssumptions(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	// The auditor itself sees a view.
	env.PersonalViews[0].Shares = append(env.PersonalViews[0].Shares, simulator.Share{Principal: "dbaudit", Access: simulator.RightRead})
	server := serve(t, env, simulator.Options{})
	p := newConfiguredProcess(t, server)
	usual, _ := runAssumptions(p)
	if got := usual.answeredWith("otherwise"); !slices.Equal(got, []string{"own-views-only"}) || len(usual.answeredWith("could not be asked")) > 0 {
		t.Errorf("otherwise: %v, not asked: %v", got, usual.answeredWith("could not be asked"))
	}
	noticed := map[simulator.Contradiction][]string{
		simulator.BulkEditAllDepths:     {"bulk-edit-depth"},
		simulator.UserSettingsBasic:     {"user-settings-depth"},
		simulator.ViewsOfEverybody:      {"own-views-only"},
		simulator.SharesClosed:          {"shares-readable", "shares-filter"},
		simulator.ShareFilterRefused:    {"shares-filter"},
		simulator.ShareCodesNumeric:     {"share-type-codes"},
		simulator.RolePrivilegesClosed:  {"role-privileges-table"},
		simulator.PrincipalsByReference: {"principal-accesses"},
		simulator.RecordFilters:         {"record-filters"},
		simulator.ActAsSelfRefused:      {"act-as-self"},
		simulator.ActAsUnknownIgnored:   {"act-as-unknown"},
		simulator.ActIgnored:            {"act-as-user", "act-as-unknown"},
		simulator.NoPrivilegesByNames:   {"privileges-by-names"},
		simulator.FewNames:              {"privileges-by-names"},
		simulator.NoIntersectSets:       {"set-systemuserrolescollection", "set-teamrolescollection", "set-teammemberships"},
		simulator.SettingsClosed:        {"organization-settings"},
		simulator.NoHint:                {"dop-hint"},
	}
	for _, c := range simulator.Contradictions() {
		p.mutate(func(e *simulator.Environment) { e.Contradictions = []simulator.Contradiction{c} })
		a, _ := runAssumptions(p)
		var got []string
		for _, id := range a.answeredWith("otherwise") {
			if id != "own-views-only" || c == simulator.ViewsOfEverybody {
				got = append(got, id)
			}
		}
		if want := noticed[c]; !slices.Equal(got, want) {
			t.Errorf("%s: otherwise are %v, want %v", c, got, want)
		}
	}
	p.mutate(func(e *simulator.Environment) {
		e.Contradictions, e.UndefinedTables = nil, []string{"customeropportunityrole"}
	})
	if a, _ := runAssumptions(p); !slices.Contains(a.answeredWith("otherwise"), "opportunity-relationship") {
		t.Errorf("otherwise: %v", a.answeredWith("otherwise"))
	}
}

// TestAssumptionsAreAnonymous checks that the document contains no name, id or address, even if the
// environment names principals in a refusal.
func TestAssumptionsAreAnonymous(t *testing.T) {
	t.Parallel()
	for _, grants := range []simulator.Grants{nil, {"prvReadUser": simulator.DepthLocal}, {"prvReadUserQuery": simulator.DepthBasic}} {
		env := builtin(t, "sample")
		if grants != nil {
			grantAuditor(t, env, grants)
		}
		env.Contradictions = []simulator.Contradiction{simulator.RecordFilters, simulator.ViewsOfEverybody, simulator.SettingsClosed}
		server := serve(t, env, simulator.Options{})
		p := newConfiguredProcess(t, server)
		_, out := runAssumptions(p)
		full := server.Environment()
		secrets := []string{full.TenantID, full.Organization.ID, full.Organization.Name, full.Organization.URLName, "127.0.0.1", strings.TrimPrefix(server.URL(), "https://")}
		for _, u := range append(full.Users, full.ApplicationUsers...) {
			secrets = append(secrets, u.ID, u.Name, u.UPN, u.ApplicationID, u.EntraObjectID)
		}
		for _, v := range full.PersonalViews {
			secrets = append(secrets, v.ID, v.Name)
		}
		for _, r := range full.Roles {
			secrets = append(secrets, r.ID)
		}
		for _, secret := range secrets {
			// "dbaudit" is the name of a user, and of the program.
			if secret != "" && secret != "dbaudit" && strings.Contains(strings.ToLower(out), strings.ToLower(secret)) {
				t.Errorf("%q is in the document:\n%s", secret, out)
			}
		}
	}
}

// TestAssumptionsExitCodes checks that the exit code is 3 if nothing could be asked, and that the
// environment is not changed.
func TestAssumptionsExitCodes(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	server := serve(t, env, simulator.Options{})
	p := newConfiguredProcess(t, server)
	before := p.state()
	table := p.run("doctor", "--assumptions").must(t, 0).stdout
	p.wantContains(table, "as assumed", "prvBulkEdit")
	if p.state() != before {
		t.Error("the environment was changed")
	}
	p.run("doctor", "--assumptions", "--apply").must(t, 2)
	p.mutate(func(e *simulator.Environment) { e.Organization.State = simulator.StateDisabled })
	p.wantContains(p.run("doctor", "--assumptions").must(t, 3).stderr, "the environment is disabled")
	p.vars["DBAUDIT_CLIENT_SECRET"] = "wrong"
	p.run("doctor", "--assumptions").must(t, 3)
}

// TestDoctorProvesImpersonation checks that doctor fails if the environment ignores impersonation.
func TestDoctorProvesImpersonation(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	env.Contradictions = []simulator.Contradiction{simulator.ActIgnored}
	p := newConfiguredProcess(t, serve(t, env, simulator.Options{}))
	e := runDoctor(p, 3)
	for _, c := range e.Checks {
		if c.ID == "impersonation" && (c.Outcome != "fail" || !strings.Contains(c.Detail, "responds as another user")) {
			t.Errorf("%+v", c)
		}
	}
}
