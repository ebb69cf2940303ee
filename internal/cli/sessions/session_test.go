package sessions_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/cli"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/lab"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A process runs commands of dbaudit in the test process, with variables, files and simulated
// environments of its own.
type process struct {
	tb      testing.TB
	servers []*simulator.Server
	vars    map[string]string
	dir     string
	config  string // named on each command line, where it is not empty
	stderr  syncBuffer
	env     cli.Env
}

// A syncBuffer can be read while the command writes to it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *syncBuffer) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Reset()
}

// serve starts a simulated environment.
func serve(tb testing.TB, env *simulator.Environment, o simulator.Options) *simulator.Server {
	tb.Helper()
	server, err := simulator.Start(tb.Context(), env, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = server.Close() })
	return server
}

func builtin(tb testing.TB, name string) *simulator.Environment {
	tb.Helper()
	env, err := simulator.Builtin(name)
	if err != nil {
		tb.Fatal(err)
	}
	return env
}

// newProcess returns a process in a new working directory that trusts the servers. Its variables
// name the first. Because it changes the working directory, the test cannot be parallel.
func newProcess(tb testing.TB, servers ...*simulator.Server) *process {
	tb.Helper()
	p := newParallelProcess(tb, servers...)
	p.config = ""
	tb.Chdir(p.dir)
	if err := os.Remove("dbaudit.yaml"); err != nil {
		tb.Fatal(err)
	}
	return p
}

// newParallelProcess returns a process for a parallel test, which does not change the working
// directory: it passes its configuration with -c, and the test names files with [process.file].
func newParallelProcess(tb testing.TB, servers ...*simulator.Server) *process {
	tb.Helper()
	transport := lab.Transport(tb, servers...)
	p := &process{tb: tb, servers: servers, dir: tb.TempDir(), vars: map[string]string{}}
	p.config = p.write("dbaudit.yaml", "profile: demandbase\n")
	if len(servers) > 0 {
		s := servers[0]
		suggest := s.Environment().Suggest
		p.vars = map[string]string{
			"DBAUDIT_URL": s.URL(), "DBAUDIT_TENANT_ID": s.TenantID(), "DBAUDIT_AUTHORITY": s.AuthorityURL(),
			"DBAUDIT_CLIENT_ID":          suggest.Auditor,
			"DBAUDIT_CLIENT_SECRET":      s.Environment().Client(suggest.Auditor).Secret,
			"DBAUDIT_INTEGRATION_APP_ID": suggest.ApplicationID,
		}
	}
	p.env = cli.Env{
		Streams: console.Streams{Stdin: strings.NewReader("")},
		Host: run.Host{
			Getenv:    func(name string) string { return p.vars[name] },
			Now:       time.Now,
			Transport: func(*x509.CertPool) http.RoundTripper { return transport },
			Sleep:     func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
			SignIns:   new(signin.MemoryCache),
		},
	}
	return p
}

// An outcome is the exit code and the output of a command.
type outcome struct {
	code           int
	stdout, stderr string
}

func (p *process) run(args ...string) outcome {
	p.tb.Helper()
	return p.runUntil(p.tb.Context(), args...)
}

func (p *process) runUntil(ctx context.Context, args ...string) outcome {
	p.tb.Helper()
	var stdout bytes.Buffer
	p.stderr.reset()
	p.env.Stdout, p.env.Stderr = &stdout, &p.stderr
	if p.config != "" {
		args = append([]string{"-c", p.config}, args...)
	}
	code := cli.Main(ctx, args, p.env)
	return outcome{code, stdout.String(), p.stderr.String()}
}

// must fails the test unless the command ended with the exit code.
func (o outcome) must(tb testing.TB, code int) outcome {
	tb.Helper()
	if o.code != code {
		tb.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", o.code, code, o.stdout, o.stderr)
	}
	return o
}

// results returns the results that the command wrote as JSON.
func (o outcome) results(tb testing.TB) []audit.Result {
	tb.Helper()
	results, err := report.ReadResults([]byte(o.stdout))
	if err != nil {
		tb.Fatalf("%v\n%s\n%s", err, o.stdout, o.stderr)
	}
	return results
}

// wantContains fails the test unless a text contains each part.
func (p *process) wantContains(text string, parts ...string) {
	p.tb.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			p.tb.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

// file returns the path of a file in the process's folder.
func (p *process) file(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.dir, name)
}

// read returns the content of a file in the process's folder.
func (p *process) read(name string) string {
	p.tb.Helper()
	return read(p.tb, p.file(name))
}

func read(tb testing.TB, file string) string {
	tb.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// write writes a file in the process's folder, and returns its path.
func (p *process) write(name, text string) string {
	p.tb.Helper()
	file := p.file(name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		p.tb.Fatal(err)
	}
	return file
}

// wantNoFile fails the test if a file exists in the process's folder.
func (p *process) wantNoFile(name string) {
	p.tb.Helper()
	if _, err := os.Stat(p.file(name)); !errors.Is(err, os.ErrNotExist) {
		p.tb.Errorf("%s exists: %v", name, err)
	}
}

// plan reads a plan in the process's folder.
func (p *process) plan(name string) plan.Plan {
	p.tb.Helper()
	made, err := plan.Decode([]byte(p.read(name)))
	if err != nil {
		p.tb.Fatal(err)
	}
	return made
}

// state returns the state of the first environment in a form that can be compared.
func (p *process) state() string {
	p.tb.Helper()
	data, err := p.servers[0].CanonicalState()
	if err != nil {
		p.tb.Fatal(err)
	}
	return string(data)
}

// mutate changes the first environment.
func (p *process) mutate(change func(*simulator.Environment)) {
	p.tb.Helper()
	if err := p.servers[0].Mutate(change); err != nil {
		p.tb.Error(err)
	}
}

// isWrite reports whether a request changes an environment.
func isWrite(r *http.Request) bool {
	return r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/data/")
}

func decodeInto(tb testing.TB, text string, into any) {
	tb.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		tb.Fatalf("%v in:\n%s", err, text)
	}
}

// fetch gets a page from a simulator, or posts a form, like a browser.
func (p *process) fetch(address string, form url.Values) string {
	p.tb.Helper()
	browser := &http.Client{Transport: p.env.Transport(nil)}
	var response *http.Response
	var err error
	if form == nil {
		response, err = browser.Get(address)
	} else {
		response, err = browser.PostForm(address, form)
	}
	if err != nil {
		p.tb.Error(err)
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.tb.Error(err)
	}
	return string(body)
}
