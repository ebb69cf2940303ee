package sessions_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

// outcomesOf returns the outcome and the findings of each control whose rule begins with a prefix.
func outcomesOf(r audit.Result, prefix string) map[string]string {
	all := map[string]string{}
	for _, c := range r.Controls {
		if !strings.HasPrefix(c.Rule, prefix) {
			continue
		}
		all[string(c.ID)] = c.Outcome.String()
		for _, f := range c.Findings {
			all[string(c.ID)] += "; " + f.Message + " " + f.Fingerprint
		}
	}
	return all
}

// TestLintAgreesWithCheck checks that check judges the snapshot of lint in the same way, and that
// the controls of the role are the same for an environment in which no user has the role.
func TestLintAgreesWithCheck(t *testing.T) {
	p := newProcess(t)
	for name, lines := range map[string][]string{
		"all of it": lintMinimum(),
		"gaps":      lintMinimum()[3:],
		"shallow":   {`    <RolePrivilege name="prvReadLead" level="Basic" />`, `    <RolePrivilege name="prvreadLead" level="Deep" />`},
		"a typo":    append(lintMinimum()[2:], `    <RolePrivilege name="prvReadAcount" level="Global" />`),
		"too much":  append(lintMinimum(), `    <RolePrivilege name="prvDeleteLead" level="Global" />`),
		"nothing":   {""},
	} {
		p.write("Roles/Demandbase.xml", lintRole("Demandbase", lines))
		lint := p.run("lint", "Roles", "-f", "json", "--snapshot", "file.json")
		check := p.run("check", "file.json", "-f", "json").must(t, lint.code)
		if diff := cmp.Diff(outcomesOf(lint.results(t)[0], ""), outcomesOf(check.results(t)[0], "")); diff != "" {
			t.Errorf("%s: lint and check (-lint +check):\n%s", name, diff)
		}
		s, err := snapshot.Decode([]byte(p.read("file.json")), nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Source, s.RoleEntries = snapshot.SourceEnvironment, nil
		for _, section := range snapshot.Sections() {
			s.Coverage[section] = snapshot.Coverage{State: snapshot.StateCollected}
		}
		sealed := s.Seal()
		data, err := s.Encode()
		if err := errors.Join(sealed, err); err != nil {
			t.Fatal(err)
		}
		p.write("environment.json", string(data))
		check = p.run("check", "environment.json", "-f", "json")
		if diff := cmp.Diff(outcomesOf(lint.results(t)[0], "role/"), outcomesOf(check.results(t)[0], "role/")); diff != "" {
			t.Errorf("%s: the file and the environment (-file +environment):\n%s", name, diff)
		}
	}
}

// TestLintFixMeetsEveryProfile checks that a role with the minimum of a profile, as --fix writes
// it, is compliant.
func TestLintFixMeetsEveryProfile(t *testing.T) {
	p := newProcess(t)
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range profiles {
		if len(wanted.Minimum()) == 0 {
			continue
		}
		p.write("Roles/r.xml", fmt.Sprintf("<Role name=%q>\n  <RolePrivileges />\n</Role>\n", wanted.RoleName))
		p.run("lint", "Roles", "--profile", wanted.Name).must(t, 1)
		p.run("lint", "Roles", "--profile", wanted.Name, "--fix").must(t, 0)
	}
}
