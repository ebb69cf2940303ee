package sessions_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

var update = flag.Bool("update", false, "record testdata/recordings again and rewrite the expected outputs of testdata")

// recordedEnvironments returns the environments whose recordings are in testdata.
func recordedEnvironments(t *testing.T) map[string]*simulator.Environment {
	t.Helper()
	unread := builtin(t, "sample")
	auditor := unread.ApplicationUser(unread.Suggest.Auditor)
	for _, assigned := range auditor.Roles {
		role := unread.Role(assigned.Role)
		for _, name := range []string{"prvReadBusinessUnit", "prvActOnBehalfOfAnotherUser"} {
			delete(role.Privileges, name)
		}
	}
	return map[string]*simulator.Environment{
		"sample": builtin(t, "sample"), "compliant": builtin(t, "compliant"), "unread": unread,
	}
}

// recordScan scans an environment, and returns the recording and the summary of the result.
func recordScan(t *testing.T, server *simulator.Server, args ...string) (data, found string) {
	t.Helper()
	p := newConfiguredProcess(t, server)
	file := p.file("recording.jsonl")
	found = summarizeResult(t, p.run(append([]string{"scan", "-q", "-f", "json", "--record", file}, args...)...))
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the recording's mode is %v", info.Mode().Perm())
	}
	return p.read("recording.jsonl"), found
}

// summarizeResult returns a scan's result without names: the verdict, the outcome of each control,
// and the kinds of its findings.
func summarizeResult(t *testing.T, o outcome) string {
	t.Helper()
	var r audit.Result
	decodeInto(t, o.stdout, &r)
	var b strings.Builder
	fmt.Fprintf(&b, "exit %d %s\n", o.code, r.Verdict)
	for _, c := range r.Controls {
		fmt.Fprintf(&b, "%s %s", c.ID, c.Outcome)
		for _, f := range c.Findings {
			fmt.Fprintf(&b, " [%s %s %s %s]", f.Subject.Kind, f.Evidence.Text("privilege"), f.Evidence.Text("actual_depth"), f.Evidence.Text("state"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// newReplayProcess returns a process with a recording that dbaudit simulate serves.
func newReplayProcess(t *testing.T, data string) *process {
	t.Helper()
	server, client := newParallelProcess(t), newParallelProcess(t)
	file, dir := server.write("recording.jsonl", data), server.file("sim")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan outcome, 1)
	go func() { done <- server.runUntil(ctx, "simulate", "--replay", file, "--dir", dir) }()
	t.Cleanup(func() { stop(); <-done })
	for {
		env, err := os.ReadFile(filepath.Join(dir, "env"))
		if err == nil {
			for _, m := range regexp.MustCompile(`(?m)^export (\w+)='?(.*?)'?$`).FindAllStringSubmatch(string(env), -1) {
				client.vars[m[1]] = m[2]
			}
			break
		}
		select {
		case o := <-done:
			t.Fatalf("the replay ended: %s", o.stderr)
		case <-time.After(10 * time.Millisecond):
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(read(t, client.vars["SSL_CERT_FILE"])))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	client.env.Transport = func(*x509.CertPool) http.RoundTripper { return transport }
	client.config = filepath.Join(dir, "dbaudit.yaml")
	return client
}

// TestRecordings replays the recordings in testdata: each scan must find what is stored next to the
// recording. If the requests of a scan change, -update records the environments again.
func TestRecordings(t *testing.T) {
	for name, env := range recordedEnvironments(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("..", "..", "..", "testdata", "recordings", name)
			if *update {
				data, found := recordScan(t, serve(t, env, simulator.Options{PageSize: 40}))
				if err := errors.Join(os.WriteFile(file+".jsonl", []byte(data), 0o600), os.WriteFile(file+".txt", []byte(found), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(read(t, file+".txt"), summarizeResult(t, newReplayProcess(t, read(t, file+".jsonl")).run("scan", "-q", "-f", "json"))); diff != "" {
				t.Errorf("-recorded +replayed\n%s", diff)
			}
		})
	}
}

// TestReplayGivesSameVerdict records each environment in both scopes, with pages, and scans the
// replay.
func TestReplayGivesSameVerdict(t *testing.T) {
	for name, env := range recordedEnvironments(t) {
		for _, scope := range []string{"integration", "environment"} {
			t.Run(name+"/"+scope, func(t *testing.T) {
				t.Parallel()
				server := serve(t, env, simulator.Options{PageSize: 40})
				data, want := recordScan(t, server, "--scope", scope)
				wantAnonymous(t, data, server)
				p := newReplayProcess(t, data)
				if diff := cmp.Diff(want, summarizeResult(t, p.run("scan", "-q", "-f", "json", "--scope", scope))); diff != "" {
					t.Errorf("-recorded +replayed\n%s", diff)
				}
			})
		}
	}
}

// TestReplayRefusesOtherRequests checks that requests that were not recorded are refused, and make
// controls unknown.
func TestReplayRefusesOtherRequests(t *testing.T) {
	data, _ := recordScan(t, serve(t, builtin(t, "compliant"), simulator.Options{}))
	o := newReplayProcess(t, data).run("scan", "-f", "json", "--view", "account=Another")
	var r audit.Result
	if o.stdout == "" {
		t.Fatalf("exit code %d, %s", o.code, o.stderr)
	}
	decodeInto(t, o.stdout, &r)
	if r.Verdict == audit.VerdictCompliant || !strings.Contains(o.stdout+o.stderr, "was not recorded") {
		t.Errorf("exit code %d, %s\n%s", o.code, r.Verdict, o.stderr)
	}
}

// TestCollectAndDoctorRecord checks that the recordings of collect and doctor are anonymous too.
func TestCollectAndDoctorRecord(t *testing.T) {
	server := serve(t, recordedEnvironments(t)["unread"], simulator.Options{PageSize: 40})
	p := newConfiguredProcess(t, server)
	for _, args := range [][]string{{"collect", "-o", p.file("s.json")}, {"doctor"}, {"doctor", "--apply"}, {"doctor", "--assumptions"}} {
		file := p.file("recording.jsonl")
		p.run(append(args, "-q", "--record", file)...)
		data := p.read("recording.jsonl")
		wantAnonymous(t, data, server)
		if strings.Count(data, "\n") < 5 {
			t.Errorf("%v: not much is recorded:\n%s", args, data)
		}
	}
	p.write("dbaudit.yaml", "environments:\n  a: {url: "+server.URL()+"}\n  b: {url: "+server.URL()+"}\n")
	p.run("doctor", "--all-envs", "--record", p.file("x")).must(t, 2)
	p.run("scan", "--remediate", "--yes", "--record", p.file("x")).must(t, 2)
}

// wantAnonymous fails the test if a recording contains a name, id, host or secret of its
// environment.
func wantAnonymous(t *testing.T, data string, server *simulator.Server) {
	t.Helper()
	state := newParallelProcess(t, server).state()
	env := server.Environment()
	private := map[string]string{
		strings.TrimPrefix(server.URL(), "https://"): "host", strings.TrimPrefix(server.AuthorityURL(), "https://"): "host",
		env.TenantID: "tenant", env.Organization.Name: "organization", env.Organization.URLName: "organization",
	}
	for _, c := range env.Clients {
		private[c.Secret], private[c.ApplicationID] = "secret", "application"
	}
	for _, u := range append(env.Users, env.ApplicationUsers...) {
		private[u.Name], private[u.UPN] = "user", "user"
	}
	for _, u := range env.BusinessUnits {
		private[u.Name] = "business unit"
	}
	for _, r := range env.Roles {
		private[r.Name] = "role"
	}
	for _, r := range env.Teams {
		private[r.Name] = "team"
	}
	for _, v := range env.PersonalViews {
		private[v.Name] = "view"
	}
	builtInTemplates := regexp.MustCompile(`(?i)template[a-z_]*: *"?([0-9a-f-]{36})`)
	public := strings.Join(builtInTemplates.FindAllString(state, -1), "")
	for _, id := range regexp.MustCompile(`[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}`).FindAllString(state, -1) {
		if !strings.Contains(public, id) {
			private[id] = "id"
		}
	}
	for _, p := range simulator.StandardPrivileges() {
		private[p.ID] = "id"
	}
	delete(private, "")
	if len(private) < 50 {
		t.Fatalf("there is little to look for: %v", private)
	}
	data = strings.Replace(data, `"format":"dbaudit.recording/v1","tool":{"name":"dbaudit"`, "", 1)
	lower := strings.ToLower(data)
	for text, kind := range private {
		if strings.EqualFold(text, "demandbase") {
			continue // the profile's pattern stays
		}
		if !strings.Contains(lower, strings.ToLower(text)) {
			continue
		}
		// A part of a longer word does not count.
		if at := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(text) + `\b`).FindStringIndex(data); at != nil {
			t.Errorf("the %s %q is in the recording: …%s…", kind, text, data[max(0, at[0]-80):min(len(data), at[1]+40)])
		}
	}
	for _, word := range []string{"Bearer", "Set-Cookie", "ARRAffinity", "WWW-Authenticate"} {
		if strings.Contains(data, word) {
			t.Errorf("%s is in the recording", word)
		}
	}
}

// TestRecordingToStandardOutput checks that a recording can go to standard output if no other
// document does.
func TestRecordingToStandardOutput(t *testing.T) {
	t.Parallel()
	p := newParallelProcess(t, serve(t, builtin(t, "compliant"), simulator.Options{}))
	o := p.run("collect", "-o", p.file("snapshot.json"), "--record", "-").must(t, 0)
	p.wantContains(o.stdout, "RetrieveUserPrivileges")
	p.wantContains(p.run("collect", "--record", "-").must(t, 2).stderr, "two documents would go to standard output")
	if _, err := os.Stat("-"); err == nil {
		t.Error(`there is a file named "-"`)
	}
}
