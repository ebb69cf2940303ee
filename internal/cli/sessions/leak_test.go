package sessions_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/zalando/go-keyring"

	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A secretRecorder sends requests and records every secret in them and in the responses: client
// secrets, assertions, codes and tokens.
type secretRecorder struct {
	next http.RoundTripper
	// echo makes the server repeat in its errors what it was sent.
	echo atomic.Bool

	mu      sync.Mutex
	secrets map[string]string // by value, what it is
}

func (e *secretRecorder) record(kind, value string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if value != "" {
		e.secrets[value] = kind
	}
}

// kinds returns the kinds of the recorded secrets.
func (e *secretRecorder) kinds() map[string]bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	kinds := map[string]bool{}
	for _, kind := range e.secrets {
		kinds[kind] = true
	}
	return kinds
}

func (e *secretRecorder) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := ""
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
		sent = string(body)
		if form, err := url.ParseQuery(sent); err == nil {
			for _, kind := range []string{"client_secret", "client_assertion", "device_code", "code", "code_verifier", "refresh_token"} {
				e.record(kind, form.Get(kind))
			}
		}
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	e.record("access_token", token)
	if e.echo.Load() && (token != "" || sent != "") {
		return e.echoSecrets(r, token, sent), nil
	}
	response, err := e.next.RoundTrip(r)
	if err != nil || strings.HasPrefix(r.URL.Path, "/api/") {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	var answer map[string]any
	if json.Unmarshal(body, &answer) == nil {
		for _, kind := range []string{"access_token", "refresh_token", "id_token"} {
			value, _ := answer[kind].(string)
			e.record(kind, value)
		}
	}
	return response, err
}

// echoSecrets returns a refusal that contains the request's secrets.
func (e *secretRecorder) echoSecrets(r *http.Request, token, sent string) *http.Response {
	var body []byte
	status := http.StatusForbidden
	if token != "" {
		// The last one is where dbaudit truncates a long message.
		message := "the token " + token + " lacks prvReadUser" + token + strings.Repeat(" x", 484) + " " + token
		body, _ = json.Marshal(map[string]any{"error": map[string]string{"code": token, "message": message}})
	} else {
		status = http.StatusUnauthorized
		form, _ := url.ParseQuery(sent)
		message := strings.Repeat("y", 1170) + " " + form.Get("client_secret") + " " + form.Get("client_assertion") + form.Get("refresh_token")
		body, _ = json.Marshal(map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: " + message, "correlation_id": message})
	}
	header := http.Header{"Content-Type": {"application/json"}, "Req_id": {token}, "X-Ms-Service-Request-Id": {token}}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

// wantNoSecrets fails the test if a text contains a recorded secret, unchanged or encoded.
func (e *secretRecorder) wantNoSecrets(tb testing.TB, where string, text []byte) {
	tb.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for secret, kind := range e.secrets {
		for form, written := range map[string]string{
			"": secret, "query-encoded ": url.QueryEscape(secret), "base64-encoded ": base64.StdEncoding.EncodeToString([]byte(secret)),
			// A part of a long secret is a secret too.
			"the beginning of a ": secret[:min(len(secret), 16)],
		} {
			if bytes.Contains(text, []byte(written)) {
				tb.Errorf("%s has a %s%s", where, form, kind)
			}
		}
	}
}

// TestNoSecretIsWritten checks that no output contains a secret, an assertion or a token, whatever
// goes wrong.
func TestNoSecretIsWritten(t *testing.T) {
	t.Parallel()
	none := func(*http.Request) simulator.Fault { return simulator.Fault{} }
	everywhere := func(f simulator.Fault) func(*http.Request) simulator.Fault {
		return func(*http.Request) simulator.Fault { return f }
	}
	api := func(f simulator.Fault) func(*http.Request) simulator.Fault {
		return func(r *http.Request) simulator.Fault {
			if strings.HasPrefix(r.URL.Path, "/api/") {
				return f
			}
			return simulator.Fault{}
		}
	}
	failures := []struct {
		name  string
		fault func(*http.Request) simulator.Fault
	}{
		{"none", none},
		{"echo", none},
		{"401", api(simulator.Fault{Kind: simulator.FaultUnauthorized})},
		{"403", api(simulator.Fault{Kind: simulator.FaultStatus, Status: 403})},
		{"429", api(simulator.Fault{Kind: simulator.FaultStatus, Status: 429, RetryAfter: "7"})},
		{"500", api(simulator.Fault{Kind: simulator.FaultStatus, Status: 500})},
		{"garbage", api(simulator.Fault{Kind: simulator.FaultGarbage})},
		{"truncated", api(simulator.Fault{Kind: simulator.FaultTruncate})},
		{"reset", api(simulator.Fault{Kind: simulator.FaultResetBefore})},
		{"429 everywhere", everywhere(simulator.Fault{Kind: simulator.FaultStatus, Status: 429, RetryAfter: "1"})},
		{"garbage everywhere", everywhere(simulator.Fault{Kind: simulator.FaultGarbage})},
		{"truncated everywhere", everywhere(simulator.Fault{Kind: simulator.FaultTruncate})},
		{"reset everywhere", everywhere(simulator.Fault{Kind: simulator.FaultResetAfter})},
	}

	for _, signIn := range []struct {
		name     string
		setUp    func(*process)
		recorded []string // the secrets that must have been recorded, or the test proves nothing
	}{
		{"client secret", func(*process) {}, []string{"client_secret", "access_token"}},
		{"wrong secret", func(p *process) { p.vars["DBAUDIT_CLIENT_SECRET"] = "Zq8~a-wrong-but-still-secret-value" }, []string{"client_secret"}},
		{"certificate", func(p *process) {
			delete(p.vars, "DBAUDIT_CLIENT_SECRET")
			p.vars["DBAUDIT_CLIENT_CERTIFICATE"] = filepath.Join(p.tb.TempDir(), "auditor.pem")
			pair := p.servers[0].ClientCertificate(p.vars["DBAUDIT_CLIENT_ID"])
			if err := os.WriteFile(p.vars["DBAUDIT_CLIENT_CERTIFICATE"], pair, 0o600); err != nil {
				p.tb.Fatal(err)
			}
		}, []string{"client_assertion", "access_token"}},
		{"person", func(p *process) {
			delete(p.vars, "DBAUDIT_CLIENT_SECRET")
			p.vars["DBAUDIT_CLIENT_ID"] = publicClientApp
			keyring.MockInit()
			p.env.SignIns = signin.FileCache{Path: filepath.Join(p.dir, "sign-ins")}
			done := p.approve("alex@contoso.com")
			p.run("login", "-v").must(p.tb, 0)
			<-done
		}, []string{"device_code", "access_token", "refresh_token", "id_token"}},
	} {
		t.Run(signIn.name, func(t *testing.T) {
			if testing.Short() && signIn.name != "person" {
				t.Skip("the sign-in with the most secrets is enough for a short run")
			}
			t.Parallel()
			var fault atomic.Pointer[func(*http.Request) simulator.Fault]
			fault.Store(&none)
			p := newParallelProcess(t, serve(t, builtin(t, "sample"), simulator.Options{Faults: func(r *http.Request) simulator.Fault { return (*fault.Load())(r) }}))
			recorder := &secretRecorder{next: p.env.Transport(nil), secrets: map[string]string{}}
			p.env.Transport = func(*x509.CertPool) http.RoundTripper { return recorder }
			signIn.setUp(p)
			for _, failure := range failures {
				f := failure.fault
				fault.Store(&f)
				recorder.echo.Store(failure.name == "echo")
				for i, args := range [][]string{
					{"scan", "-v", "-f", "table", "-f", "json", "-o", p.file("result.json"), "-f", "html", "-o", p.file("result.html"), "-f", "sarif", "-o", p.file("result.sarif")},
					{"collect", "-v", "--log-format", "json", "-o", p.file("snapshot.json")},
					{"doctor", "-v", "--log-format", "json"},
					{"whoami", "-v", "--json"},
				} {
					if i == 0 && signIn.name != "client secret" && failure.name != "none" && failure.name != "echo" {
						continue // a scan reads as collect does, and takes its time to judge
					}
					p.env.StderrIsTerminal = i%2 == 0 && signIn.name != "person"
					o := p.run(args...)
					where := fmt.Sprintf("%s, failure %s: ", args[0], failure.name)
					recorder.wantNoSecrets(t, where+"standard output", []byte(o.stdout))
					recorder.wantNoSecrets(t, where+"standard error", []byte(o.stderr))
				}
				files := 0
				err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
					if err != nil || d.IsDir() {
						return err
					}
					data, err := os.ReadFile(path)
					files++
					recorder.wantNoSecrets(t, "after "+failure.name+": "+filepath.Base(path), data)
					if info, err := d.Info(); err != nil || info.Mode().Perm() != 0o600 {
						t.Errorf("%s is readable by others: %v", path, info.Mode())
					}
					return err
				})
				if err != nil || signIn.name != "wrong secret" && files < 4 {
					t.Errorf("%d files were searched: %v", files, err)
				}
			}
			kinds := recorder.kinds()
			for _, kind := range signIn.recorded {
				if !kinds[kind] {
					t.Errorf("no %s was recorded", kind)
				}
			}
		})
	}
}
