package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

// A world is an environment and what is required of it: all that a verdict
// depends on.
type world struct {
	*simulator.Environment

	want snapshot.Requirement
}

func (w world) clone() world {
	w.Environment = w.Environment.Clone()
	w.want.Views = slices.Clone(w.want.Views)
	w.want.Allow = slices.Clone(w.want.Allow)
	return w
}

// A lab judges worlds in the process, over real HTTPS and with one sign-in.
type lab struct {
	server   *simulator.Server
	client   *dataverse.Client
	engine   *engine.Engine
	profile  profile.Profile
	pristine world
}

// newLab serves the compliant environment.
func newLab(tb testing.TB) *lab {
	tb.Helper()
	return newLabWith(tb, simulator.Options{})
}

func newLabWith(tb testing.TB, o simulator.Options) *lab {
	tb.Helper()
	env, err := simulator.Builtin("compliant")
	if err != nil {
		tb.Fatal(err)
	}
	server, err := simulator.Start(tb.Context(), env, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = server.Close() })
	l := &lab{server: server, client: client(tb, server, env.Suggest.Auditor)}
	if l.engine, err = engine.Load(tb.Context(), policy.Files); err != nil {
		tb.Fatal(err)
	}
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		tb.Fatal(err)
	}
	l.profile = profiles[slices.IndexFunc(profiles, func(p profile.Profile) bool { return p.Name == defaultProfile })]
	a := &app{}
	target, err := a.simulated(server)
	if err != nil {
		tb.Fatal(err)
	}
	l.pristine = world{server.Environment(), target.requirement}
	return l
}

// client signs in to a simulated environment as one of its clients.
func client(tb testing.TB, server *simulator.Server, applicationID string) *dataverse.Client {
	tb.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CAPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	tb.Cleanup(transport.CloseIdleConnections)
	c, err := dataverse.New(dataverse.Options{
		URL: server.URL(), Transport: transport, Tokens: &tokens{server: server, transport: transport, client: applicationID},
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// tokens asks the simulated sign-in host, without what MSAL does around it.
type tokens struct {
	server    *simulator.Server
	transport http.RoundTripper
	client    string
}

func (s *tokens) Token(ctx context.Context, _ dataverse.TokenOptions) (dataverse.Token, error) {
	registration := s.server.Environment().Client(s.client)
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {s.client}, "client_secret": {registration.Secret},
		"scope": {s.server.URL() + "/.default"},
	}
	address := s.server.AuthorityURL() + "/" + s.server.TenantID() + "/oauth2/v2.0/token"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return dataverse.Token{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := s.transport.RoundTrip(request)
	if err != nil {
		return dataverse.Token{}, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return dataverse.Token{}, err
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(data, &answer); err != nil || answer.Token == "" {
		return dataverse.Token{}, fmt.Errorf("no token: HTTP %d", response.StatusCode)
	}
	return dataverse.Token{Value: dataverse.NewSecret(answer.Token), ExpiresAt: time.Now().Add(time.Hour)}, nil
}

// serve makes the served environment equal to a world, and the world complete: ids
// that were left out are there then.
func (l *lab) serve(tb testing.TB, w *world) {
	tb.Helper()
	if err := l.server.Mutate(func(env *simulator.Environment) { *env = *w.Environment.Clone() }); err != nil {
		tb.Fatalf("the simulator refuses the world: %v", err)
	}
	w.Environment = l.server.Environment()
}

// judge makes the served environment equal to a world, reads it and judges it.
func (l *lab) judge(tb testing.TB, w world) (audit.Result, *snapshot.Snapshot) {
	tb.Helper()
	l.serve(tb, &w)
	return l.look(tb, w.want)
}

// look reads and judges the served environment.
func (l *lab) look(tb testing.TB, want snapshot.Requirement) (audit.Result, *snapshot.Snapshot) {
	tb.Helper()
	r, s, err := l.tryLook(tb.Context(), want)
	if err != nil {
		tb.Fatal(err)
	}
	return r, s
}

func (l *lab) tryLook(ctx context.Context, want snapshot.Requirement) (audit.Result, *snapshot.Snapshot, error) {
	s, err := collector.Collect(ctx, l.client, collector.Options{
		Scope: snapshot.ScopeIntegration, Requirement: want, Pattern: l.profile.Pattern, Privileges: l.profile.Minimum(),
		Environment: snapshot.Environment{Name: "contoso", URL: l.server.URL()},
		Tool:        snapshot.Tool{Name: "dbaudit", Version: "test"}, Now: clock,
	})
	if err != nil {
		return audit.Result{}, nil, err
	}
	r, err := l.engine.Evaluate(ctx, s, l.profile, engine.Options{AsOf: clock()})
	return r, s, err
}

func clock() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// deviations are a result's differences from one in which every control passes,
// a line each: "ID outcome" where the control did not fail, else one line for
// each of its findings with subject, evidence and kind of fix. Ids are left out.
func deviations(r audit.Result) []string {
	var lines []string
	for _, c := range r.Controls {
		if c.Outcome != audit.OutcomePass && c.Outcome != audit.OutcomeFail {
			lines = append(lines, fmt.Sprintf("%s %s", c.ID, c.Outcome))
		}
		for _, f := range c.Findings {
			fix := "none"
			if f.Fix != nil {
				fix = f.Fix.Kind.String()
			}
			lines = append(lines, finding(c.ID, f.Subject.Kind.String(), f.Subject.Name, fix, f.Evidence))
		}
	}
	slices.Sort(lines)
	return lines
}

func finding(id audit.ControlID, kind, name, fix string, evidence map[string]any) string {
	shown := map[string]any{}
	for key, value := range evidence {
		if key == "granted_by" { // the policies' own tests hold it
			continue
		}
		if list, ok := value.([]any); ok && (key == "views" || key == "users") { // ids
			value = fmt.Sprint(len(list))
		}
		shown[key] = value
	}
	data, err := json.Marshal(shown)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%s fail: %s %q %s, %s", id, kind, name, data, fix)
}
