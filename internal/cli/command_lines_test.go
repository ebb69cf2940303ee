package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/run"
)

// parseCommandLine parses a command line, and returns the app as the command would get it.
func parseCommandLine(t *testing.T, words ...string) *app {
	t.Helper()
	a := newApp(Env{Host: run.Host{Getenv: func(string) string { return "" }}})
	cmd, rest, err := rootCommand(a).Find(words)
	if err == nil {
		cmd.InitDefaultHelpFlag()
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%q: %v", words, err)
	}
	a.command = cmd
	return a
}

// TestConfigurationIsReadOnce checks that the flags for apply do not read the configuration again for
// each finding of a report: a fleet's configuration is long.
func TestConfigurationIsReadOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dbaudit.yaml")
	if err := os.WriteFile(file, []byte("environments:\n  eu: {url: https://eu.crm4.dynamics.com}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := flagsForApply(parseCommandLine(t, "report", "r.json", "-c", file))
	for host, want := range map[string]bool{"eu.crm4.dynamics.com": false, "US.crm.dynamics.com": true} {
		for range 2 {
			got := flags(audit.Result{Environment: audit.Environment{URL: "https://" + host}})
			if slices.Contains(got, "--url") != want {
				t.Errorf("%s: %q", host, got)
			}
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestFlagsForTarget checks that the flags in a report name the judged environment as this run
// named it.
func TestFlagsForTarget(t *testing.T) {
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
		args := append([]string{"scan"}, strings.Fields(test.args)...)
		file := "(none)"
		if test.config != "" {
			args, file = append(args, "-c", test.config), filepath.ToSlash(test.config)
		}
		a := parseCommandLine(t, args...)
		r := audit.Result{Environment: audit.Environment{Name: test.env, URL: test.url}, Profile: audit.Profile{Name: test.profile, Origin: audit.OriginBuiltin}}
		if got := strings.ReplaceAll(strings.Join(flagsForTarget(a)(r), " "), file, "FILE"); got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test, got, test.want)
		}
	}
}

// TestProposedCommands checks that the commands for apply and rollback name the environment, the
// custom profile and the custom rules as this run did, and are quoted for a shell.
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
		a := parseCommandLine(t, append([]string{"plan"}, strings.Fields(test.args)...)...)
		if got, want := applyCommand(a, "dbaudit apply", "my plan.json", env), "dbaudit apply 'my plan.json' "+test.apply; got != want {
			t.Errorf("%q:\n got %s\nwant %s", test.args, got, want)
		}
		if got, want := rollbackCommand(a, "my plan.journal.json", env), "dbaudit rollback 'my plan.journal.json' "+test.undo; got != want {
			t.Errorf("%q:\n got %s\nwant %s", test.args, got, want)
		}
	}
}

// TestJournalAdvice checks the advice about a journal that already exists.
func TestJournalAdvice(t *testing.T) {
	t.Parallel()
	a := parseCommandLine(t, "apply", "plan.json", "--url", "https://eu.crm4.dynamics.com")
	name := filepath.Join(t.TempDir(), "j.json")
	j, err := apply.CreateJournal(name, plan.Plan{Actions: []change.Action{{ID: "1"}}}, audit.Tool{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	const flags = " --url https://eu.crm4.dynamics.com"
	want := "continue with `dbaudit apply --resume " + name + flags + "`, undo with `dbaudit rollback " + name + flags + "`, or name another with --journal"
	if err := withJournalAdvice(a, &apply.ExistsError{Name: name, Journal: j}); !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := withJournalAdvice(a, &apply.ExistsError{Name: name}); !strings.HasSuffix(err.Error(), "already exists: name another with --journal") {
		t.Errorf("not a journal: %v", err)
	}
}

// TestEmittedCommands checks that the commands and flags that reports propose exist.
func TestEmittedCommands(t *testing.T) {
	t.Parallel()
	ref := &audit.Reference{ID: "an-id", Name: "name"}
	for _, kind := range change.Kinds() {
		for _, env := range []audit.Environment{{URL: "https://contoso.crm.dynamics.com"}, {Name: "src/Roles/role.xml"}} {
			fix := audit.Fix{Kind: kind, Role: ref, User: ref, View: ref, Owner: ref, Team: ref, Privileges: []audit.Grant{{Name: "prvReadLead"}}}
			for _, line := range change.RemedyFor(fix, change.Place{Environment: env, Profile: "gong"}).Commands {
				words := strings.Fields(line)
				if words[0] != "dbaudit" {
					continue
				}
				parseCommandLine(t, words[1:]...)
			}
		}
	}
}
