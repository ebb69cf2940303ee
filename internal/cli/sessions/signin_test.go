package sessions_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

const publicClientApp = "9e09e09e-09e0-4e09-8e09-e09e09e09e09"

// runWhoami returns the user and the method of sign-in that whoami reports. The environment returns
// the user's name only for a valid token.
func runWhoami(p *process, args ...string) (name, method string) {
	p.tb.Helper()
	var answer struct {
		Environments []struct{ User, Method string }
	}
	o := p.run(append([]string{"whoami", "--json"}, args...)...).must(p.tb, 0)
	decodeInto(p.tb, o.stdout, &answer)
	if len(answer.Environments) != 1 {
		p.tb.Fatalf("%d environments in %s", len(answer.Environments), o.stdout)
	}
	return answer.Environments[0].User, answer.Environments[0].Method
}

// approve confirms the device code that the command shows, like a person.
func (p *process) approve(username string) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for p.tb.Context().Err() == nil {
			if m := regexp.MustCompile(`enter the code ([A-Z]+)`).FindStringSubmatch(p.stderr.String()); m != nil {
				page := p.servers[0].AuthorityURL() + "/approve"
				p.wantContains(p.fetch(page, nil), "user_code")
				p.fetch(page+"?"+url.Values{"user_code": {m[1]}, "username": {username}}.Encode(), nil)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return done
}

// browse completes the sign-in page: it submits the form that posts the code back.
func (p *process) browse(address string) {
	page := p.fetch(address, nil)
	form := url.Values{}
	for _, m := range regexp.MustCompile(`name="(\w+)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		form.Set(m[1], strings.NewReplacer("&#43;", "+", "&amp;", "&").Replace(m[2]))
	}
	target := regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(page)
	if target == nil {
		p.tb.Errorf("the sign-in page has no form:\n%s", page)
		return
	}
	// The command may end before it finishes this response.
	if response, err := http.PostForm(target[1], form); err == nil {
		_ = response.Body.Close()
	}
}

func TestSignInMethods(t *testing.T) {
	env := builtin(t, "compliant")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	const identityHeader = "simulated-identity-header"
	auditor := env.Suggest.Auditor
	env.Client(auditor).Federated = []simulator.FederatedCredential{{
		Issuer: "https://pipelines.example", Subject: "repo:contoso/audit",
		Keys: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	}}
	const machine = "3a11d1d3-0000-4000-8000-00000000a11d"
	env.Clients = append(env.Clients, simulator.Client{Name: "machine", ApplicationID: machine, ManagedIdentity: true, Secret: identityHeader})
	env.ApplicationUsers = append(env.ApplicationUsers, simulator.User{
		Name: "machine", ApplicationID: machine, Roles: []simulator.RoleAssignment{{Role: "dbaudit Auditor"}},
	})
	server := serve(t, env, simulator.Options{})

	fresh := func(t *testing.T) *process {
		p := newParallelProcess(t, server)
		delete(p.vars, "DBAUDIT_CLIENT_SECRET")
		return p
	}
	expect := func(t *testing.T, p *process, user, method string, args ...string) {
		t.Helper()
		name, by := runWhoami(p, args...)
		if name != user || by != method {
			t.Errorf("signed in as %q by %q, want %q by %q", name, by, user, method)
		}
		words := map[string]string{
			"client-secret": "with a client secret", "certificate": "with a client certificate",
			"workload-identity": "with a workload identity", "managed-identity": "with a managed identity",
			"azure-cli": "through the Azure CLI", "device-code": "with a device code", "interactive": "in a browser",
		}
		if !strings.Contains(p.stderr.String(), "signing in "+words[method]+" (") && !strings.Contains(p.stderr.String(), "signing in "+words[method]+", ") {
			t.Errorf("the method is not narrated:\n%s", p.stderr.String())
		}
	}

	t.Run("client secret", func(t *testing.T) { expect(t, newParallelProcess(t, server), "dbaudit", "client-secret") })
	t.Run("tenant found", func(t *testing.T) {
		p := newParallelProcess(t, server)
		delete(p.vars, "DBAUDIT_TENANT_ID")
		expect(t, p, "dbaudit", "client-secret")
		p.wantContains(p.stderr.String(), "named by the environment")
	})
	t.Run("certificate by flag", func(t *testing.T) {
		p := fresh(t)
		expect(t, p, "dbaudit", "certificate", "--client-certificate", p.write("auditor.pem", string(server.ClientCertificate(auditor))))
	})
	t.Run("certificate by configuration", func(t *testing.T) {
		p := fresh(t)
		p.write("dbaudit.yaml", fmt.Sprintf("url: %s\nauth: {method: certificate, tenant_id: %s, client_id: %s, authority: %q, certificate: %q}\n",
			server.URL(), server.TenantID(), auditor, server.AuthorityURL(), p.write("auditor.pem", string(server.ClientCertificate(auditor)))))
		p.vars = map[string]string{}
		expect(t, p, "dbaudit", "certificate")
	})
	t.Run("workload identity", func(t *testing.T) {
		p := fresh(t)
		assertion, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": "https://pipelines.example", "sub": "repo:contoso/audit", "aud": "api://AzureADTokenExchange",
			"exp": time.Now().Add(time.Hour).Unix(), "jti": "1",
		}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		p.vars["AZURE_FEDERATED_TOKEN_FILE"] = p.write("token", assertion)
		expect(t, p, "dbaudit", "workload-identity")
	})
	t.Run("managed identity", func(t *testing.T) {
		p := fresh(t)
		// The library that signs in reads the process's own variables.
		for name, value := range map[string]string{"IDENTITY_ENDPOINT": server.AuthorityURL() + "/msi/token", "IDENTITY_HEADER": identityHeader} {
			t.Setenv(name, value)
			p.vars[name] = value
		}
		p.vars["DBAUDIT_CLIENT_ID"] = machine
		expect(t, p, "machine", "managed-identity")
	})
	t.Run("azure cli", func(t *testing.T) {
		p := fresh(t)
		secret := env.Client(auditor).Secret
		p.env.Run = func(_ context.Context, _ []string, name string, args ...string) ([]byte, error) {
			resource := slices.Index(args, "--resource")
			if name != "az" || resource < 0 {
				return nil, fmt.Errorf("unexpected program %s %v", name, args)
			}
			var token struct {
				Value string `json:"access_token"`
			}
			decodeInto(t, p.fetch(server.AuthorityURL()+"/"+server.TenantID()+"/oauth2/v2.0/token", url.Values{
				"grant_type": {"client_credentials"}, "client_id": {auditor}, "client_secret": {secret}, "scope": {args[resource+1] + "/.default"},
			}), &token)
			return json.Marshal(map[string]any{"accessToken": token.Value, "expires_on": time.Now().Add(time.Hour).Unix()})
		}
		expect(t, p, "dbaudit", "azure-cli", "--auth", "azure-cli")
	})
	t.Run("device code", func(t *testing.T) {
		p := fresh(t)
		p.vars["DBAUDIT_CLIENT_ID"] = publicClientApp
		done := p.approve("alex@contoso.com")
		expect(t, p, "Alex Wilber", "device-code", "--auth", "device-code")
		<-done
	})
	t.Run("browser", func(t *testing.T) {
		p := fresh(t)
		p.vars["DBAUDIT_CLIENT_ID"] = publicClientApp
		done := make(chan struct{})
		p.env.OpenBrowser = func(_ []string, address string) error {
			go func() {
				defer close(done)
				p.browse(address)
			}()
			return nil
		}
		expect(t, p, "Alex Wilber", "interactive", "--auth", "interactive")
		<-done
	})
}

func TestLoginWhoamiLogout(t *testing.T) {
	t.Parallel()
	server := serve(t, builtin(t, "compliant"), simulator.Options{})
	p := newParallelProcess(t, server)
	delete(p.vars, "DBAUDIT_CLIENT_SECRET")
	p.vars["DBAUDIT_CLIENT_ID"] = publicClientApp

	done := p.approve("alex@contoso.com")
	if o := p.run("login").must(t, 0); !strings.Contains(o.stderr, "signed in as alex@contoso.com") || o.stdout != "" {
		t.Errorf("login says %q and writes %q", o.stderr, o.stdout)
	}
	<-done
	// Later commands use the stored sign-in without asking.
	if name, method := runWhoami(p); name != "Alex Wilber" || method != "device-code" {
		t.Errorf("after login: %s by %s", name, method)
	}
	if strings.Contains(p.stderr.String(), "enter the code") {
		t.Errorf("asked although signed in:\n%s", p.stderr.String())
	}
	p.run("scan", "-q").must(t, 0)
	p.wantContains(p.run("whoami").must(t, 0).stdout, "signed in: alex@contoso.com")
	p.wantContains(p.run("logout").must(t, 0).stderr, "signed out alex@contoso.com")
	// Without a terminal, dbaudit does not ask: a missing credential is a configuration error.
	o := p.run("scan").must(t, 2)
	p.wantContains(o.stderr, "is set, and its secret is not")
	p.vars = map[string]string{}
	p.wantContains(p.run("whoami").must(t, 0).stdout, "not signed in")
	p.wantContains(p.run("logout").must(t, 0).stderr, "not signed in")
}

func TestLoginIsForPeople(t *testing.T) {
	p := newParallelProcess(t, serve(t, builtin(t, "compliant"), simulator.Options{}))
	p.wantContains(p.run("login", "--auth", "azure-cli").must(t, 2).stderr, "az login")
	p.env.SignIns = nil
	p.run("login").must(t, 3)
}

// TestSignInErrors checks that a configuration error gives exit code 2 and a refused sign-in 3, and
// that each message says once what to do.
func TestSignInErrors(t *testing.T) {
	t.Parallel()
	env := builtin(t, "compliant")
	const late, aside = "1a7e1a7e-0000-4000-8000-000000000001", "1a7e1a7e-0000-4000-8000-000000000002"
	env.Clients = append(env.Clients,
		simulator.Client{Name: "late", ApplicationID: late, Secret: "late", SecretExpires: "2020-01-31"},
		simulator.Client{Name: "aside", ApplicationID: aside, Certificate: "generated"})
	server := serve(t, env, simulator.Options{})
	for _, test := range []struct {
		name string
		vars map[string]string
		args []string
		code int
		want string // appears in the output exactly once
	}{
		{"no such method", nil, []string{"--auth", "password"}, 2, `--auth "password": want client-secret`},
		{"nothing to sign in by", map[string]string{"DBAUDIT_CLIENT_SECRET": ""}, nil, 2, "and its secret is not: set DBAUDIT_CLIENT_SECRET"},
		{"no app", map[string]string{"DBAUDIT_CLIENT_ID": ""}, nil, 2, "set --client-id (DBAUDIT_CLIENT_ID)"},
		{"no such certificate", map[string]string{"DBAUDIT_CLIENT_SECRET": ""}, []string{"--client-certificate", "nowhere.pem"}, 2, "--client-certificate nowhere.pem"},
		{"any tenant", map[string]string{"DBAUDIT_TENANT_ID": "common"}, nil, 2, "does not name a tenant"},
		{"wrong secret", map[string]string{"DBAUDIT_CLIENT_SECRET": "wrong"}, nil, 3, "must be the secret's value"},
		{"expired secret", map[string]string{"DBAUDIT_CLIENT_ID": late, "DBAUDIT_CLIENT_SECRET": "late"}, nil, 3, "the client secret has expired"},
		{"certificate of another app", map[string]string{"DBAUDIT_CLIENT_SECRET": ""}, []string{"--client-certificate", "CERTIFICATE"}, 3, "the certificate's signature is not accepted"},
		{"wrong tenant", map[string]string{"DBAUDIT_TENANT_ID": "11111111-1111-4111-8111-111111111111"}, nil, 3, "the tenant does not exist"},
		{"unknown app", map[string]string{"DBAUDIT_CLIENT_ID": "11111111-1111-4111-8111-111111111111"}, nil, 3, "the tenant has no such app"},
		{"no member", map[string]string{"DBAUDIT_CLIENT_ID": "stranger"}, nil, 3, "Users + permissions > Application users"},
		{"unreachable", map[string]string{"DBAUDIT_URL": "https://127.0.0.1:1"}, nil, 3, "nothing answers there"},
		{"unknown host's authority", map[string]string{"DBAUDIT_AUTHORITY": "", "DBAUDIT_TENANT_ID": ""}, nil, 3, "not a known Microsoft host"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newParallelProcess(t, server)
			for name, value := range test.vars {
				if value == "stranger" {
					value = strangerApp
				}
				p.vars[name] = value
			}
			if test.name == "no member" {
				p = newParallelProcess(t, serve(t, withStranger(t), simulator.Options{}))
				p.vars["DBAUDIT_CLIENT_ID"], p.vars["DBAUDIT_CLIENT_SECRET"] = strangerApp, "stranger-secret"
			}
			if test.name == "unreachable" {
				p.vars["DBAUDIT_TENANT_ID"] = ""
			}
			args := []string{"scan"}
			for _, arg := range test.args {
				if arg == "CERTIFICATE" {
					arg = p.write("other.pem", string(server.ClientCertificate(aside)))
				}
				args = append(args, arg)
			}
			o := p.run(args...).must(t, test.code)
			if n := strings.Count(o.stderr, test.want); n != 1 {
				t.Errorf("%q appears %d times in\n%s", test.want, n, o.stderr)
			}
			if unread := strings.Contains(o.stdout, "could not be read"); unread != (test.code == 3) {
				t.Errorf("standard output has %q", o.stdout)
			}
		})
	}
}

const strangerApp = "57a46e45-0000-4000-8000-000000000001"

// withStranger returns an environment with an app that is not one of its users.
func withStranger(t *testing.T) *simulator.Environment {
	env := builtin(t, "compliant")
	env.Clients = append(env.Clients, simulator.Client{Name: "stranger", ApplicationID: strangerApp, Secret: "stranger-secret"})
	return env
}
