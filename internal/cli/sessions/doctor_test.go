package sessions_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type examination struct {
	Outcome string
	Checks  []doctorCheck
}

type doctorCheck struct {
	ID, Title, Outcome, Detail, Advice string
	Privilege                          *struct{ Name, Depth, Where string }
}

// checksWith returns the checks with an outcome, as "id title".
func (e examination) checksWith(outcome string) []string {
	var found []string
	for _, c := range e.Checks {
		if c.Outcome == outcome {
			found = append(found, c.ID+" "+c.Title)
		}
	}
	return found
}

func runDoctor(p *process, code int, args ...string) examination {
	p.tb.Helper()
	var e examination
	decodeInto(p.tb, p.run(append([]string{"doctor", "-f", "json"}, args...)...).must(p.tb, code).stdout, &e)
	return e
}

// grantAuditor gives the auditor a single role with these privileges.
func grantAuditor(tb testing.TB, env *simulator.Environment, grants simulator.Grants) *simulator.Environment {
	tb.Helper()
	env.Roles = append(env.Roles, simulator.Role{Name: "the least", Privileges: grants})
	auditor := env.ApplicationUser(env.Suggest.Auditor)
	if auditor == nil {
		tb.Fatal("the environment has no auditor")
	}
	auditor.Roles = []simulator.RoleAssignment{{Role: "the least"}}
	return env
}

// auditorRole returns the privileges of the role that doctor prints.
func auditorRole(tb testing.TB) simulator.Grants {
	tb.Helper()
	var role struct {
		XMLName    xml.Name `xml:"Role"`
		Name       string   `xml:"name,attr"`
		Inherited  int      `xml:"isinherited,attr"`
		Privileges []struct {
			Name  string `xml:"name,attr"`
			Level string `xml:"level,attr"`
		} `xml:"RolePrivileges>RolePrivilege"`
	}
	o := newParallelProcess(tb).run("doctor", "--role-xml").must(tb, 0)
	if err := xml.Unmarshal([]byte(o.stdout), &role); err != nil {
		tb.Fatal(err)
	}
	grants := simulator.Grants{}
	for _, p := range role.Privileges {
		switch p.Level {
		case "Global":
			grants[p.Name] = simulator.DepthGlobal
		case "Basic":
			grants[p.Name] = simulator.DepthBasic
		default:
			tb.Fatalf("%s has the level %q", p.Name, p.Level)
		}
		if !strings.HasPrefix(p.Name, "prvRead") && p.Name != "prvActOnBehalfOfAnotherUser" {
			tb.Errorf("an auditor needs no %s", p.Name)
		}
	}
	if role.Name == "" || role.Inherited != 1 || len(grants) != len(role.Privileges) {
		tb.Errorf("the role is not whole:\n%s", o.stdout)
	}
	return grants
}

// requirementYAML returns a configuration with the requirements that an environment suggests.
func requirementYAML(env *simulator.Environment) string {
	var b strings.Builder
	s := env.Suggest
	fmt.Fprintf(&b, "integration: {app_id: %s, role: %s}\nbusiness_unit: %s\nviews:\n", s.ApplicationID, s.Role, s.BusinessUnit)
	for _, v := range s.Views {
		fmt.Fprintf(&b, "  - {table: %s, name: %s, owner: %s}\n", v.Table, v.Name, v.Owner)
	}
	return b.String()
}

// newConfiguredProcess returns a process with the requirements that the server's environment
// suggests.
func newConfiguredProcess(tb testing.TB, server *simulator.Server) *process {
	tb.Helper()
	p := newParallelProcess(tb, server)
	p.write("dbaudit.yaml", requirementYAML(server.Environment()))
	return p
}

// A scanSummary is the exit code of a scan, its controls as JSON, and the sections that were not
// read.
type scanSummary struct {
	code     int
	controls string
	unread   []string
}

func runScan(p *process, args ...string) scanSummary {
	p.tb.Helper()
	file := p.file("snapshot.json")
	_ = os.Remove(file)
	o := p.run(append([]string{"scan", "-f", "json", "--snapshot", file, "--as-of", "2026-01-01T00:00:00Z"}, args...)...)
	got := scanSummary{code: o.code}
	var result struct{ Controls json.RawMessage }
	decodeInto(p.tb, o.stdout, &result)
	got.controls = string(result.Controls)
	got.unread = unreadSections(p.tb, file)
	return got
}

// unreadSections returns the sections of a snapshot that were not read, sorted.
func unreadSections(tb testing.TB, file string) []string {
	tb.Helper()
	var taken struct {
		Coverage map[string]struct{ State string }
	}
	decodeInto(tb, read(tb, file), &taken)
	var unread []string
	for _, s := range slices.Sorted(maps.Keys(taken.Coverage)) {
		if taken.Coverage[s].State != snapshot.StateCollected.String() {
			unread = append(unread, s)
		}
	}
	return unread
}

// columnSecurityPrivilege is the only privilege of the auditor's role that no control depends on.
const columnSecurityPrivilege = "prvReadFieldSecurityProfile"

// TestAuditorRole checks that the auditor's role can read everything that an administrator can, and
// that without any one of its privileges, some section is unread.
func TestAuditorRole(t *testing.T) {
	t.Parallel()
	least := auditorRole(t)
	for _, name := range simulator.BuiltinNames() {
		for _, scope := range []string{"integration", "environment"} {
			t.Run(name+" "+scope, func(t *testing.T) {
				t.Parallel()
				env := grantAuditor(t, builtin(t, name), least)
				server := serve(t, env, simulator.Options{})
				p := newConfiguredProcess(t, server)
				args := []string{"--scope", scope}

				asLeast := runScan(p, args...)
				p.vars["DBAUDIT_CLIENT_ID"] = env.Suggest.Administrator
				p.vars["DBAUDIT_CLIENT_SECRET"] = env.Client(env.Suggest.Administrator).Secret
				asAdmin := runScan(p, args...)
				if len(asAdmin.unread) > 0 || len(asLeast.unread) > 0 {
					t.Errorf("unread: with the least role %v, as administrator %v", asLeast.unread, asAdmin.unread)
				}
				if asLeast.code != asAdmin.code || asLeast.controls != asAdmin.controls {
					t.Errorf("the least role sees something else than an administrator: exit codes %d and %d", asLeast.code, asAdmin.code)
				}

				p = newConfiguredProcess(t, server)
				for _, without := range slices.Sorted(maps.Keys(least)) {
					if without == columnSecurityPrivilege {
						continue // TestDoctorReadsWhatAScanReads
					}
					grants := maps.Clone(least)
					delete(grants, without)
					p.mutate(func(e *simulator.Environment) { e.Role("the least").Privileges = grants })
					p.run(append([]string{"collect", "-o", p.file("snapshot.json")}, args...)...).must(t, 0)
					if len(unreadSections(t, p.file("snapshot.json"))) == 0 {
						t.Errorf("nothing is unread without %s", without)
					}
				}
			})
		}
	}
}

// TestDoctorReadsWhatAScanReads checks that doctor makes each kind of request that a scan of either
// scope makes, and that the auditor's role is enough for each.
func TestDoctorReadsWhatAScanReads(t *testing.T) {
	t.Parallel()
	env := grantAuditor(t, builtin(t, "sample"), auditorRole(t))
	env.ColumnSecurityProfiles = []simulator.ColumnSecurityProfile{{Name: "Finance", Reads: []string{"account.creditlimit"}}}
	p := newConfiguredProcess(t, serve(t, env, simulator.Options{}))
	requestKinds := func(args ...string) map[string]bool {
		p.run(append(args, "--record", p.file("recording.jsonl"))...).must(t, 0)
		kinds := map[string]bool{}
		for line := range strings.Lines(p.read("recording.jsonl")) {
			var answer struct {
				Address string
				Status  int
			}
			decodeInto(t, line, &answer)
			path, _, _ := strings.Cut(answer.Address, "?")
			kinds[regexp.MustCompile(`\([^)]*\)`).ReplaceAllString(path, "()")] = true
			if answer.Status == http.StatusForbidden {
				t.Errorf("%s: the least role may not read %s", args[0], path)
			}
		}
		return kinds
	}
	examined := requestKinds("doctor")
	for _, scope := range []string{"integration", "environment"} {
		collected := requestKinds("collect", "--scope", scope, "-o", p.file("snapshot.json"))
		if len(collected) < 12 {
			t.Errorf("collect asks for %v only", collected)
		}
		for kind := range collected {
			if !examined[kind] {
				t.Errorf("collect --scope %s reads %s, and doctor does not try it", scope, kind)
			}
		}
	}
	p.wantContains(p.read("snapshot.json"), "account.creditlimit") // the hidden column is noted
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	least := auditorRole(t)
	env := grantAuditor(t, builtin(t, "compliant"), least)
	server := serve(t, env, simulator.Options{})
	grant := func(p *process, grants simulator.Grants) {
		p.mutate(func(e *simulator.Environment) { e.Role("the least").Privileges = grants })
	}

	t.Run("all is well", func(t *testing.T) {
		e := runDoctor(newConfiguredProcess(t, server), 0)
		if failed := e.checksWith("fail"); len(failed) > 0 || len(e.checksWith("unknown")) > 0 {
			t.Errorf("failed: %v", failed)
		}
		// An app cannot read when its own secret expires.
		if got := e.checksWith("warning"); len(got) > 0 {
			t.Errorf("warnings: %v", got)
		}
		if got := e.checksWith("skipped"); !slices.Equal(got, []string{"credential credential expiry"}) {
			t.Errorf("skipped: %v", got)
		}
	})

	t.Run("each privilege missing", func(t *testing.T) {
		p := newConfiguredProcess(t, server)
		defer grant(p, least)
		for _, without := range slices.Sorted(maps.Keys(least)) {
			grants := maps.Clone(least)
			delete(grants, without)
			grant(p, grants)
			code, outcome := 3, "fail"
			if without == columnSecurityPrivilege {
				code, outcome = 0, "warning"
			}
			e := runDoctor(p, code)
			if len(e.checksWith(outcome)) == 0 {
				t.Errorf("nothing fails without %s", without)
			}
			for _, c := range e.Checks {
				if c.Outcome != outcome {
					continue
				}
				if strings.Contains(c.Detail, "none") || strings.HasPrefix(c.Detail, "works") && !strings.Contains(c.Detail, "does not have "+without) {
					t.Errorf("without %s the check %q says %q", without, c.Title, c.Detail)
				}
				if c.Privilege == nil || c.Privilege.Name != without || c.Privilege.Where == "" ||
					c.Privilege.Depth != least[without].String() || !strings.Contains(c.Advice, without) {
					t.Errorf("without %s the check %q names %+v and advises %q", without, c.Title, c.Privilege, c.Advice)
				}
			}
		}
	})

	t.Run("each privilege too shallow", func(t *testing.T) {
		p := newConfiguredProcess(t, server)
		defer grant(p, least)
		for _, shallow := range []string{"prvReadRole", "prvReadUser", "prvReadTeam", "prvReadBusinessUnit"} {
			grants := maps.Clone(least)
			grants[shallow] = simulator.DepthLocal
			grant(p, grants)
			e := runDoctor(p, 3)
			for _, c := range e.Checks {
				if c.Outcome == "fail" && (c.Privilege == nil || c.Privilege.Name != shallow || !strings.Contains(c.Detail, "Business Unit level")) {
					t.Errorf("with %s at local depth: %+v", shallow, c)
				}
			}
			if len(e.checksWith("fail")) == 0 {
				t.Errorf("nothing fails with %s at local depth", shallow)
			}
		}
	})

	t.Run("wrong secret", func(t *testing.T) {
		p := newConfiguredProcess(t, server)
		p.vars["DBAUDIT_CLIENT_SECRET"] = "wrong"
		e := runDoctor(p, 3)
		if got := e.checksWith("fail"); !slices.Equal(got, []string{"sign-in sign-in"}) {
			t.Errorf("failed: %v", got)
		}
		if len(e.Checks) != 27 || len(e.checksWith("pass")) < 4 { // it stops at none
			t.Errorf("%d checks, passed: %v", len(e.Checks), e.checksWith("pass"))
		}
	})

	t.Run("no member", func(t *testing.T) {
		p := newParallelProcess(t, serve(t, withStranger(t), simulator.Options{}))
		p.vars["DBAUDIT_CLIENT_ID"], p.vars["DBAUDIT_CLIENT_SECRET"] = strangerApp, "stranger-secret"
		if got := runDoctor(p, 3).checksWith("fail"); !slices.Equal(got, []string{"membership member of the organization"}) {
			t.Errorf("failed: %v", got)
		}
	})

	t.Run("privileges that are not shown", func(t *testing.T) {
		env := builtin(t, "compliant")
		env.Contradictions = []simulator.Contradiction{simulator.NoUserPrivileges}
		if got := runDoctor(newParallelProcess(t, serve(t, env, simulator.Options{})), 0).checksWith("warning"); len(got) > 0 {
			t.Errorf("warned: %v", got)
		}
	})

	t.Run("another tenant", func(t *testing.T) {
		p := newConfiguredProcess(t, server)
		p.vars["DBAUDIT_TENANT_ID"] = "11111111-1111-4111-8111-111111111111"
		if got := runDoctor(p, 3).checksWith("fail"); !slices.Equal(got, []string{"tenant 401 challenge", "sign-in sign-in"}) {
			t.Errorf("failed: %v", got)
		}
	})

	t.Run("unreachable", func(t *testing.T) {
		p := newConfiguredProcess(t, server)
		p.vars["DBAUDIT_URL"] = "https://127.0.0.1:1"
		e := runDoctor(p, 3)
		if got := e.checksWith("fail"); !slices.Contains(got, "tls TLS") {
			t.Errorf("failed: %v", got)
		}
	})

	t.Run("clock", func(t *testing.T) {
		for _, test := range []struct {
			ahead   time.Duration
			outcome string
		}{{2 * time.Minute, "warning"}, {-10 * time.Minute, "fail"}} {
			p := newConfiguredProcess(t, server)
			p.env.Now = func() time.Time { return time.Now().Add(test.ahead) }
			var e examination
			decodeInto(t, p.run("doctor", "-f", "json").stdout, &e)
			if !slices.Contains(e.checksWith(test.outcome), "clock clock") {
				t.Errorf("%s ahead: %v", test.ahead, e.Checks)
			}
		}
	})

	t.Run("certificate's end", func(t *testing.T) {
		p := newConfiguredProcess(t, server)
		delete(p.vars, "DBAUDIT_CLIENT_SECRET")
		p.vars["DBAUDIT_CLIENT_CERTIFICATE"] = p.write("auditor.pem", string(server.ClientCertificate(env.Suggest.Auditor)))
		e := runDoctor(p, 0)
		last := e.Checks[len(e.Checks)-1]
		if last.ID != "credential" || !strings.Contains(last.Detail, "the certificate expires in ") {
			t.Errorf("%+v", last)
		}
	})

	t.Run("table", func(t *testing.T) {
		p := newConfiguredProcess(t, server)
		for _, width := range []int{0, 80} {
			p.env.Width, p.env.StdoutIsTerminal = width, width > 0
			o := p.run("doctor").must(t, 0)
			for line := range strings.Lines(o.stdout) {
				if n := len([]rune(strings.TrimRight(line, "\n"))); width > 0 && n > width {
					t.Errorf("%d columns at a width of %d: %s", n, width, line)
				}
			}
			p.wantContains(o.stdout, "name resolution", "read shares of views", "jane@contoso.com", "clock")
		}
	})
}

// TestDoctorFailsIfScanIsUnknown checks that doctor fails, with the reason, if a scan of a
// compliant environment leaves a control unknown.
func TestDoctorFailsIfScanIsUnknown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		contradictions []simulator.Contradiction
		change         func(*http.Request) *http.Response
		code           int
		check, says    string
	}{
		"nothing":                    {},
		"named privileges only":      {contradictions: []simulator.Contradiction{simulator.NoUserPrivileges}},
		"neither privilege function": {contradictions: []simulator.Contradiction{simulator.NoUserPrivileges, simulator.NoPrivilegesByNames}, code: 3, check: "membership", says: "it is not known how far it can read"},
		"own shares only":            {contradictions: []simulator.Contradiction{simulator.SharesInPart}, code: 3, check: "read-shares-of-user", says: `the view "Demandbase `},
		"a filter that fits no share": {change: func(r *http.Request) *http.Response {
			r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "'userquery'", "'4230'", 1)
			return nil
		}, code: 3, check: "read-shares-of-user", says: "DB-VIEW-LEAST-ACCESS is unknown"},
		"no access mode": {change: func(r *http.Request) *http.Response {
			return refuse(r, strings.Contains(r.URL.RawQuery, "accessmode"), http.StatusBadRequest, "0x80060888",
				"Could not find a property named 'accessmode' on type 'Microsoft.Dynamics.CRM.systemuser'.")
		}, code: 3, check: "read-integration-user", says: "DB-USER-ENABLED is unknown"},
		"no impersonation": {change: func(r *http.Request) *http.Response {
			return refuse(r, r.Header.Get("CallerObjectId")+r.Header.Get("MSCRMCallerID") != "", http.StatusForbidden, "0x80040220", "no")
		}, code: 3, check: "impersonation", says: "forbidden"},
		"related rows apart": {change: func(r *http.Request) *http.Response {
			return refuse(r, strings.Contains(r.URL.RawQuery, "$expand"), http.StatusBadRequest, "0x80060888", "no $expand")
		}},
		"no version": {change: func(r *http.Request) *http.Response {
			return refuse(r, strings.HasSuffix(r.URL.Path, "/RetrieveVersion"), http.StatusNotFound, "0x8006088a", "no such function")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := builtin(t, "compliant")
			env.Contradictions = test.contradictions
			p := newConfiguredProcess(t, serve(t, env, simulator.Options{}))
			if next := p.env.Transport(nil); test.change != nil {
				p.env.Transport = func(*x509.CertPool) http.RoundTripper { return changingTransport{next, test.change} }
			}
			if scan := p.run("scan").must(t, test.code/3*4); test.code != 0 && !strings.Contains(scan.stdout, "UNKNOWN") {
				t.Errorf("nothing is unknown:\n%s", scan.stdout)
			}
			for _, c := range runDoctor(p, test.code).Checks {
				if failed := c.Outcome == "fail"; failed != (c.ID == test.check) || failed && (!strings.Contains(c.Detail, test.says) || c.Advice == "") {
					t.Errorf("%+v", c)
				}
			}
		})
	}
}

// TestDoctorAgreesWithScan checks that with each contradiction, and with each column that is null in
// every row, doctor passes if and only if a scan can judge the environment. A column that is
// null without reason makes a control unknown, but makes none fail.
func TestDoctorAgreesWithScan(t *testing.T) {
	t.Parallel()
	agree := func(t *testing.T, p *process) (scanCode int) {
		t.Helper()
		doctor, scan := p.run("doctor", "-f", "json"), p.run("scan", "-f", "json")
		if judged := scan.code <= 1 && !strings.Contains(scan.stdout, `"outcome": "unknown"`); (doctor.code == 0) != judged {
			t.Errorf("doctor ends in %d, and a scan in %d:\n%s\n%s", doctor.code, scan.code, doctor.stdout, scan.stdout)
		}
		var e examination
		decodeInto(t, doctor.stdout, &e)
		for _, c := range e.Checks {
			if c.Outcome == "fail" && c.Advice == "" && !strings.Contains(c.Detail, "for the same reason") {
				t.Errorf("no advice: %+v", c)
			}
		}
		return scan.code
	}
	for _, c := range simulator.Contradictions() {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			env := builtin(t, "compliant")
			env.Contradictions = []simulator.Contradiction{c}
			agree(t, newConfiguredProcess(t, serve(t, env, simulator.Options{})))
		})
	}
	withNull := func(t *testing.T, column string) (p *process, columns *sync.Map) {
		t.Helper()
		p, columns = newConfiguredProcess(t, serve(t, builtin(t, "compliant"), simulator.Options{})), &sync.Map{}
		next := p.env.Transport(nil)
		p.env.Transport = func(*x509.CertPool) http.RoundTripper { return nullTransport{next, column, columns} }
		return p, columns
	}
	p, columns := withNull(t, "")
	agree(t, p)
	columns.Range(func(column, _ any) bool {
		if column == "savedqueryid" {
			return true // doctor reads system views too, which a scan of this environment does not need
		}
		t.Run("null in "+column.(string), func(t *testing.T) {
			t.Parallel()
			p, _ := withNull(t, column.(string))
			legitimate := column == "name" || column == "applicationid" // a row may have none
			if agree(t, p) == 1 && !legitimate {
				t.Error("a control fails, although it is unknown whether the environment is at fault")
			}
		})
		return true
	})
}

// refuse returns an error of Dataverse if the condition is true, else nil.
func refuse(r *http.Request, condition bool, status int, code, message string) *http.Response {
	if !condition {
		return nil
	}
	return &http.Response{
		StatusCode: status, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message))),
	}
}

// A nullTransport makes a column null in the rows of responses, and notes the names of all columns.
type nullTransport struct {
	next    http.RoundTripper
	column  string
	columns *sync.Map
}

func (n nullTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := n.next.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(r.URL.Path, "/api/data/") {
		return response, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return nil, err
	}
	n.change(body)
	data, err := json.Marshal(body)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return response, err
}

func (n nullTransport) change(value any) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			n.change(element)
		}
	case map[string]any:
		for name, element := range value {
			if name == n.column {
				value[name] = nil
			}
			if name != "value" && !strings.Contains(name, "@") {
				n.columns.Store(name, true)
			}
			n.change(element)
		}
	}
}

// A changingTransport changes requests before it sends them, or answers them itself.
type changingTransport struct {
	next   http.RoundTripper
	change func(*http.Request) *http.Response
}

func (c changingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if answer := c.change(r); answer != nil {
		return answer, nil
	}
	return c.next.RoundTrip(r)
}
