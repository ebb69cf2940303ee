package sessions_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A tenancy has two tenants with two environments each. Each environment has its own credential.
type tenancy struct {
	north, south, east, west *simulator.Server
}

func newTenancy(t *testing.T) tenancy {
	t.Helper()
	serveIn := func(tenant, secret string) *simulator.Server {
		env := builtin(t, "compliant")
		env.TenantID = tenant
		client := env.Client(env.Suggest.Auditor)
		client.Secret, client.Certificate = secret, "generated"
		return serve(t, env, simulator.Options{})
	}
	const contoso, fabrikam = "c0000000-0000-4000-8000-00000000c0c0", "fab00000-0000-4000-8000-00000000fab0"
	return tenancy{serveIn(contoso, "secret-of-north"), serveIn(fabrikam, "secret-of-south"), serveIn(contoso, "secret-of-east"), serveIn(fabrikam, "secret-of-west")}
}

// newProcess returns a process with a configuration of the four environments: the secret of north is in
// a variable, that of south in a file; east and west have certificates, with passwords in a
// variable and in a file. The variables for all environments have other values.
func (n tenancy) newProcess(t *testing.T) *process {
	t.Helper()
	p := newParallelProcess(t, n.north, n.south, n.east, n.west)
	auth := func(s *simulator.Server, credential string) string {
		return fmt.Sprintf("    url: %s\n    auth: {tenant_id: %s, client_id: %s, authority: %q, %s}\n",
			s.URL(), s.TenantID(), s.Environment().Suggest.Auditor, s.AuthorityURL(), credential)
	}
	p.write("dbaudit.yaml", "environments:\n"+
		"  north:\n    labels: {tenant: contoso, stage: live}\n"+auth(n.north, "secret: {env: NORTH_SECRET}")+
		"  south:\n    labels: {tenant: fabrikam, stage: live}\n"+auth(n.south, "secret: {file: south.secret}")+
		"  east:\n    labels: {tenant: contoso}\n"+auth(n.east, fmt.Sprintf("certificate: %q, certificate_password: {env: EAST_PASSWORD}", n.pfx(t, p, n.east, "east", "password-of-east")))+
		"  west:\n    labels: {tenant: fabrikam}\n"+auth(n.west, fmt.Sprintf("certificate: %q, certificate_password: {file: west.password}", n.pfx(t, p, n.west, "west", "password-of-west"))))
	p.write("south.secret", "secret-of-south\n")
	p.write("west.password", "password-of-west\n")
	p.vars = map[string]string{
		"NORTH_SECRET": "secret-of-north", "EAST_PASSWORD": "password-of-east",
		"DBAUDIT_TENANT_ID": "11111111-1111-4111-8111-111111111111", "DBAUDIT_CLIENT_ID": "11111111-1111-4111-8111-111111111111",
		"DBAUDIT_CLIENT_SECRET": "secret-of-nobody", "DBAUDIT_CLIENT_CERTIFICATE_PASSWORD": "password-of-nobody",
		"DBAUDIT_AUTHORITY": "https://127.0.0.1:1", "DBAUDIT_AUTH": "managed-identity",
	}
	return p
}

// pfx writes the certificate of a server's auditor, encrypted with a password.
func (tenancy) pfx(t *testing.T, p *process, s *simulator.Server, name, password string) string {
	t.Helper()
	data := s.ClientCertificate(s.Environment().Suggest.Auditor)
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pfx, err := pkcs12.Modern.Encode(pair.PrivateKey, certificate, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	return p.write(name+".pfx", string(pfx))
}

// TestManyTenants checks that dbaudit signs in to each environment in its own tenant with its own
// credential, whatever the variables for all environments say.
func TestManyTenants(t *testing.T) {
	t.Parallel()
	n := newTenancy(t)
	all := []string{"east compliant", "north compliant", "south compliant", "west compliant"}
	t.Run("each signs in to its own", func(t *testing.T) {
		t.Parallel()
		p := n.newProcess(t)
		o := p.run("scan", "--all-envs", "-f", "json").must(t, 0)
		if got := verdicts(t, o); !slices.Equal(got, all) {
			t.Errorf("%v", got)
		}
		p.wantContains(o.stderr,
			"warning: DBAUDIT_TENANT_ID is not used for east, north, south, west", "warning: DBAUDIT_CLIENT_SECRET is not used for east, north, south, west",
			"north: signing in with a client secret", "west: signing in with a client certificate",
		)
		if out := o.stdout + o.stderr; strings.Contains(out, "secret-of") || strings.Contains(out, "password-of") {
			t.Errorf("a secret is in the output:\n%s", out)
		}
	})
	t.Run("chosen", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct {
			args []string
			want []string
		}{
			{[]string{"--env", "*t*"}, []string{"east compliant", "north compliant", "south compliant", "west compliant"}},
			{[]string{"--env", "[ns]o*", "--env", "west", "--env", "north"}, []string{"north compliant", "south compliant", "west compliant"}},
			{[]string{"--label", "tenant=fabrikam"}, []string{"south compliant", "west compliant"}},
			{[]string{"--label", "tenant=contoso", "--label", "stage=live"}, []string{"north compliant"}},
			{[]string{"--env", "*th", "--label", "tenant=contoso"}, []string{"north compliant"}},
		} {
			p := n.newProcess(t)
			if got := verdicts(t, p.run(append([]string{"scan", "-f", "json", "--parallel", "2"}, test.args...)...).must(t, 0)); !slices.Equal(got, test.want) {
				t.Errorf("%v: %v, want %v", test.args, got, test.want)
			}
		}
		for _, args := range [][]string{
			{"--env", "x*"},
			{"--env", "["},
			{"--label", "tenant"},
			{"--label", "tenant=nobody"},
			{"--label", "stage=live", "--url", "https://a.crm.dynamics.com"},
			{"--all-envs", "--parallel", "0"},
			{"--all-envs", "--timeout", "-1s"},
			{"--all-envs", "--timeout", "soon"},
		} {
			n.newProcess(t).run(append([]string{"scan"}, args...)...).must(t, 2)
		}
	})
	t.Run("wrong or dead", func(t *testing.T) {
		t.Parallel()
		p := n.newProcess(t)
		p.vars["NORTH_SECRET"] = "secret-of-south"
		p.vars["EAST_PASSWORD"] = "password-of-west"
		p.write("south.secret", "")
		o := p.run("scan", "--all-envs", "-f", "json", "-o", p.file("results.json")).must(t, 3)
		p.wantContains(o.stderr,
			"east ("+n.east.URL()+"): --client-certificate "+p.file("east.pfx")+": has a different password: check EAST_PASSWORD",
			"NORTH_SECRET must be the secret's value",
			"south ("+n.south.URL()+"): auth.secret: the file "+p.file("south.secret")+" is empty",
		)
		for _, format := range report.Formats() {
			o := p.run("report", p.file("results.json"), "-f", format.String()).must(t, 0)
			if format == report.OpenMetrics { // numbers alone
				if n := strings.Count(o.stdout, `verdict="incomplete"} 1`); n < 3 {
					t.Errorf("%s has %d incomplete environments, want 3:\n%s", format, n, o.stdout)
				}
				continue
			}
			p.wantContains(o.stdout, "has a different password", "sign-in failed", "auth.secret")
			if strings.Contains(o.stdout, "secret-of") || strings.Contains(o.stdout, "password-of") {
				t.Errorf("%s tells a secret", format)
			}
		}
		history := p.run("history", p.dir, "-f", "json").must(t, 0)
		if n := strings.Count(history.stdout, `"unread": `); n != 3 {
			t.Errorf("history has %d gaps, want 3:\n%s", n, history.stdout)
		}
	})
	t.Run("a variable holds where nothing else is stated", func(t *testing.T) {
		t.Parallel()
		p := newParallelProcess(t, n.north)
		p.write("dbaudit.yaml", fmt.Sprintf("environments: {north: {url: %s}}\n", n.north.URL()))
		if got := verdicts(t, p.run("scan", "--env", "north", "-f", "json").must(t, 0)); !slices.Equal(got, []string{"north compliant"}) {
			t.Errorf("%v", got)
		}
		p.vars["DBAUDIT_CONFIG"], p.config = p.config, ""
		if got := verdicts(t, p.run("scan", "--env", "north", "-f", "json").must(t, 0)); !slices.Equal(got, []string{"north compliant"}) {
			t.Errorf("by DBAUDIT_CONFIG: %v", got)
		}
	})
}
