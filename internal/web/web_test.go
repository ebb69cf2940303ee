package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/web"
)

func noon() time.Time { return time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC) }

// hostile is a name that tries to become markup, a path and another address.
const hostile = `a/b <script>alert(1)</script> "x" ../ %2F` + "\u202e\x1b[31m"

// newStore returns a store of four environments: hostile is noncompliant, green is compliant, old is
// stale, and new was never scanned.
func newStore(tb testing.TB) *store.Store {
	tb.Helper()
	s, _ := newStoreWithClock(tb)
	return s
}

// newStoreWithClock returns the store of newStore and the time of its clock.
func newStoreWithClock(tb testing.TB) (*store.Store, *time.Time) {
	tb.Helper()
	at := noon().AddDate(0, 0, -10)
	s := must.Get(store.Open(tb.Context(), filepath.Join(tb.TempDir(), "fleet.db"), store.Options{Now: func() time.Time { return at }}))
	tb.Cleanup(func() { _ = s.Close() })
	var list []store.Environment
	for _, name := range []string{hostile, "green", "old", "new"} {
		list = append(list, store.Environment{
			Name: name, URL: "https://contoso.crm.dynamics.com", Every: 24 * time.Hour, Config: "x: y\n", Labels: map[string]string{"team": name[:1]},
			Requirements: store.Requirements{"demandbase": ""},
		})
	}
	must.Get(s.Import(tb.Context(), "jane", list))
	for d := range 11 {
		at = noon().AddDate(0, 0, d-10)
		results := []audit.Result{result(hostile, at, audit.OutcomeFail), result("green", at, audit.OutcomePass)}
		if d < 3 {
			results = append(results, result("old", at, audit.OutcomePass))
		}
		must.Do(tb, s.Record(tb.Context(), results, nil, "test"))
	}
	must.Do(tb, s.SetCredentialEnds(tb.Context(), "green", noon()))
	return s, &at
}

func result(name string, at time.Time, outcome audit.Outcome) audit.Result {
	organization := fmt.Sprintf("11111111-1111-1111-1111-%012d", len(name))
	c := audit.Control{ID: "DB-PRIV-LEAD", Rule: "role/privileges", Title: "Lead", Severity: audit.SeverityHigh, Outcome: outcome, Findings: []audit.Finding{}}
	if outcome == audit.OutcomeFail {
		subject := audit.Subject{Kind: audit.SubjectRole, ID: "r", Name: hostile}
		c.Findings = append(c.Findings, audit.Finding{
			Fingerprint: audit.Fingerprint(c.ID, organization, subject, "prvReadLead"), Message: "Lead – Read is missing in " + hostile, Subject: subject,
			Evidence: audit.Evidence{"privilege": "prvReadLead"},
		})
	}
	r := audit.Result{
		Format: audit.ResultFormat, Tool: audit.Tool{Name: "dbaudit", Version: "1.0.0"},
		Environment: audit.Environment{Name: name, URL: "https://contoso.crm.dynamics.com", OrganizationID: organization},
		Profile:     audit.Profile{Name: "demandbase", Version: "2026-01-01", Origin: audit.OriginBuiltin, Digest: "sha256:1"},
		Snapshot:    audit.Snapshot{Digest: "sha256:" + at.String(), TakenAt: at}, EvaluatedAt: at,
		Controls: []audit.Control{c},
	}
	r.Summary = audit.Summarize(r.Controls)
	r.Verdict = r.Summary.Verdict()
	return r
}

func serve(tb testing.TB, s *store.Store) *httptest.Server {
	tb.Helper()
	handler := must.Get(web.New(web.Options{Store: s, Fleet: must.Get(fleet.New(s, fleet.Options{}))}))
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server
}

// requested returns the scans that were requested, from the audit log.
func requested(t *testing.T, s *store.Store) (list []string) {
	t.Helper()
	for _, e := range must.Get(s.AuditLog(t.Context(), 100)) {
		if name, ok := strings.CutPrefix(e.What, "scan now: "); ok {
			list = append(list, e.Who+" scans "+name)
		}
	}
	return list
}

type response struct {
	status int
	body   string
	header http.Header
}

// send sends a request and does not follow redirects.
func send(tb testing.TB, method, address string, header http.Header) response {
	tb.Helper()
	request := must.Get(http.NewRequestWithContext(tb.Context(), method, address, nil))
	for name, values := range header {
		request.Header[name] = values
		if name == "Host" {
			request.Host = values[0]
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got := must.Get(client.Do(request))
	defer got.Body.Close()
	body := must.Get(io.ReadAll(got.Body))
	return response{got.StatusCode, string(body), got.Header}
}

// TestPages follows every link and checks that the worst integrations come first, that stale ones are
// not green, and that no name becomes markup or a link elsewhere.
func TestPages(t *testing.T) {
	t.Parallel()
	server := serve(t, newStore(t))
	fleet := send(t, http.MethodGet, server.URL+"/", nil)
	order := regexp.MustCompile(`<tr class="([a-z]+)"`).FindAllStringSubmatch(fleet.body, -1)
	var classes []string
	for _, m := range order {
		classes = append(classes, m[1])
	}
	if got := strings.Join(classes, " "); got != "noncompliant stale stale compliant" {
		t.Errorf("the order is %s", got)
	}
	for _, want := range []string{"stale, was compliant", "not scanned yet", "1 high", "8 days ago", `class="fleet"`} {
		if !strings.Contains(fleet.body, want) {
			t.Errorf("the page of the fleet does not say %q", want)
		}
	}
	for name, want := range map[string]bool{"green": true, "old": false} {
		page := send(t, http.MethodGet, server.URL+"/environments/"+name, nil).body
		if got := strings.Contains(page, "credential ends 2026-03-20"); got != want {
			t.Errorf("%s: the page says when the credential ends: %t, want %t", name, got, want)
		}
	}
	seen := map[string]bool{}
	queue := []string{"/"}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		page := send(t, http.MethodGet, server.URL+path, nil)
		if page.status != http.StatusOK {
			t.Errorf("%s: %d", path, page.status)
		}
		if strings.Contains(page.body, "No open findings.") {
			t.Errorf("%s: it may not have been scanned, or only in part", path)
		}
		if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
		if !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
			continue
		}
		if strings.Contains(page.body, "<script>alert") {
			t.Errorf("%s: a name became markup", path)
		}
		if strings.ContainsAny(page.body, "\u202e\x1b") {
			t.Errorf("%s: a name became a control character", path)
		}
		if strings.Contains(path, "/report/") {
			continue // a self-contained document with links elsewhere
		}
		for _, m := range regexp.MustCompile(`(?:href|action)="([^"#]*)"`).FindAllStringSubmatch(page.body, -1) {
			link := strings.ReplaceAll(m[1], "&amp;", "&")
			if !strings.HasPrefix(link, "/") {
				t.Errorf("%s leads to %s", path, link)
			} else if !strings.HasSuffix(link, "/scan") {
				queue = append(queue, link)
			}
		}
	}
	for _, want := range []string{"/environments/" + url.PathEscape(hostile), "/environments/green/report/demandbase", "/controls/DB-PRIV-LEAD"} {
		if !seen[want] {
			t.Errorf("no page leads to %s", want)
		}
	}
}

// TestChanges checks that the page of an environment says what changed and why.
func TestChanges(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	server := serve(t, s)
	for _, step := range []struct {
		outcome audit.Outcome
		profile string
		depth   audit.Depth
		want    string
	}{
		{audit.OutcomeFail, "sha256:1", audit.DepthGlobal, "<td>began</td>"},
		{audit.OutcomePass, "sha256:1", audit.DepthGlobal, "<td>fixed</td>"},
		{audit.OutcomeFail, "sha256:2", audit.DepthGlobal, "<td>began: the profile or the configuration changed</td>"},
		{audit.OutcomePass, "sha256:2", audit.DepthBasic, "<td>over: the profile or the configuration changed</td>"},
		{audit.OutcomeFail, "sha256:2", audit.DepthGlobal, "<td>began: the profile or the configuration changed</td>"},
		{audit.OutcomePass, "sha256:3", audit.DepthGlobal, "<td>over: the profile or the configuration changed</td>"},
	} {
		r := result("green", noon(), step.outcome)
		r.Profile.Digest = step.profile
		r.Integration = &audit.Integration{Required: map[string]audit.Depth{"prvReadLead": step.depth}}
		must.Do(t, s.Record(t.Context(), []audit.Result{r}, nil, "test"))
		page := send(t, http.MethodGet, server.URL+"/environments/green", nil).body
		if _, changes, _ := strings.Cut(page, "<h2>Changes</h2>"); !strings.Contains(firstRow(changes), step.want) {
			t.Errorf("after %s by %s the page does not say %s:\n%s", step.outcome, step.profile, step.want, changes)
		}
	}
}

func firstRow(text string) string {
	_, body, _ := strings.Cut(text, "<tbody>")
	row, _, _ := strings.Cut(body, "</tr>")
	return row
}

// TestReconfigured checks that an environment with a different configuration from that of its last result
// is stale on each page, in the API and in the metrics, and keeps its result.
func TestReconfigured(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	must.Get(s.Import(t.Context(), "jane", []store.Environment{{
		Name: "green", URL: "https://contoso.crm.dynamics.com", Every: 24 * time.Hour, Config: "z: y\n", Requirements: store.Requirements{"demandbase": "other"},
	}}))
	server := serve(t, s)
	for path, want := range map[string]string{
		"/":                                   `<tr class="stale"><th scope="row"><a href="/environments/green">`,
		"/environments/green":                 "stale, was compliant by another configuration",
		"/controls":                           `<td class="number">1</td><td class="number">2</td><td class="number">0</td>`,
		"/controls/DB-PRIV-LEAD":              `<td>pass <span class="chip stale">stale</span></td>`,
		"/metrics":                            `dbaudit_verdict{environment="green",profile="demandbase",verdict="compliant"} 0`,
		"/api/v1/controls/DB-PRIV-LEAD":       `"stale": true`,
		"/api/v1/environments/green":          `"stale": true`,
		"/api/v1/environments/green?again":    `"verdict": "compliant"`,
		"/api/v1/environments/green?complete": `"last_complete_at": "` + noon().Format(time.RFC3339),
	} {
		if page := send(t, http.MethodGet, server.URL+path, nil).body; !strings.Contains(page, want) {
			t.Errorf("%s: want %q in\n%s", path, want, page)
		}
	}
}

// TestControls checks that a stale control counts as unknown.
func TestControls(t *testing.T) {
	t.Parallel()
	server := serve(t, newStore(t))
	page := send(t, http.MethodGet, server.URL+"/controls", nil).body
	if want := `<td>high</td><td class="number">1</td><td class="number">1</td><td class="number">1</td>`; !strings.Contains(page, want) {
		t.Errorf("want one that fails, one that is stale and one that passes:\n%s", page)
	}
}

// TestFilter checks how many environments each filter shows.
func TestFilter(t *testing.T) {
	t.Parallel()
	server := serve(t, newStore(t))
	for query, want := range map[string]int{
		"": 4, "label=team": 4, "label=team=g": 1, "label=other": 0, "verdict=stale": 2, "verdict=compliant": 1,
		"control=db-priv-lead": 1, "control=DB-NONE": 0, "verdict=stale&label=team=n": 1,
	} {
		page := send(t, http.MethodGet, server.URL+"/?"+query, nil)
		if !strings.Contains(page.body, fmt.Sprintf("%d of 4 shown", want)) {
			t.Errorf("%q: want %d of 4", query, want)
		}
	}
}

// TestLoopbackOnly checks that other hosts are refused, such as in DNS rebinding.
func TestLoopbackOnly(t *testing.T) {
	t.Parallel()
	server := serve(t, newStore(t))
	for host, want := range map[string]int{
		"localhost": 200, "localhost:80": 200, "LOCALHOST": 200, "LocalHost:80": 200, "127.0.0.1:99": 200, "[::1]:99": 200, "::1": 200,
		"evil.example": 403, "evil.example:80": 403, "127.0.0.1.evil.example": 403, "10.0.0.1": 403,
	} {
		if got := send(t, http.MethodGet, server.URL+"/", http.Header{"Host": {host}}).status; got != want {
			t.Errorf("%s: %d, want %d", host, got, want)
		}
	}
}

// TestForms checks that forms of other sites are refused.
func TestForms(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	server := serve(t, s)
	path := server.URL + "/environments/" + url.PathEscape(hostile) + "/scan"
	for _, tc := range []struct {
		header http.Header
		want   int
	}{
		{http.Header{"Sec-Fetch-Site": {"same-origin"}}, http.StatusSeeOther},
		{http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden},
		{http.Header{"Sec-Fetch-Site": {"same-site"}}, http.StatusForbidden},
		{http.Header{"Origin": {"https://evil.example"}}, http.StatusForbidden},
	} {
		if got := send(t, http.MethodPost, path, tc.header); got.status != tc.want {
			t.Errorf("%v: %d, want %d", tc.header, got.status, tc.want)
		}
	}
	if got := requested(t, s); len(got) != 1 || got[0] != "local scans "+hostile {
		t.Errorf("requested: %q", got)
	}
}

// TestAPI checks that every operation of the OpenAPI document answers as described.
func TestAPI(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	server := serve(t, s)
	waiting := must.Get(must.Get(fleet.New(s, fleet.Options{})).ScanNow(t.Context(), "test", "old"))
	var api struct {
		Paths map[string]map[string]struct {
			Responses map[string]any `json:"responses"`
		} `json:"paths"`
	}
	must.Do(t, json.Unmarshal([]byte(send(t, http.MethodGet, server.URL+"/api/v1/openapi.json", nil).body), &api))
	params := strings.NewReplacer("{name}", "green", "{run}", "2", "{integration}", "demandbase", "{id}", "DB-PRIV-LEAD")
	if len(api.Paths) < 9 {
		t.Errorf("%d paths", len(api.Paths))
	}
	for path, methods := range api.Paths {
		for method, described := range methods {
			if strings.HasSuffix(path, "/cancel") {
				path = fmt.Sprintf("/api/v1/runs/%d/cancel", waiting[0])
			}
			got := send(t, strings.ToUpper(method), server.URL+params.Replace(path), nil)
			if _, ok := described.Responses[fmt.Sprint(got.status)]; !ok || got.status >= 400 {
				t.Errorf("%s %s: %d %s", method, path, got.status, got.body)
			}
		}
	}
	var fleet struct {
		Format       string
		Environments []struct {
			Name, Verdict string
			Stale         bool
		}
	}
	if err := json.Unmarshal([]byte(send(t, http.MethodGet, server.URL+"/api/v1/environments", nil).body), &fleet); err != nil || fleet.Format != "dbaudit.fleet/v1" || len(fleet.Environments) != 4 {
		t.Errorf("%v %+v", err, fleet)
	}
	for path, want := range map[string]int{
		"/api/v1/environments/nowhere": 404, "/api/v1/environments/nowhere/findings": 404, "/api/v1/environments/nowhere/runs": 404, "/api/v1/runs/999": 404, "/api/v1/runs/x": 404, "/api/v1/runs/1/results/other": 404,
		"/api/v1/runs/2/results/demandbase?format=pdf": 400, "/api/v1/environments/green/runs?limit=-1": 400, "/api/v1/controls/DB-NONE": 404,
	} {
		got := send(t, http.MethodGet, server.URL+path, nil)
		if got.status != want || !json.Valid([]byte(got.body)) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

// TestFuture checks that the page shows a scan in the future as such.
func TestFuture(t *testing.T) {
	t.Parallel()
	s, now := newStoreWithClock(t)
	*now = noon().AddDate(0, 0, -3)
	handler := must.Get(web.New(web.Options{Store: s}))
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	request.Host = "localhost"
	handler.ServeHTTP(recorder, request)
	if page := recorder.Body.String(); !strings.Contains(page, "in the future") || strings.Contains(page, "just now") {
		t.Errorf("the page:\n%s", page)
	}
}
