package doctor

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/lab"
	"github.com/dbaudit/dbaudit/internal/privileges"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/internal/solution"
)

var update = flag.Bool("update", false, "rewrite the expected outputs")

// The package solution reads the archive as the minimal role, in both variants, and the manifest names
// the role.
func TestRoleZip(t *testing.T) {
	for _, impersonate := range []bool{true, false} {
		data, err := RoleZip(impersonate)
		if err != nil {
			t.Fatal(err)
		}
		again, err := RoleZip(impersonate)
		if err != nil || !bytes.Equal(data, again) {
			t.Errorf("two archives differ: %v", err)
		}
		file := filepath.Join(t.TempDir(), "auditor.zip")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := solution.Read(t.Context(), []string{file}, nil, solution.DefaultOptions())
		if err != nil || len(found.Roles) != 1 || len(found.Faults) > 0 {
			t.Fatalf("%+v, %v", found, err)
		}
		var names []string
		for _, e := range found.Roles[0].Entries {
			names = append(names, e.Name)
		}
		if slices.Contains(names, privileges.Impersonate) != impersonate || len(names) < len(AuditorPrivileges())-1 || found.Roles[0].ID != RoleID {
			t.Errorf("impersonate %t: %v", impersonate, names)
		}
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		var entries []string
		for _, f := range archive.File {
			entries = append(entries, f.Name)
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			var document struct {
				Manifest struct {
					Managed string `xml:"Managed"`
					Root    struct {
						Type string `xml:"type,attr"`
						ID   string `xml:"id,attr"`
					} `xml:"RootComponents>RootComponent"`
				} `xml:"SolutionManifest"`
			}
			if err := xml.NewDecoder(r).Decode(&document); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
			if m := document.Manifest; f.Name == "solution.xml" && (m.Managed != "0" || m.Root.Type != "20" || m.Root.ID != "{"+RoleID+"}") {
				t.Errorf("the manifest: %+v", m)
			}
		}
		if !slices.Equal(entries, []string{"solution.xml", "customizations.xml", "[Content_Types].xml"}) {
			t.Errorf("entries %v", entries)
		}
	}
}

func TestRoleXML(t *testing.T) {
	got, err := RoleXML(true)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "role.xml")
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the role is\n%s\nand not what %s has; -update rewrites it", got, file)
	}
	// The package solution reads it as a role with the auditor's privileges.
	found, err := solution.Read(t.Context(), []string{file}, nil, solution.DefaultOptions())
	if err != nil || len(found.Roles) != 1 || len(found.Faults) > 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	role := found.Roles[0]
	if role.Name != RoleName || role.ID != RoleID || !role.Inherited || !role.Customizable || len(role.Entries) != len(AuditorPrivileges()) {
		t.Errorf("read as %+v", role)
	}
	for i, p := range AuditorPrivileges() {
		if e := role.Entries[i]; e.Name != p.Name || !strings.EqualFold(e.Level, p.Depth.String()) {
			t.Errorf("%s is granted as %s %s", p.Name, e.Name, e.Level)
		}
	}
	if !slices.IsSortedFunc(AuditorPrivileges(), func(a, b Privilege) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the privileges are not sorted as an export has them")
	}
}

// A roundTripper is a function as a transport.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// unreachableConfig returns the configuration of an environment that does not respond.
func unreachableConfig(err error) Config {
	noSleep := func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	transport := roundTripper(func(*http.Request) (*http.Response, error) { return nil, err })
	return Config{
		SignIn: signin.Config{
			EnvironmentURL: "https://contoso.crm4.dynamics.com", ClientID: "app", ClientSecret: dataverse.NewSecret("secret"),
			Transport: transport, Sleep: noSleep, Now: clock,
		},
		Client: dataverse.Options{Transport: transport, Sleep: noSleep, Now: clock},
		Now:    clock,
	}
}

func clock() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

func findCheck(tb testing.TB, checks []Check, id string) Check {
	tb.Helper()
	i := slices.IndexFunc(checks, func(c Check) bool { return c.ID == id })
	if i < 0 {
		tb.Fatalf("there is no check %s", id)
	}
	return checks[i]
}

func TestNameResolution(t *testing.T) {
	missing := &net.DNSError{Err: "no such host", Name: "contoso.crm4.dynamics.com", IsNotFound: true}
	for _, test := range []struct {
		name    string
		url     string
		lookup  func(context.Context, string) ([]string, error)
		proxied bool
		want    Outcome
		detail  string
	}{
		{"found", "", func(context.Context, string) ([]string, error) { return []string{"192.0.2.1", "192.0.2.2"}, nil }, false, Passed, "192.0.2.1, 192.0.2.2"},
		{"not found", "", func(context.Context, string) ([]string, error) { return nil, missing }, false, Failed, "no such host"},
		{"behind a proxy", "", func(context.Context, string) ([]string, error) { return nil, missing }, true, Warned, "no such host"},
		{"cannot be asked", "", nil, false, Skipped, "is not available here"},
		{"an address", "https://[2001:db8::1]:8443", nil, false, Passed, "2001:db8::1 is an IP address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := unreachableConfig(missing)
			c.LookupHost, c.Proxied = test.lookup, test.proxied
			if test.url != "" {
				c.SignIn.EnvironmentURL = test.url
			}
			checks, err := Examine(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if got := findCheck(t, checks, "address"); got.Outcome != test.want || !strings.Contains(got.Detail, test.detail) {
				t.Errorf("%s: %s", got.Outcome, got.Detail)
			}
		})
	}
}

// If nothing responds, there is a result for every check, and none passes.
func TestUnreachable(t *testing.T) {
	checks, err := Examine(t.Context(), unreachableConfig(errors.New("connection refused")))
	if err != nil {
		t.Fatal(err)
	}
	if len(checks) < 18 {
		t.Errorf("%d checks only", len(checks))
	}
	for _, c := range checks {
		if c.Outcome == Passed || c.Outcome == "" || c.Detail == "" {
			t.Errorf("%s: %s %q", c.ID, c.Outcome, c.Detail)
		}
	}
	for _, id := range []string{"tls", "sign-in"} {
		if c := findCheck(t, checks, id); c.Outcome != Failed || c.Advice == "" {
			t.Errorf("%s: %s, advice %q", id, c.Outcome, c.Advice)
		}
	}
}

// No check begins after the context has ended.
func TestInterruption(t *testing.T) {
	env, err := simulator.Builtin("compliant")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := servedConfig(t, env)
	transport := c.Client.Transport
	c.Client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/organizations") {
			cancel()
		}
		return transport.RoundTrip(r)
	})
	checks, err := Examine(ctx, c)
	if last := checks[len(checks)-1].ID; !errors.Is(err, context.Canceled) || last != "read-organization" {
		t.Errorf("%v, the last check is %s", err, last)
	}
}

// A refusal names the privilege that the environment names, else the first required one that the
// identity lacks, else none.
func TestMissingPrivilege(t *testing.T) {
	held := map[string]audit.Depth{}
	for _, p := range AuditorPrivileges() {
		held[strings.ToLower(p.Name)] = p.Depth
	}
	refused := func(message string) error { return &dataverse.Error{Kind: dataverse.Forbidden, Message: message} }
	for _, test := range []struct {
		name  string
		err   error
		held  map[string]audit.Depth
		needs []Privilege
		want  string
	}{
		{"named", refused("is missing prvReadTeam privilege"), nil, pickPrivileges("prvReadUser"), "prvReadTeam"},
		{"named, and not an auditor's", refused("is missing prvReadSomething privilege"), held, pickPrivileges("prvReadUser"), "prvReadSomething"},
		{"not named, nothing known", refused("no"), nil, pickPrivileges("prvReadUser"), ""},
		{"not named, one not held", refused("no"), map[string]audit.Depth{"prvreaduser": audit.DepthGlobal}, pickPrivileges("prvReadUser", "prvReadTeam"), "prvReadTeam"},
		{"not named, all held", refused("no"), held, pickPrivileges("prvReadUser"), ""},
		{"no refusal", &dataverse.Error{Kind: dataverse.Server}, nil, pickPrivileges("prvReadUser"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := newExaminer(Config{})
			x.granted = test.held
			x.check(t.Context(), "read", "read", func(context.Context) (Check, error) { return x.missingPrivilege(test.err, test.needs), test.err })
			got := ""
			if p := x.checks[0].Privilege; p != nil {
				got = p.Name
			}
			if got != test.want || x.checks[0].Advice == "" {
				t.Errorf("%q, want %q; advice %q", got, test.want, x.checks[0].Advice)
			}
		})
	}
}

// servedConfig starts a simulated environment, and returns the configuration of its auditor.
func servedConfig(t *testing.T, env *simulator.Environment) Config {
	t.Helper()
	server, err := simulator.Start(t.Context(), env, simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	transport := lab.Transport(t, server)
	return Config{
		SignIn: signin.Config{
			EnvironmentURL: server.URL(), TenantID: server.TenantID(), Authority: server.AuthorityURL(), Transport: transport,
			ClientID: env.Suggest.Auditor, ClientSecret: dataverse.NewSecret(env.Client(env.Suggest.Auditor).Secret),
		},
		Client: dataverse.Options{Transport: transport}, Now: time.Now,
	}
}

// If an owner cannot be impersonated because the owner lacks a privilege, the check is a warning. No
// grant to the auditor would change that.
func TestImpersonatedUserLacksPrivilege(t *testing.T) {
	env, err := simulator.Builtin("compliant")
	if err != nil {
		t.Fatal(err)
	}
	env.Roles = append(env.Roles, simulator.Role{Name: "Blind", Privileges: simulator.Grants{"prvReadAccount": simulator.DepthGlobal}})
	env.User("sofia@contoso.com").Roles = []simulator.RoleAssignment{{Role: "Blind"}}
	env.User("amir@contoso.com").Roles = nil
	c := servedConfig(t, env)
	c.Requirement = snapshot.Requirement{User: "kim@contoso.com", Views: []snapshot.RequiredView{
		{Owner: "sofia@contoso.com"}, {Owner: "SOFIA@contoso.com"}, {Owner: "amir@contoso.com"}, {Owner: "nobody@contoso.com"}, {Owner: "jane@contoso.com"},
	}}
	checks, err := Examine(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Outcome{}
	for _, c := range checks {
		if c.ID == "impersonation" {
			got[c.Title] = c.Outcome
		}
	}
	want := map[string]Outcome{
		"impersonate kim@contoso.com":    Skipped, // disabled
		"impersonate sofia@contoso.com":  Warned,
		"impersonate amir@contoso.com":   Warned, // no role
		"impersonate nobody@contoso.com": Skipped,
		"impersonate jane@contoso.com":   Passed,
	}
	for title, outcome := range want {
		if got[title] != outcome {
			t.Errorf("%s: %s, want %s", title, got[title], outcome)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
}

// In older environments, which have no column for soft deletion, users can be impersonated too.
func TestNoSoftDeletion(t *testing.T) {
	env, err := simulator.Builtin("compliant")
	if err != nil {
		t.Fatal(err)
	}
	c := servedConfig(t, env)
	transport := c.Client.Transport
	c.Client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if !strings.Contains(r.URL.RawQuery, "deletedstate") {
			return transport.RoundTrip(r)
		}
		return &http.Response{
			StatusCode: http.StatusBadRequest, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"error":{"code":"0x80060888","message":"Could not find a property named 'deletedstate' on type 'Microsoft.Dynamics.CRM.systemuser'."}}`)),
		}, nil
	})
	c.Requirement.ApplicationID = env.Suggest.ApplicationID
	checks, err := Examine(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if c := findCheck(t, checks, "impersonation"); c.Outcome != Passed {
		t.Errorf("%s: %s", c.Outcome, c.Detail)
	}
}

// A privilege that the auditor has, but that does not count, is not called missing.
func TestUncountedPrivileges(t *testing.T) {
	env, err := simulator.Builtin("compliant")
	if err != nil {
		t.Fatal(err)
	}
	auditor := env.Role(RoleName)
	auditor.RecordFilters, auditor.DepthWords = []string{"prvReadUser"}, map[string]string{"prvReadTeam": "Galaxy"}
	checks, err := Examine(t.Context(), servedConfig(t, env))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"read-users": "works, but this identity has prvReadUser for some records only: it may not see all rows",
		"read-teams": `works, but this identity has prvReadTeam at the depth "Galaxy", which dbaudit does not know: it may not see all rows`,
	} {
		if c := findCheck(t, checks, id); c.Outcome != Failed || c.Detail != want {
			t.Errorf("%s: %s: %s", id, c.Outcome, c.Detail)
		}
	}
}
