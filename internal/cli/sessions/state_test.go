package sessions_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestEnvironmentStates checks that doctor and scan report the state of an environment once, and
// not as a missing privilege.
func TestEnvironmentStates(t *testing.T) {
	t.Parallel()
	state := func(s simulator.State) func(*simulator.Environment) {
		return func(e *simulator.Environment) { e.Organization.State = s }
	}
	for _, test := range []struct {
		name   string
		change func(*simulator.Environment)
		words  []string
	}{
		{"disabled", state(simulator.StateDisabled), []string{"0x8004a104", "the environment is disabled"}},
		{"administration mode", state(simulator.StateAdministration), []string{"0x8004a113", "the environment is in administration mode"}},
		{"firewall", state(simulator.StateFirewall), []string{"HTTP 403", "IP firewall"}},
		{"firewall's page", state(simulator.StateFirewallPage), []string{"HTTP 403", "403 Forbidden", "IP firewall"}},
		{"firewall with an empty body", state(simulator.StateFirewallSilent), []string{"HTTP 403", "IP firewall"}},
		{"claims", state(simulator.StateClaims), []string{"HTTP 401", "conditional access policy requires more"}},
		{"blocked application", func(e *simulator.Environment) { e.Client(e.Suggest.Auditor).Blocked = true }, []string{"0x80095ffc", "restricted for this application"}},
		{"missing license", func(e *simulator.Environment) { e.ApplicationUser(e.Suggest.Auditor).LicenceMissing = true }, []string{"0x8004d24b", "a license is missing"}},
		{"disabled user", func(e *simulator.Environment) { e.ApplicationUser(e.Suggest.Auditor).Disabled = true }, []string{"0x80048306", "user is disabled"}},
		{"disabled unit", func(e *simulator.Environment) {
			e.BusinessUnits = append(e.BusinessUnits, simulator.BusinessUnit{Name: "closed", Parent: e.BusinessUnits[0].Name, Disabled: true})
			u := e.ApplicationUser(e.Suggest.Auditor)
			u.BusinessUnit = "closed"
			for i := range u.Roles {
				u.Roles[i].BusinessUnit = ""
			}
		}, []string{"0x8004032c", "the business unit of this identity's user is disabled"}},
		{"no member", func(e *simulator.Environment) {
			e.ApplicationUser(e.Suggest.Auditor).ApplicationID = "dead0000-0000-4000-8000-00000000dead"
		}, []string{"0x80072560", "not a user of the environment"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := builtin(t, "compliant")
			server := serve(t, env, simulator.Options{})
			p := newConfiguredProcess(t, server)
			p.mutate(test.change)
			e := runDoctor(p, 3)
			if failed := e.checksWith("fail"); len(failed) != 1 || failed[0] != "membership member of the organization" {
				t.Errorf("failed: %v", failed)
			}
			table := p.run("doctor").must(t, 3).stdout
			for _, text := range []string{table, p.run("scan").must(t, 3).stdout} {
				for _, word := range test.words {
					if n := strings.Count(text, word); n == 0 || n > 2 {
						t.Errorf("%q appears %d times:\n%s", word, n, text)
					}
				}
				if strings.Contains(text, "prv") {
					t.Errorf("a privilege is named, which would not help:\n%s", text)
				}
			}
			if n := strings.Count(table, "not checked:"); n != 1 {
				t.Errorf("the skipped checks appear %d times:\n%s", n, table)
			}
		})
	}
}

// TestFirewallDuringScan checks that if a firewall blocks after the first response, doctor reports
// the reason once, no control passes, and neither command advises a privilege.
func TestFirewallDuringScan(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	server := serve(t, env, simulator.Options{Faults: func(r *http.Request) simulator.Fault {
		if !strings.HasPrefix(r.URL.Path, "/api/data/v9.2/") || strings.HasSuffix(r.URL.Path, "WhoAmI") || r.Header.Get("Authorization") == "" {
			return simulator.Fault{}
		}
		return simulator.Fault{Kind: simulator.FaultFirewall}
	}})
	p := newConfiguredProcess(t, server)
	table := p.run("doctor").must(t, 3).stdout
	scan := p.run("scan").must(t, 4).stdout
	for name, text := range map[string]string{"doctor": table, "scan": scan} {
		if n := strings.Count(text, "IP firewall"); n == 0 || n > 3 {
			t.Errorf("%s says the reason %d times:\n%s", name, n, text)
		}
		if strings.Contains(text, "grant prv") {
			t.Errorf("%s advises a privilege:\n%s", name, text)
		}
	}
}

// TestDisabledDuringScan checks that an environment that is disabled while it is read is one unread
// environment, and not 36 unknown controls.
func TestDisabledDuringScan(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	var server *simulator.Server
	var once sync.Once
	server = serve(t, env, simulator.Options{Observe: func(r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/roles") {
			return
		}
		once.Do(func() {
			if err := server.Mutate(func(e *simulator.Environment) { e.Organization.State = simulator.StateDisabled }); err != nil {
				t.Error(err)
			}
		})
	}})
	p := newConfiguredProcess(t, server)
	o := p.run("scan").must(t, 3)
	if n := strings.Count(o.stdout, "0x8004a104"); n != 1 {
		t.Errorf("the reason appears %d times:\n%s", n, o.stdout)
	}
	if !strings.Contains(o.stdout, "reading the environment: forbidden (HTTP") {
		t.Errorf("the message names the request that was refused first, which is chance:\n%s", o.stdout)
	}
}

// TestWhoLacksAPrivilege checks that the advice names the user that lacks a privilege: here the
// integration user and the owner of a view, not the auditor.
func TestWhoLacksAPrivilege(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	env.Roles = append(env.Roles, simulator.Role{Name: "Blind", Privileges: simulator.Grants{"prvReadAccount": simulator.DepthGlobal}})
	env.User("amir@contoso.com").Roles = []simulator.RoleAssignment{{Role: "Blind"}}
	delete(env.Role(env.Suggest.Role).Privileges, "prvReadUserQuery")
	p := newConfiguredProcess(t, serve(t, env, simulator.Options{}))
	file := p.file("snapshot.json")
	p.run("scan", "--snapshot", file).must(t, 1)
	var taken struct {
		Coverage map[string]struct{ Detail string }
	}
	decodeInto(t, read(t, file), &taken)
	for section, want := range map[string]string{"user_views": "the integration user", "views": "the view's owner"} {
		if detail := taken.Coverage[section].Detail; !strings.Contains(detail, "it is "+want) || !strings.Contains(detail, "that lacks prvReadUserQuery") {
			t.Errorf("%s: %q does not say that %s lacks it", section, detail, want)
		}
	}
	for _, c := range runDoctor(p, 0).Checks {
		if c.ID == "impersonation" && strings.Contains(c.Advice, "this identity") {
			t.Errorf("%s: %s", c.Title, c.Advice)
		}
	}
}
