package sessions_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// writeEnvironments writes a configuration with a named environment for each server, and more
// lines.
func (p *process) writeEnvironments(names []string, further ...string) {
	p.tb.Helper()
	var b strings.Builder
	b.WriteString("environments:\n")
	for i, name := range names {
		env := p.servers[i].Environment()
		fmt.Fprintf(&b, "  %s:\n    url: %s\n    auth: {tenant_id: %s, client_id: %s, authority: %q}\n    integration: {app_id: %s, role: %s}\n",
			name, p.servers[i].URL(), env.TenantID, env.Suggest.Auditor, p.servers[i].AuthorityURL(), env.Suggest.ApplicationID, env.Suggest.Role)
	}
	for _, line := range further {
		b.WriteString(line + "\n")
	}
	p.write("dbaudit.yaml", b.String())
	secret := p.vars["DBAUDIT_CLIENT_SECRET"]
	p.vars = map[string]string{"DBAUDIT_CLIENT_SECRET": secret}
}

// verdicts returns the environments of a document in order, each as "NAME VERDICT".
func verdicts(tb testing.TB, o outcome) []string {
	tb.Helper()
	type result struct {
		Verdict     string
		Environment struct{ Name string }
	}
	var document struct {
		Format  string
		Results []result
		result
	}
	decodeInto(tb, o.stdout, &document)
	if document.Format == "dbaudit.result/v1" {
		document.Results = []result{document.result}
	}
	var list []string
	for _, r := range document.Results {
		list = append(list, r.Environment.Name+" "+r.Verdict)
	}
	return list
}

func TestManyEnvironments(t *testing.T) {
	t.Parallel()
	compliant, sample, refused := serve(t, builtin(t, "compliant"), simulator.Options{}), serve(t, builtin(t, "sample"), simulator.Options{}),
		serve(t, grantAuditor(t, builtin(t, "compliant"), simulator.Grants{"prvReadUser": simulator.DepthGlobal}), simulator.Options{})
	newProcess := func(t *testing.T, names []string, servers ...*simulator.Server) *process {
		p := newParallelProcess(t, servers...)
		p.writeEnvironments(names, "  zanzibar:", "    url: https://127.0.0.1:1", "    auth: {tenant_id: 11111111-1111-4111-8111-111111111111, client_id: 11111111-1111-4111-8111-111111111111}")
		return p
	}
	for _, test := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"one", []string{"--env", "north"}, 0, []string{"north compliant"}},
		{"two", []string{"--env", "south", "--env", "north", "--env", "south"}, 1, []string{"south noncompliant", "north compliant"}},
		{"something unread", []string{"--env", "north", "--env", "west"}, 4, []string{"north compliant", "west incomplete"}},
		{"failures before unknowns", []string{"--env", "west", "--env", "south"}, 1, []string{"west incomplete", "south noncompliant"}},
		{"one unreachable", []string{"--env", "north", "--env", "zanzibar", "--env", "south"}, 3, []string{"north compliant", "zanzibar incomplete", "south noncompliant"}},
		{"all", []string{"--all-envs"}, 3, []string{"north compliant", "south noncompliant", "west incomplete", "zanzibar incomplete"}},
		{"a threshold", []string{"--env", "north", "--env", "south", "--fail-on", "critical"}, 0, []string{"north compliant", "south noncompliant"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProcess(t, []string{"north", "south", "west"}, compliant, sample, refused)
			o := p.run(append([]string{"scan", "-f", "json"}, test.args...)...).must(t, test.code)
			if got := verdicts(t, o); !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
			if unreachable := strings.Contains(o.stderr, "dbaudit: zanzibar (https://127.0.0.1:1): "); unreachable != (test.code == 3) {
				t.Errorf("complained about zanzibar: %v\n%s", unreachable, o.stderr)
			}
		})
	}
	t.Run("summary over all", func(t *testing.T) {
		t.Parallel()
		p := newProcess(t, []string{"north", "south", "west"}, compliant, sample, refused)
		o := p.run("scan", "--all-envs", "-f", "table", "-f", "json", "-o", p.file("results.json")).must(t, 3)
		overview, _, _ := strings.Cut(o.stdout, "\n\n")
		p.wantContains(overview, "north", "south", "west")
		info, err := os.Stat(p.file("results.json"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("results.json: %v, %v", info, err)
		}
	})
	t.Run("none reachable", func(t *testing.T) {
		t.Parallel()
		p := newProcess(t, nil)
		p.vars["DBAUDIT_CLIENT_SECRET"] = "x"
		if o := p.run("scan", "--all-envs", "-f", "json").must(t, 3); !slices.Equal(verdicts(t, o), []string{"zanzibar incomplete"}) {
			t.Errorf("standard output has %q", o.stdout)
		}
	})
	t.Run("doctor over several", func(t *testing.T) {
		t.Parallel()
		p := newProcess(t, []string{"north", "south", "west"}, compliant, sample, refused)
		var document struct {
			Format  string
			Results []struct{ Outcome string }
		}
		decodeInto(t, p.run("doctor", "--env", "north", "--env", "west", "-f", "json").must(t, 3).stdout, &document)
		if document.Format != "dbaudit.doctors/v1" || len(document.Results) != 2 || document.Results[0].Outcome != "pass" || document.Results[1].Outcome != "fail" {
			t.Errorf("%+v", document)
		}
	})
	t.Run("one that cannot be asked", func(t *testing.T) {
		t.Parallel()
		p := newParallelProcess(t, compliant)
		p.writeEnvironments([]string{"north"}, "  aachen:", "    url: "+compliant.URL(), "    auth: {client_id: 11111111-1111-4111-8111-111111111111, secret: {env: ABSENT}}")
		doctor := p.run("doctor", "--all-envs").must(t, 3)
		p.wantContains(doctor.stdout, "aachen", "the variable ABSENT is not set", "north", "0 fail")
		whoami := p.run("whoami", "--all-envs").must(t, 2)
		p.wantContains(whoami.stdout, "north (")
		p.wantContains(whoami.stderr, "dbaudit: aachen (", "the variable ABSENT is not set")
		if o := p.run("whoami", "--env", "aachen").must(t, 2); o.stdout != "" {
			t.Errorf("%q is not known", o.stdout)
		}
	})
	t.Run("a person is asked once", func(t *testing.T) {
		t.Parallel()
		p := newProcess(t, []string{"north", "south"}, compliant, compliant)
		delete(p.vars, "DBAUDIT_CLIENT_SECRET")
		p.env.SignIns = nil
		done := p.approve("alex@contoso.com")
		o := p.run("scan", "-f", "json", "--env", "north", "--env", "south", "--auth", "device-code", "--client-id", publicClientApp).must(t, 0)
		<-done
		if n := strings.Count(o.stderr, "enter the code"); n != 1 {
			t.Errorf("asked %d times:\n%s", n, o.stderr)
		}
	})
	t.Run("wrong usage", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{
			{"--env", "east"},
			{"--env", "north", "--all-envs"},
			{},
			{"--all-envs", "--url", "https://contoso.crm.dynamics.com"},
			{"--all-envs", "--snapshot", "s.json"},
		} {
			newProcess(t, []string{"north", "south", "west"}, compliant, sample, refused).run(append([]string{"scan"}, args...)...).must(t, 2)
		}
	})
}
