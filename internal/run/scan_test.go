package run_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/lab"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// silent is a narrator that discards everything.
type silent struct{}

func (silent) Log(slog.Level, string, string, ...slog.Attr) {}
func (silent) Warn(string, string)                          {}
func (silent) Progress(string) run.Progress                 { return silent{} }
func (silent) Exchange(dataverse.Event)                     {}
func (silent) Section(collector.Event)                      {}
func (silent) Task(string)                                  {}
func (silent) Stop()                                        {}

// A site is a simulated environment and a runner that trusts it.
type site struct {
	*simulator.Server
	*run.Runner

	engine *engine.Engine
	tokens *atomic.Int64
}

func newSite(t *testing.T) site {
	t.Helper()
	return newSiteWith(t, nil)
}

func newSiteWith(t *testing.T, faults func(*http.Request) simulator.Fault) site {
	t.Helper()
	env, err := simulator.Builtin("compliant")
	if err != nil {
		t.Fatal(err)
	}
	tokens := &atomic.Int64{}
	server, err := simulator.Start(t.Context(), env, simulator.Options{Faults: faults, Observe: func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token") {
			tokens.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	transport := lab.Transport(t, server)
	vars := map[string]string{"GOOD": env.Client(env.Suggest.Auditor).Secret, "WRONG": "not the secret"}
	r := &run.Runner{
		Host: run.Host{
			Getenv: func(name string) string { return vars[name] }, Now: time.Now,
			Transport: func(*x509.CertPool) http.RoundTripper { return transport },
			Sleep:     func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		},
		Narrator: silent{}, Tool: audit.Tool{Name: "dbaudit", Version: "test"},
	}
	e, err := r.LoadEngine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return site{server, r, e, tokens}
}

// scan scans targets of the site.
func (s site) scan(ctx context.Context, targets ...run.Target) run.ScanResult {
	return s.Scan(ctx, s.engine, targets, run.ScanOptions{Scope: snapshot.ScopeIntegration})[0]
}

// document returns a configuration of environments of the site.
func (s site) document(environments string) []byte {
	return fmt.Appendf(nil, "auth: {tenant_id: %s, client_id: %s, authority: %q}\nenvironments:\n%s",
		s.TenantID(), s.Environment().Suggest.Auditor, s.AuthorityURL(), environments)
}

func (s site) targets(t *testing.T, document []byte) []run.Target {
	t.Helper()
	file, err := config.Parse("dbaudit.yaml", document)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := s.TargetsFrom(file, run.Connection{AllEnvs: true}, run.Overrides{})
	if err != nil {
		t.Fatal(err)
	}
	return targets
}

// TestScan proves that the failure of each environment says whether to retry, and that an
// environment that was not read is not compliant.
func TestScan(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	suggest := s.Environment().Suggest
	targets := s.targets(t, s.document(fmt.Sprintf(`
  a-good: {url: %q, auth: {secret: {env: GOOD}}, integration: {app_id: %s}, business_unit: %q}
  b-wrong: {url: %[1]q, auth: {secret: {env: WRONG}}}
  c-unset: {url: %[1]q, auth: {secret: {env: UNSET}}}
  d-down: {url: %[1]q, auth: {secret: {env: GOOD}, authority: "https://127.0.0.1:1"}}
`, s.URL(), suggest.ApplicationID, suggest.BusinessUnit)))
	for i, want := range []struct {
		failure run.Failure
		verdict audit.Verdict
	}{
		{run.NoFailure, audit.VerdictCompliant},
		{run.Misconfigured, audit.VerdictIncomplete},
		{run.InvalidUsage, audit.VerdictIncomplete},
		{run.Transient, audit.VerdictIncomplete},
	} {
		got := s.scan(t.Context(), targets[i])
		if run.ClassifyError(got.Err) != want.failure || got.Result.Verdict != want.verdict || (got.Result.Unread != nil) != (got.Err != nil) {
			t.Errorf("%s: %s (%v), %s", got.Target.Name, run.ClassifyError(got.Err), got.Err, got.Result.Verdict)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if got := s.scan(ended, targets[0]); run.ClassifyError(got.Err) != run.Interrupted {
		t.Errorf("interrupted: %s (%v)", run.ClassifyError(got.Err), got.Err)
	}
}

// TestScanReusesToken proves that later scans use the token of the first.
func TestScanReusesToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	targets := s.targets(t, s.document(fmt.Sprintf("  one: {url: %q, auth: {secret: {env: GOOD}}}\n", s.URL())))
	for range 3 {
		if got := s.scan(t.Context(), targets...); got.Err != nil {
			t.Fatal(got.Err)
		}
	}
	if n := s.tokens.Load(); n != 1 {
		t.Errorf("three scans asked for %d tokens", n)
	}
}

// A counted transport counts calls of CloseIdleConnections.
type counted struct {
	http.RoundTripper
	closed *atomic.Int64
}

func (c counted) CloseIdleConnections() { c.closed.Add(1) }

// TestScanClosesConnections proves that the connections of each environment are closed after it is
// read.
func TestScanClosesConnections(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var closed atomic.Int64
	transport := s.Transport(nil)
	s.Transport = func(*x509.CertPool) http.RoundTripper { return counted{transport, &closed} }
	targets := s.targets(t, s.document("  good: {url: "+s.URL()+", auth: {secret: {env: GOOD}}}\n  wrong: {url: "+s.URL()+", auth: {secret: {env: WRONG}}}\n"))
	s.scan(t.Context(), targets...)
	if int(closed.Load()) != len(targets) {
		t.Errorf("closed %d times, of %d environments", closed.Load(), len(targets))
	}
}

// TestScanTimeout proves that the error of a timeout says so once, and names throttling as the cause.
func TestScanTimeout(t *testing.T) {
	t.Parallel()
	const late = "it took longer than 1s: allow more with --timeout, or find out what makes it slow"
	for _, tt := range []struct {
		fault simulator.Fault
		want  string
	}{
		{simulator.Fault{Kind: simulator.FaultStatus, Status: http.StatusTooManyRequests}, " (the environment throttled N requests: run fewer scans at the same time)"},
		{simulator.Fault{Kind: simulator.FaultSlow, Delay: time.Hour}, ""},
	} {
		s := newSiteWith(t, func(r *http.Request) simulator.Fault {
			if strings.Contains(r.URL.Path, "/api/data/") {
				return tt.fault
			}
			return simulator.Fault{}
		})
		s.Sleep = func(ctx context.Context, _ time.Duration) error { <-ctx.Done(); return ctx.Err() }
		targets := s.targets(t, s.document(fmt.Sprintf("  one: {url: %q, auth: {secret: {env: GOOD}}}\n", s.URL())))
		targets[0].Timeout = time.Second
		got := s.scan(t.Context(), targets...)
		digits := regexp.MustCompile(`throttled (1 request|\d+ requests):`)
		if got.Err == nil || digits.ReplaceAllString(got.Err.Error(), "throttled N requests:") != late+tt.want || got.Result.Verdict != audit.VerdictIncomplete {
			t.Errorf("got %v, want %s%s", got.Err, late, tt.want)
		}
	}
}
