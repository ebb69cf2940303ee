package sessions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// newFleetProcess returns a process with a store and three environments: a compliant one, one with
// findings, and one with a wrong secret.
func newFleetProcess(t *testing.T) *process {
	t.Helper()
	good, bad := serve(t, builtin(t, "compliant"), simulator.Options{}), serve(t, builtin(t, "sample"), simulator.Options{})
	p := newParallelProcess(t, good, bad)
	delete(p.vars, "DBAUDIT_URL")
	delete(p.vars, "DBAUDIT_INTEGRATION_APP_ID")
	delete(p.vars, "DBAUDIT_AUTHORITY")
	delete(p.vars, "DBAUDIT_TENANT_ID")
	p.vars["DBAUDIT_STORE"] = p.file("fleet.db")
	text := "every: 1h\nenvironments:\n"
	for name, s := range map[string]*simulator.Server{"good": good, "bad": bad} {
		text += fmt.Sprintf("  %s:\n    url: %s\n    auth: {authority: %q, tenant_id: %s}\n    integration: {app_id: %s}\n    labels: {kind: %s}\n",
			name, s.URL(), s.AuthorityURL(), s.TenantID(), s.Environment().Suggest.ApplicationID, name)
	}
	text += "  broken:\n    url: " + good.URL() + "\n    auth: {authority: " + good.AuthorityURL() + ", tenant_id: " + good.TenantID() + ", secret: {env: WRONG_SECRET}}\n"
	p.vars["WRONG_SECRET"] = "not-the-secret"
	p.write("dbaudit.yaml", text)
	return p
}

// eventually waits up to a minute for a condition.
func (p *process) eventually(holds func() bool) {
	p.tb.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.tb.Fatalf("it did not happen within a minute; standard error has\n%s", p.stderr.String())
		}
	}
}

// wantNoSecret fails the test if a text contains the value of a variable with a secret.
func (p *process) wantNoSecret(where, text string) {
	p.tb.Helper()
	for name, value := range p.vars {
		if strings.Contains(name, "SECRET") && strings.Contains(text, value) {
			p.tb.Errorf("%s has the value of %s", where, name)
		}
	}
}

func fleetStatus(t *testing.T, p *process) map[string]fleet.Entry {
	t.Helper()
	var d fleet.Document
	decodeInto(t, p.run("fleet", "status", "-f", "json").must(t, 0).stdout, &d)
	if d.Format != fleet.Format {
		t.Errorf("the format is %q", d.Format)
	}
	entries := map[string]fleet.Entry{}
	for _, e := range d.Environments {
		entries[e.Name] = e
	}
	return entries
}

// TestFleet checks the fleet's commands together: a worker scans what was imported, a wrong secret
// is a misconfiguration, a pipeline stores results in the same history, which are stale if it judged another configuration, and
// the store contains no secret.
func TestFleet(t *testing.T) {
	t.Parallel()
	p := newFleetProcess(t)
	p.run("fleet", "import", p.file("dbaudit.yaml")).must(t, 0)
	for name, e := range fleetStatus(t, p) {
		if !e.Stale || e.Verdict != audit.VerdictIncomplete || e.LastRun != nil || e.Integration != "demandbase" {
			t.Errorf("%s before its first scan: %+v", name, e)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	worker := make(chan outcome)
	go func() { worker <- p.runUntil(ctx, "worker", "--concurrency", "2") }()
	p.eventually(func() bool { return strings.Contains(p.stderr.String(), "scans what is due") })
	var entries map[string]fleet.Entry
	p.eventually(func() bool {
		entries = fleetStatus(t, p)
		ended := 0
		for _, e := range entries {
			if e.LastRun != nil && !e.LastRun.EndedAt.IsZero() {
				ended++
			}
		}
		return ended == 3
	})
	if e := entries["good"]; e.Verdict != audit.VerdictCompliant || e.Stale || e.OpenFindings != 0 || e.LastRun.State != "compliant" {
		t.Errorf("good: %+v", e)
	}
	if e := entries["bad"]; e.Verdict != audit.VerdictNoncompliant || e.Stale || e.OpenFindings == 0 || e.LastRun.State != "noncompliant" {
		t.Errorf("bad: %+v", e)
	}
	if e := entries["broken"]; !e.Stale || e.LastRun.State != "misconfigured" || e.LastRun.Attempt != 1 || e.LastRun.Error == nil {
		t.Errorf("broken: %+v", e)
	}

	id := strings.TrimSpace(p.run("fleet", "run", "good").must(t, 0).stdout)
	p.eventually(func() bool {
		r := fleetStatus(t, p)["good"].LastRun
		return fmt.Sprint(r.ID) == id && !r.EndedAt.IsZero()
	})
	stop()
	if got := <-worker; got.code != 0 {
		t.Errorf("the worker ended with %d", got.code)
	}
	var record struct {
		Entries []struct{ At, Who, What string }
	}
	decodeInto(t, p.run("fleet", "log", "--limit", "2", "-f", "json").must(t, 0).stdout, &record)
	if got := record.Entries; len(got) != 2 || got[0].What != "scan now: good" || got[0].Who == "" || got[0].At == "" || !strings.HasPrefix(got[1].What, "add ") {
		t.Errorf("the record: %+v", got)
	}
	if stderr := p.stderr.String(); strings.Contains(stderr, "is not used") {
		t.Errorf("the worker warns of a variable for each scan:\n%s", stderr)
	}

	p.run("scan", "--env", "bad", "-f", "json", "-o", p.file("bad.json"), "--store", p.file("fleet.db")).must(t, 1)
	var results audit.Results
	decodeInto(t, p.run("fleet", "export", "--all").must(t, 0).stdout, &results)
	counts := map[string]int{}
	for _, r := range results.Results {
		counts[r.Environment.Name]++
	}
	if counts["good"] != 2 || counts["bad"] != 2 || counts["broken"] != 0 {
		t.Errorf("stored results: %v", counts)
	}
	var posted audit.Result
	decodeInto(t, p.read("bad.json"), &posted)
	if last := results.Results[1]; asJSON(t, last) != asJSON(t, posted) {
		t.Errorf("what the pipeline posted differs from its document:\n%s\n%s", asJSON(t, last), asJSON(t, posted))
	}
	if out := p.run("history", "bad", "--store", p.file("fleet.db")).must(t, 0).stdout; !strings.Contains(out, "2 scans") {
		t.Errorf("history:\n%s", out)
	}
	p.write("dbaudit.yaml", strings.Replace(p.read("dbaudit.yaml"), "  good:", "  twin:", 1))
	p.run("scan", "--env", "twin", "--store", p.file("fleet.db")).must(t, 0)
	var h history.History
	decodeInto(t, p.run("history", "-f", "json", "--store", p.file("fleet.db")).must(t, 0).stdout, &h)
	scans := map[string]int{}
	for _, e := range h.Environments {
		scans[e.Name] += len(e.Results)
	}
	if want := map[string]int{"good": 2, "bad": 2, "twin": 1}; !maps.Equal(scans, want) {
		t.Errorf("the history of two names of one environment: %v, want %v", scans, want)
	}
	if e := fleetStatus(t, p)["bad"]; e.Stale {
		t.Errorf("bad, judged by a pipeline as imported: %+v", e)
	}
	p.run("scan", "--env", "bad", "--integration-role", "Another", "--store", p.file("fleet.db")).must(t, 1)
	if out := p.run("fleet", "status", "bad").must(t, 0).stdout; !strings.Contains(strings.Join(strings.Fields(out), " "), "noncompliant, stale (by another configuration)") {
		t.Errorf("bad, judged by a pipeline with another role:\n%s", out)
	}
	p.run("db", "backup", p.file("copy.db")).must(t, 0)
	for _, file := range []string{"fleet.db", "copy.db"} {
		p.wantNoSecret(file, p.read(file))
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestFleetCommands checks what the fleet's commands list and refuse.
func TestFleetCommands(t *testing.T) {
	t.Parallel()
	p := newParallelProcess(t)
	p.vars["DBAUDIT_STORE"] = p.file("fleet.db")
	clients := p.write("clients.csv", "name,url,every,labels,profile,secret_env\n"+
		"northwind,https://northwind.crm.dynamics.com,30m,stage=live; region=eu,demandbase,NORTHWIND_SECRET\nfabrikam,https://fabrikam.crm4.dynamics.com,,,,\n")
	for range 2 {
		p.run("fleet", "import", clients).must(t, 0)
	}
	list := p.run("fleet", "list").must(t, 0).stdout
	p.wantContains(list, "northwind", "30m ", "region=eu stage=live", "fabrikam", "24h ")
	p.run("fleet", "pause", "fabrikam").must(t, 0)
	if list := p.run("fleet", "list").must(t, 0).stdout; !strings.Contains(list, "paused") {
		t.Errorf("nothing is paused:\n%s", list)
	}
	if ids := strings.Fields(p.run("fleet", "run", "--all-envs").must(t, 0).stdout); len(ids) != 1 {
		t.Errorf("the runs %v, want one: the other is paused", ids)
	}
	p.run("fleet", "cancel", "1").must(t, 0)
	if e := fleetStatus(t, p)["northwind"]; e.LastRun.State != "cancelled" {
		t.Errorf("northwind: %+v", e.LastRun)
	}
	p.run("db", "migrate").must(t, 0)
	for want, args := range map[string][]string{
		"nobody":                            {"fleet", "run", "nobody"},
		"--all-envs":                        {"fleet", "run"},
		"is not the id of a run":            {"fleet", "cancel", "x"},
		"4711":                              {"fleet", "cancel", "4711"},
		"do not put a password":             {"fleet", "list", "--store", "postgres://dbaudit:hush@db/fleet"},
		"there is no column":                {"fleet", "import", p.write("bad.csv", "name,address\n")},
		"clients2.csv:2":                    {"fleet", "import", p.write("clients2.csv", "name,url,every\na,https://a.crm.dynamics.com,1s\n")},
		"appears twice: give each":          {"fleet", "import", clients, clients},
		"is interactive, and a worker":      {"fleet", "import", p.write("device.csv", "name,url,auth\na,https://a.crm.dynamics.com,device-code\n")},
		"--concurrency 0":                   {"worker", "--concurrency", "0"},
		"history needs the folders":         {"history", "--store", ""},
		"--format \"sarif\": want table or": {"fleet", "status", "-f", "sarif"},
	} {
		if want == "history needs the folders" {
			delete(p.vars, "DBAUDIT_STORE")
		}
		p.stderr.reset()
		p.run(args...).must(t, 2)
		if got := strings.Join(strings.Fields(p.stderr.String()), " "); !strings.Contains(got, want) || strings.Contains(got, "hush") {
			t.Errorf("%v: want %q in %q", args, want, got)
		}
		p.vars["DBAUDIT_STORE"] = p.file("fleet.db")
	}
	missing := p.file("missing.db")
	for _, args := range [][]string{
		{"fleet", "status"}, {"fleet", "list"}, {"fleet", "export"}, {"fleet", "run", "--all-envs"}, {"history"}, {"db", "backup", p.file("none.db")}, {"worker"}, {"db", "migrate"},
	} {
		p.run(append(args, "--store", missing)...).must(t, 3)
		if _, err := os.Stat(missing); err == nil {
			t.Fatalf("%v makes a store that was named wrongly", args)
		}
	}
}

// TestServe checks that serve creates its store, says where it listens, scans what is due, gives
// the same document as fleet status, and refuses other addresses without a sign-in.
func TestServe(t *testing.T) {
	t.Parallel()
	p := newFleetProcess(t)
	for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "8080"} {
		p.run("serve", "--listen", listen).must(t, 2)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan outcome)
	p.stderr.reset()
	go func() { done <- p.runUntil(ctx, "serve", "--listen", "127.0.0.1:0") }()
	listening := regexp.MustCompile(`(?m)^listening on (http://127\.0\.0\.1:[0-9]+)$`)
	var address string
	p.eventually(func() bool {
		m := listening.FindStringSubmatch(p.stderr.String())
		if m != nil {
			address = m[1]
		}
		return m != nil
	})
	p.run("fleet", "import", p.file("dbaudit.yaml")).must(t, 0)
	p.run("fleet", "run", "--all-envs").must(t, 0)
	p.eventually(func() bool {
		e := fleetStatus(t, p)
		return e["good"].LastRun.State == "compliant" && e["bad"].LastRun.State == "noncompliant" && e["broken"].LastRun.State == "misconfigured"
	})
	var byAPI, byCommand fleet.Document
	decodeInto(t, httpGet(t, address+"/api/v1/environments"), &byAPI)
	decodeInto(t, p.run("fleet", "status", "-f", "json").must(t, 0).stdout, &byCommand)
	if asJSON(t, byAPI) != asJSON(t, byCommand) {
		t.Errorf("the API gives\n%s\nand the command\n%s", asJSON(t, byAPI), asJSON(t, byCommand))
	}
	if page := httpGet(t, address+"/"); !strings.Contains(page, "good") || !strings.Contains(page, "broken") {
		t.Errorf("the page does not name the environments:\n%s", page)
	}
	texts := map[string]string{}
	for _, path := range []string{"/", "/environments/broken", "/environments/bad", "/api/v1/environments/broken/runs", "/metrics"} {
		texts[path] = httpGet(t, address+path)
	}
	stop()
	if got := <-done; got.code != 0 {
		t.Errorf("serve ended with %d", got.code)
	}
	texts["the log"], texts["the store"] = p.stderr.String(), p.read("fleet.db")
	for where, text := range texts {
		p.wantNoSecret(where, text)
	}
}

func httpGet(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, answer.Status, err)
	}
	return string(body)
}
