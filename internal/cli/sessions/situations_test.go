package sessions_test

import (
	"bytes"
	"crypto/x509"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A situation is a change to the compliant environment: what a plan does about it, and the controls
// that still need manual steps.
type situation struct {
	change func(*simulator.Environment)
	flags  []string // of plan and apply
	does   []audit.FixKind
	people []audit.ControlID
	code   int    // of apply
	lost   string // what rollback says that it cannot bring back
}

func situations() map[string]situation {
	const role, accounts = "Demandbase Integration", "Demandbase Accounts"
	user := func(env *simulator.Environment) *simulator.User {
		return env.ApplicationUser(env.Suggest.ApplicationID)
	}
	mode := func(m simulator.AccessMode) func(*simulator.Environment) {
		return func(env *simulator.Environment) { user(env).AccessMode = m }
	}
	filtered := func(env *simulator.Environment) { env.Role(role).RecordFilters = []string{"prvReadAccount"} }
	shared := func(access, inherited simulator.Rights) func(*simulator.Environment) {
		return func(env *simulator.Environment) {
			env.PersonalView("account", accounts).Shares = []simulator.Share{{Principal: role, Access: access, Inherited: inherited}}
		}
	}
	moved := func(keep simulator.Tristate) func(*simulator.Environment) {
		return func(env *simulator.Environment) {
			env.Organization.KeepRolesOnMove = keep
			user(env).BusinessUnit = "Europe"
		}
	}
	return map[string]situation{
		"a grant for some records only": {
			change: filtered,
			people: []audit.ControlID{"DB-PRIV-ACCOUNT"},
			code:   1,
		},
		"a grant for some records only, to be replaced": {
			change: filtered,
			flags:  []string{"--replace-filtered"},
			does:   []audit.FixKind{change.AddPrivilege},
			lost:   "prvReadAccount",
		},
		"a share that inherits more than Read": {
			change: shared(simulator.RightRead, simulator.RightWrite),
			people: []audit.ControlID{"DB-VIEW-LEAST-ACCESS"},
			code:   1,
		},
		"a share that gives more than Read, and inherits more yet": {
			change: shared(simulator.RightRead|simulator.RightWrite, simulator.RightShare),
			people: []audit.ControlID{"DB-VIEW-LEAST-ACCESS"},
			code:   1,
		},
		"a share that inherits Read": {change: shared(0, simulator.RightRead)},
		"a user in another business unit": {
			change: moved(simulator.Off),
			people: []audit.ControlID{"DB-USER-BUSINESS-UNIT"},
			code:   1,
		},
		"a user in another business unit, where a move keeps the roles": {
			change: moved(simulator.On),
			people: []audit.ControlID{"DB-USER-BUSINESS-UNIT"},
			code:   1,
		},
		"impersonation that is passed over": {
			change: func(env *simulator.Environment) {
				env.Contradictions = []simulator.Contradiction{simulator.ActIgnored}
				removeReadLead(env)
			},
			does: []audit.FixKind{change.AddPrivilege},
			code: 4,
		},
		"an access mode that cannot write":            {change: mode(simulator.AccessRead), people: []audit.ControlID{"DB-USER-ENABLED"}, code: 1},
		"an access mode of Microsoft's support":       {change: mode(simulator.AccessSupport), people: []audit.ControlID{"DB-USER-ENABLED"}, code: 1},
		"an access mode of a delegated administrator": {change: mode(simulator.AccessDelegatedAdmin), people: []audit.ControlID{"DB-USER-ENABLED"}, code: 1},
		"an identity that is gone from Entra": {
			change: func(env *simulator.Environment) { user(env).EntraState = simulator.EntraDeleted },
			people: []audit.ControlID{"DB-USER-ENABLED"},
			code:   1,
		},
		"a role through a team alone, of a disabled business unit": {
			change: func(env *simulator.Environment) {
				env.BusinessUnits = append(env.BusinessUnits, simulator.BusinessUnit{Name: "Closed", Parent: env.BusinessUnits[0].Name, Disabled: true})
				u := user(env)
				env.Teams = append(env.Teams, simulator.Team{
					Name: "Integrations", BusinessUnit: "Closed", Roles: []simulator.RoleAssignment{{Role: role}}, Members: []string{u.Name},
				})
				u.Roles = nil
			},
			does: []audit.FixKind{change.AssignRole},
		},
		"a role of a business unit that lacks a privilege": {
			change: func(env *simulator.Environment) {
				removeReadLead(env)
				env.Role(role).BusinessUnit, user(env).BusinessUnit = "Europe", "Europe"
			},
			does: []audit.FixKind{change.AddPrivilege},
		},
		"secured columns": {
			change: func(env *simulator.Environment) {
				env.ColumnSecurityProfiles = []simulator.ColumnSecurityProfile{{Name: "Finance", Reads: []string{"account.creditlimit"}}}
			},
		},
		"Basic rights through a team that keeps them": {
			change: func(env *simulator.Environment) {
				r := env.Role(role)
				r.TeamPrivilegesOnly = true
				delete(r.Privileges, "prvReadUserQuery")
				u := user(env)
				env.Teams = append(env.Teams, simulator.Team{
					Name: "Integrations", Roles: []simulator.RoleAssignment{{Role: role}}, Members: []string{u.Name},
				})
				u.Roles = nil
			},
			does: []audit.FixKind{change.AddPrivilege, change.AssignRole},
		},
		"only a soft-deleted user": {
			change: func(env *simulator.Environment) { user(env).SoftDeleted = true },
			people: []audit.ControlID{"DB-USER-EXISTS"},
			code:   1,
		},
		"a disabled user of a disabled business unit": {
			change: func(env *simulator.Environment) {
				env.BusinessUnits = append(env.BusinessUnits, simulator.BusinessUnit{Name: "Closed", Parent: env.BusinessUnits[0].Name, Disabled: true})
				user(env).Disabled, user(env).BusinessUnit = true, "Closed"
			},
			people: []audit.ControlID{"DB-USER-ENABLED"},
			code:   1,
		},
		"an access mode that reaches no data": {
			change: func(env *simulator.Environment) { user(env).AccessMode = simulator.AccessAdministrative },
			people: []audit.ControlID{"DB-USER-ENABLED"},
			code:   1,
		},
		"a disabled business unit": {
			change: func(env *simulator.Environment) {
				env.BusinessUnits = append(env.BusinessUnits, simulator.BusinessUnit{Name: "Closed", Parent: env.BusinessUnits[0].Name, Disabled: true})
				user(env).BusinessUnit = "Closed"
			},
			people: []audit.ControlID{"DB-USER-ENABLED"},
			code:   1,
		},
	}
}

// TestSituations checks that in each situation, plan and apply leave nothing that dbaudit could
// fix, that the plan lists the manual steps, and that rollback restores the first state or says
// what it cannot restore.
func TestSituations(t *testing.T) {
	t.Parallel()
	for name, s := range situations() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newApplyProcessWith(t, s.change, newParallelProcess)
			if slices.Contains(s.people, "DB-USER-BUSINESS-UNIT") {
				b.vars["DBAUDIT_BUSINESS_UNIT"] = "Contoso"
			}
			planned := func(file string) plan.Plan {
				b.run(append([]string{"plan", "-o", b.file(file)}, s.flags...)...).must(t, 0)
				return b.plan(file)
			}
			start := b.state()
			p := planned("plan.json")
			var does []audit.FixKind
			for _, a := range p.Actions {
				does = append(does, a.Kind)
			}
			if !slices.Equal(does, s.does) {
				t.Errorf("the plan does %v, want %v", does, s.does)
			}
			b.run(append([]string{"apply", b.file("plan.json"), "--yes"}, s.flags...)...).must(t, s.code)
			after := planned("after.json")
			if !after.Empty() {
				t.Errorf("a tool could fix more: %s", after.Text())
			}
			var people []string
			for _, m := range after.Manual {
				people = append(people, string(m.Control))
				if len(m.How) == 0 || strings.TrimSpace(m.Who) == "" {
					t.Errorf("%s has no steps, or nobody to do them: %+v", m.Control, m)
				}
			}
			for _, id := range s.people {
				if !slices.Contains(people, string(id)) {
					t.Errorf("%s has no manual step: %v", id, people)
				}
			}
			if len(s.people) == 0 && len(people) > 0 {
				t.Errorf("manual steps for %v", people)
			}
			if len(does) == 0 {
				return
			}
			if s.lost != "" {
				b.wantContains(b.run("rollback", b.file("plan.journal.json"), "--yes").must(t, 5).stderr, s.lost)
				return
			}
			b.run("rollback", b.file("plan.journal.json"), "--yes").must(t, 0)
			if b.state() != start {
				t.Error("the rollback does not bring the start back")
			}
		})
	}
}

// TestNoSuchBusinessUnit checks that no format advises to move the user to a business unit that
// does not exist or is disabled.
func TestNoSuchBusinessUnit(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	env.BusinessUnits = append(env.BusinessUnits, simulator.BusinessUnit{Name: "Closed", Parent: env.BusinessUnits[0].Name, Disabled: true})
	p := newParallelProcess(t, serve(t, env, simulator.Options{}))
	for _, unit := range []string{"Atlantis", "Closed"} {
		for _, format := range []string{"table", "html", "markdown", "csv", "sarif"} {
			text := strings.Join(strings.Fields(p.run("scan", "-f", format, "--business-unit", unit).must(t, 1).stdout), " ")
			if strings.Contains(text, "Move the user") {
				t.Errorf("%s, %s: %s", unit, format, text)
			}
			if format == "html" {
				p.wantContains(text, "Correct business_unit in dbaudit.yaml, or create or enable the business unit")
			}
		}
	}
	p.wantContains(p.run("scan", "--business-unit", "Europe").must(t, 1).stdout, "Move the user")
}

// TestGrantWithoutColumn checks that a grant whose depth or id is null makes only those controls
// unknown that require its privilege.
func TestGrantWithoutColumn(t *testing.T) {
	t.Parallel()
	for _, column := range []string{"Depth", "PrivilegeId"} {
		for privilege, unknown := range map[string][]audit.ControlID{"prvReadGoal": nil, "prvReadLead": {"DB-PRIV-LEAD"}} {
			env := builtin(t, "compliant")
			for _, role := range []string{"Demandbase Integration", "dbaudit Auditor"} {
				env.Role(role).Privileges[privilege] = simulator.DepthGlobal
			}
			p := newConfiguredProcess(t, serve(t, env, simulator.Options{}))
			next := p.env.Transport(nil)
			pattern := regexp.MustCompile(`"` + column + `":"[^"]*"([^{}]*"PrivilegeName":"` + privilege + `")`)
			p.env.Transport = func(*x509.CertPool) http.RoundTripper {
				return nullingTransport{next, pattern, `"` + column + `":null$1`}
			}
			got := map[audit.Outcome][]audit.ControlID{}
			for _, c := range p.run("scan", "-f", "json").results(t)[0].Controls {
				got[c.Outcome] = append(got[c.Outcome], c.ID)
			}
			if !slices.Equal(got[audit.OutcomeUnknown], unknown) {
				t.Errorf("%s without %s: unknown are %v, want %v", privilege, column, got[audit.OutcomeUnknown], unknown)
			}
			if surplus := slices.Contains(got[audit.OutcomeFail], "DB-ROLE-LEAST-PRIVILEGE"); surplus != (unknown == nil) {
				t.Errorf("%s without %s: counts as surplus: %t", privilege, column, surplus)
			}
		}
	}
}

// A nullingTransport replaces what a pattern matches in responses with privileges.
type nullingTransport struct {
	next        http.RoundTripper
	pattern     *regexp.Regexp
	replacement string
}

func (n nullingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := n.next.RoundTrip(r)
	if err != nil || !strings.Contains(r.URL.Path, "Privileges") {
		return answer, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	body = n.pattern.ReplaceAll(body, []byte(n.replacement))
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer.Header.Del("Content-Length")
	return answer, err
}
