package streams_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/cli"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/lab"
	"github.com/dbaudit/dbaudit/internal/report"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/signin"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

var (
	brokenCommand  = regexp.MustCompile(`##[A-Za-z]* \[`)
	azureCommand   = regexp.MustCompile(`##[A-Za-z]*\[`)
	allowedCommand = regexp.MustCompile(`^::(error|warning|notice|group|endgroup)( [a-zA-Z]+=[^:,]*(,[a-zA-Z]+=[^:,]*)*)?::`)
)

// firstUnsafeLine returns the first line of a stream that a terminal or a CI runner would obey, or
// "". With github, the workflow commands of that format are allowed.
func firstUnsafeLine(stream string, github bool) string {
	for line := range strings.SplitSeq(stream, "\n") {
		command := strings.HasPrefix(strings.TrimFunc(line, unicode.IsSpace), "::") && (!github || !allowedCommand.MatchString(line))
		if command || azureCommand.MatchString(line) || strings.ContainsFunc(line, text.IsInvisible) {
			return line
		}
	}
	return ""
}

// fuzzParts is the number of parts into which the commands are divided. The last two are for a
// server's responses and for commands that read each other's output.
const fuzzParts = 10

// FuzzStreams gives a hostile name to everything with a name, runs all commands, and checks what
// each writes to standard output and standard error. The commands are divided into parts, because
// the fuzzer considers an input that takes ten seconds as a hang.
func FuzzStreams(f *testing.F) {
	for _, name := range []string{
		"x ##vso[task.prependpath]/tmp/evil \u202e\u2066\u200b\u00ad\ufe0f\U000e0041 \x1b[31m\x1b]8;;http://x\x07",
		"a\n::add-mask::hello\r\n  ::error::x\n##[add-matcher]m.json",
		"::set-output name=a::##VSO[b|`c`*_<d>&amp;~~e~~]",
	} {
		for part := range uint8(fuzzParts) {
			f.Add(name, part)
		}
	}
	l := lab.New(f)
	f.Fuzz(func(t *testing.T, name string, part uint8) {
		if strings.TrimSpace(name) == "" || !utf8.ValidString(name) || strings.ContainsRune(name, 0) || len(name) > 150 {
			t.Skip("no name")
		}
		sc := l.Compliant.Clone()
		lab.UseNameEverywhere(&sc, name)
		if err := l.Server.Mutate(func(env *simulator.Environment) { *env = *sc.Environment.Clone() }); err != nil {
			t.Skip("no name that the platform takes: ", err)
		}
		sc.Environment = l.Server.Environment()
		r, s, err := l.TryJudgeServed(t.Context(), sc.Requirement)
		if err != nil {
			t.Skip("no requirement: ", err)
		}
		s.Environment.Name, r.Environment.Name = name, name
		if err := s.Seal(); err != nil {
			t.Fatal(err)
		}
		r.Snapshot.Digest = s.Digest
		data, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		file := func(name string, data []byte) string {
			name = filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Skip("no name of a file: ", err)
			}
			return name
		}
		snapshot := file("s.json", data)
		var b bytes.Buffer
		if err := report.Render(&b, report.JSON, []audit.Result{r}, report.Options{}); err != nil {
			t.Fatal(err)
		}
		result := file("history/r.json", b.Bytes())
		fileName := strings.NewReplacer("/", "_", `\`, "_").Replace(name)
		role := `<Role id="{6f0c2a51-8b3d-4e0f-9a77-1c5d2e9b4a10}" name="Demandbase"><RolePrivileges><RolePrivilege name="prvRedLead" level="Global"/></RolePrivileges></Role>`
		file("lint/Roles/"+fileName+".xml", []byte(role))
		file("lint/Roles/"+fileName+".broken.xml", []byte("<Role"))
		// An archive's entry may have any name, even with separators of folders.
		file("archives/entries.zip", newArchive(t, map[string]string{
			name + "/Roles/" + name + ".xml": role, "Roles/" + name + ".xml": "<Role", name: "x", "customizations.xml": "<ImportExportXml><" + name,
			"../" + name: role, name + ".zip": "PK",
		}))
		admin := l.Server.Environment().Suggest.Administrator
		variables := map[string]string{
			"DBAUDIT_URL": l.Server.URL(), "DBAUDIT_TENANT_ID": l.Server.TenantID(), "DBAUDIT_AUTHORITY": l.Server.AuthorityURL(),
			"DBAUDIT_CLIENT_ID":           l.Server.Environment().Suggest.Auditor,
			"DBAUDIT_CLIENT_SECRET":       l.Server.Environment().Client(l.Server.Environment().Suggest.Auditor).Secret,
			"DBAUDIT_INTEGRATION_APP_ID":  l.Server.Environment().Suggest.ApplicationID,
			"DBAUDIT_APPLY_CLIENT_ID":     admin,
			"DBAUDIT_APPLY_CLIENT_SECRET": l.Server.Environment().Client(admin).Secret,
		}
		transport := lab.Transport(t, l.Server)
		var through http.RoundTripper = transport
		run := func(args ...string) {
			t.Helper()
			var stdout, stderr bytes.Buffer
			cli.Main(t.Context(), args, cli.Env{
				Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr},
				Host: run.Host{
					Now:       lab.Now,
					SignIns:   new(signin.MemoryCache),
					Getenv:    func(name string) string { return variables[name] },
					Sleep:     func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
					Transport: func(*x509.CertPool) http.RoundTripper { return through },
				},
			})
			commandLine := strings.Join(args, " ")
			if line := firstUnsafeLine(stdout.String(), strings.Contains(commandLine, "-f github")); line != "" {
				t.Errorf("%.60q writes %.200q", args, line)
			}
			if line := firstUnsafeLine(stderr.String(), false); line != "" {
				t.Errorf("%.60q says %.200q", args, line)
			}
			object := strings.HasSuffix(commandLine, "-f json") || strings.HasSuffix(commandLine, "-f sarif") || strings.HasSuffix(commandLine, "-f gitlab") || strings.HasSuffix(commandLine, "-f oscal")
			if object && stdout.Len() > 0 && (!json.Valid(stdout.Bytes()) || brokenCommand.MatchString(stdout.String()) && !brokenCommand.MatchString(name)) {
				t.Errorf("%.60q writes no JSON: %.200s", args, stdout.String())
			}
			if stdout.Len()+stderr.Len() == 0 {
				t.Errorf("%.60q says nothing", args)
			}
		}
		switch part %= fuzzParts; part {
		default: // one command after the other, each in its part
			commands := readOnlyCommands(name, dir, snapshot, result)
			for i := int(part); i < len(commands); i += fuzzParts - 2 {
				run(commands[i]...)
			}
		case fuzzParts - 2:
			// The name is in a server's error, header or page.
			for _, says := range []hostileServer{
				{transport, "/api/data/", http.StatusForbidden, name},
				{transport, "/api/data/", http.StatusOK, name},
				{transport, "/oauth2/", http.StatusBadRequest, name},
				{transport, "/", http.StatusFound, name},
			} {
				through = says
				run("scan", "-v", "--timeout", "5s")
				run("scan", "-f", "json", "--timeout", "5s")
				run("doctor", "-v")
			}
		case fuzzParts - 1:
			plan, journal := filepath.Join(dir, "plan.json"), filepath.Join(dir, "plan.journal.json")
			run("plan", "--integration-role", name, "-v", "-o", plan)
			run("apply", plan, "--yes", "-v")
			run("rollback", journal, "--yes", "-v")
			waivers := filepath.Join(dir, "waivers.yaml")
			run("waiver", "add", "--waivers", waivers, "--control", "DB-PRIV-LEAD", "--kind", "accepted-risk", "--owner", name, "--reason", name, "--days", "9", "--subject", name, "--privilege", "prvReadLead")
			run("waiver", "check", "--waivers", waivers, "-v")
		}
	})
}

// readOnlyCommands returns commands that only read files, or fail early. None needs another's
// output.
func readOnlyCommands(name, dir, snapshot, result string) [][]string {
	commands := [][]string{
		{"lint", filepath.Join(dir, "lint"), "--integration-role", name, "--log-format", "json", "-f", "json"},
		// The system's names of the streams do not bypass the guard.
		{"check", snapshot, "-q", "-f", "csv", "-o", "/dev/stdout"},
		{"check", snapshot, "-q", "-f", "csv", "-o", "/dev/stderr"},
		{"history", filepath.Join(dir, "history"), "-v"},
		{"history", filepath.Join(dir, "history"), "-f", "json"},
		{"scan", "--env", name},
		{"profile", "show", name},
		{"doctor", "--integration-role", name},
		{"doctor", "--integration-role", name, "-f", "json"},
	}
	for _, format := range report.Formats() {
		commands = append(commands, []string{"check", snapshot, "-v", "-f", format.String()},
			[]string{"lint", filepath.Join(dir, "lint"), "--all-roles", "-f", format.String()})
	}
	for _, format := range []string{"table", "github", "json"} {
		commands = append(commands, []string{"lint", filepath.Join(dir, "archives"), "--all-roles", "-v", "-f", format})
	}
	for _, format := range []string{"table", "markdown", "json"} {
		commands = append(commands, []string{"diff", result, result, "-v", "-f", format},
			[]string{"plan", "--result", result, "--snapshot", snapshot, "--as-of", "2026-03-01T00:00:00Z", "-f", format})
	}
	for _, command := range []string{"check", "explain", "report", "lint", "rollback", "diff", "scan -c"} {
		commands = append(commands, append(strings.Fields(command), name))
	}
	return commands
}

// A hostileServer answers requests with a path that contains a word. Its responses contain a text
// in every place that a message may quote. It sends other requests on.
type hostileServer struct {
	next   http.RoundTripper
	path   string
	status int
	text   string
}

func (s hostileServer) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.Contains(req.URL.Path, s.path) {
		return s.next.RoundTrip(req)
	}
	body, err := json.Marshal(map[string]any{
		"error": map[string]any{"code": s.text, "message": s.text}, "value": []any{map[string]any{"name": s.text}}, "@odata.nextLink": s.text,
	})
	if s.path == "/oauth2/" {
		body, err = json.Marshal(map[string]any{"error": s.text, "error_description": s.text, "correlation_id": s.text, "suberror": s.text})
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="`+s.text+`", error_description="`+s.text+`"`)
	w.Header().Set("Location", "https://x/"+s.text)
	w.Header().Set("X-Ms-Service-Request-Id", s.text)
	w.WriteHeader(s.status)
	_, _ = w.Write(body)
	resp := w.Result()
	resp.Request = req
	return resp, err
}

// newArchive returns a zip archive with entries of exactly these names.
func newArchive(t *testing.T, entries map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range entries {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Skip("no name of an entry: ", err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
