package sessions_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestStories runs the whole pipeline for each folder of testdata/cases: from its environment to a
// snapshot, a result in several formats, a plan, a journal, and the result after the changes. Each
// step reads the output of the previous step. The outputs are compared with the files in the
// folder; -update rewrites these files.
func TestStories(t *testing.T) {
	t.Parallel()
	stories, err := filepath.Glob(filepath.Join("..", "..", "..", "testdata", "cases", "*"))
	if err != nil || len(stories) < 12 {
		t.Fatalf("%d stories, %v", len(stories), err)
	}
	for _, dir := range stories {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			runStory(t, dir)
		})
	}
}

// storyURL is the address of the environment in every story, so that the outputs do not contain a
// random port.
const storyURL = "https://fabrikam.crm.dynamics.com"

func runStory(t *testing.T, dir string) {
	name := filepath.Join(dir, "environment.yaml")
	env, err := simulator.ParseEnvironment(name, []byte(read(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	server := serve(t, env, simulator.Options{Now: func() time.Time { return now }})
	p := newParallelProcess(t, server)
	p.env.Now = func() time.Time { return now }
	transport := storyTransport(t, server)
	p.env.Transport = func(*x509.CertPool) http.RoundTripper { return transport }
	suggest := env.Suggest
	p.vars["DBAUDIT_URL"] = storyURL
	p.applyAs(suggest.Administrator, env.Client(suggest.Administrator).Secret)
	asked := []string{"--integration-role", suggest.Role, "--business-unit", suggest.BusinessUnit}
	var b strings.Builder
	b.WriteString("url: " + storyURL + "\nviews:\n")
	for _, v := range suggest.Views {
		b.WriteString("  - {table: " + v.Table + ", name: " + v.Name + ", owner: " + v.Owner + "}\n")
	}
	p.config = p.write("dbaudit.yaml", b.String())

	step := func(codes []int, args ...string) outcome {
		o := p.run(args...)
		for _, code := range codes {
			if o.code == code {
				return o
			}
		}
		t.Fatalf("%v: exit code %d, want one of %v\n%s", args, o.code, codes, o.stderr)
		return o
	}
	verdicts := []int{0, 1, 4}
	step([]int{0}, append([]string{"collect", "-q", "-o", p.file("snapshot.json")}, asked...)...)
	step(verdicts, "check", "-q", p.file("snapshot.json"), "-f", "json", "-o", p.file("result.json"), "-f", "table", "-o", p.file("table.txt"),
		"-f", "sarif", "-o", p.file("result.sarif"), "-f", "markdown", "-o", p.file("summary.md"),
		"-f", "ocsf", "-o", p.file("findings.ndjson"), "-f", "oscal", "-o", p.file("assessment.json"))
	step([]int{0}, "plan", "-q", "--result", p.file("result.json"), "--snapshot", p.file("snapshot.json"),
		"-f", "json", "-o", p.file("plan.json"), "-f", "markdown", "-o", p.file("plan.md"))
	if strings.Contains(p.read("plan.json"), `"actions": []`) {
		p.write("plan.journal.json", "nothing to carry out\n")
		p.write("after.txt", "nothing was changed\n")
	} else {
		o := step([]int{0, 1, 3, 4, 5}, "apply", "--yes", p.file("plan.json"))
		p.write("after.txt", o.stderr)
		if o.code == 3 { // refused before the first change
			p.write("plan.journal.json", "nothing was carried out\n")
		}
	}
	files := map[string]string{
		"snapshot.json": "snapshot.json", "result.json": "result.json", "table.txt": "table.txt", "result.sarif": "result.sarif",
		"summary.md": "summary.md", "plan.json": "plan.json", "plan.md": "plan.md", "plan.journal.json": "journal.jsonl", "after.txt": "after.txt",
	}
	// The formats for auditors are long, so only some stories have them.
	for _, name := range []string{"findings.ndjson", "assessment.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			files[name] = name
		}
	}
	for file, story := range files {
		compareStory(t, filepath.Join(dir, story), strings.ReplaceAll(withoutPorts(p.read(file), server), p.dir+string(filepath.Separator), ""))
	}
}

// withoutPorts removes ports and correlation ids, which differ from run to run.
func withoutPorts(text string, server *simulator.Server) string {
	for _, raw := range []string{server.URL(), server.AuthorityURL()} {
		if u, err := url.Parse(raw); err == nil {
			text = strings.ReplaceAll(text, u.Host, "127.0.0.1")
		}
	}
	return regexp.MustCompile(`correlation id [0-9a-f-]{36}`).ReplaceAllString(text, "correlation id")
}

func compareStory(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(read(t, file), got); diff != "" {
		t.Errorf("%s differs (-file +got); -update rewrites it, read the difference:\n%s", file, diff)
	}
}

// storyTransport returns a transport that sends requests for storyURL to the simulator.
func storyTransport(t *testing.T, server *simulator.Server) *http.Transport {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CAPEM())
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(storyURL, "https://") + ":443"
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == host {
				address = u.Host
			}
			d := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ServerName: "127.0.0.1"}}
			return d.DialContext(ctx, network, address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}
