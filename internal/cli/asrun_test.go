package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/run"
)

// TestAsRun: the flags that a report proposes name the environment that was judged, in
// the way in which this run named it.
func TestAsRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	several := write("several.yaml", "environments:\n  eu: {url: https://eu.crm4.dynamics.com}\n  us:\n    url: https://us.crm.dynamics.com\n"+
		"    integrations:\n      - {profile: demandbase}\n      - {profile: gong}\n")
	single := write("single.yaml", "url: https://eu.crm4.dynamics.com\n")
	for _, test := range []struct{ config, args, env, url, profile, want string }{
		{"", "--url https://eu.crm4.dynamics.com", "eu", "https://eu.crm4.dynamics.com", "demandbase", "--url https://eu.crm4.dynamics.com"},
		{"", "", "eu", "https://eu.crm4.dynamics.com", "gong", "--url https://eu.crm4.dynamics.com --profile gong"},
		{several, "--all-envs", "eu", "https://eu.crm4.dynamics.com", "demandbase", "-c FILE --env eu"},
		{several, "--env e* --integration-role Sync --view account=A --view lead=B", "eu", "https://eu.crm4.dynamics.com", "demandbase", "-c FILE --integration-role Sync --view account=A --view lead=B --env eu"},
		{several, "", "us", "https://us.crm.dynamics.com", "demandbase", "-c FILE --env us --profile demandbase"},
		{several, "", "else", "https://else.crm.dynamics.com", "demandbase", "-c FILE --url https://else.crm.dynamics.com"},
		{single, "--auth azure-cli", "eu", "https://eu.crm4.dynamics.com", "gong", "-c FILE --auth azure-cli"},
		{single, "--profile gong", "eu", "https://eu.crm4.dynamics.com", "gong", "-c FILE --profile gong"},
	} {
		a := newApp(Env{Host: run.Host{Getenv: func(string) string { return "" }}})
		args := strings.Fields(test.args)
		if test.config != "" {
			args = append(args, "-c", test.config)
		}
		cmd, rest, err := rootCommand(a).Find(append([]string{"scan"}, args...))
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Fatal(err)
		}
		a.command = cmd
		r := audit.Result{Environment: audit.Environment{Name: test.env, URL: test.url}, Profile: audit.Profile{Name: test.profile, Origin: audit.OriginBuiltin}}
		got := strings.ReplaceAll(strings.Join(asRun(a)(r), " "), filepath.ToSlash(test.config), "FILE")
		if test.config == "" {
			got = strings.Join(asRun(a)(r), " ")
		}
		if got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test, got, test.want)
		}
	}
}

// TestProposedCommands: a command that continues with a plan names the environment, the
// custom profile and the custom rules as this run did, and is quoted for a shell.
func TestProposedCommands(t *testing.T) {
	t.Parallel()
	env := audit.Environment{Name: "eu", URL: "https://eu.crm4.dynamics.com"}
	for _, test := range []struct{ args, apply, undo string }{
		{"", "--url https://eu.crm4.dynamics.com", "--url https://eu.crm4.dynamics.com"},
		{"--profile gong", "--url https://eu.crm4.dynamics.com", "--url https://eu.crm4.dynamics.com"},
		{"--replace-filtered", "--replace-filtered --url https://eu.crm4.dynamics.com", "--url https://eu.crm4.dynamics.com"},
		{
			"--url https://eu.crm4.dynamics.com/ --profile ./acme.yaml --policy rules --policy more",
			"--policy rules --policy more --profile ./acme.yaml --url https://eu.crm4.dynamics.com/", "--url https://eu.crm4.dynamics.com/",
		},
	} {
		a := newApp(Env{Host: run.Host{Getenv: func(string) string { return "" }}})
		cmd, rest, err := rootCommand(a).Find(append([]string{"plan"}, strings.Fields(test.args)...))
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Fatal(err)
		}
		a.command = cmd
		if got, want := applying(a, "dbaudit apply", "my plan.json", env), "dbaudit apply 'my plan.json' "+test.apply; got != want {
			t.Errorf("%q:\n got %s\nwant %s", test.args, got, want)
		}
		if got, want := undoing(a, "my plan.journal.json", env), "dbaudit rollback 'my plan.journal.json' "+test.undo; got != want {
			t.Errorf("%q:\n got %s\nwant %s", test.args, got, want)
		}
	}
}
