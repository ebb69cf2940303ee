package sessions_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
)

// judgements are the controls on privileges and the role, with what they find.
func judgements(r audit.Result) map[string]string {
	all := map[string]string{}
	for _, c := range r.Controls {
		if !strings.HasPrefix(c.Rule, "role/") {
			continue
		}
		all[string(c.ID)] = c.Outcome.String()
		for _, f := range c.Findings {
			all[string(c.ID)] += "; " + f.Message + " " + f.Fingerprint
		}
	}
	return all
}

// An environment in which the role stands and reaches nobody is judged as its file
// is, control by control.
func TestLintAgreesWithAnEnvironment(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, lines := range map[string][]string{
		"all of it": lintMinimum(),
		"gaps":      lintMinimum()[3:],
		"shallow":   {`    <RolePrivilege name="prvReadLead" level="Basic" />`, `    <RolePrivilege name="prvreadLead" level="Deep" />`},
		"too much":  append(lintMinimum(), `    <RolePrivilege name="prvDeleteLead" level="Global" />`),
		"nothing":   {""},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, "Roles/Demandbase.xml", lintRole("Demandbase", lines))
			lint := lintIn(t, "", "Roles", "-f", "json", "--snapshot", "file.json").results(t)[0]
			data, err := os.ReadFile("file.json")
			if err != nil {
				t.Fatal(err)
			}
			s, err := snapshot.Decode(data, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.Source, s.RoleEntries = snapshot.SourceEnvironment, nil
			for _, section := range snapshot.Sections() {
				s.Coverage[section] = snapshot.Coverage{State: snapshot.StateCollected}
			}
			if err := s.Seal(); err != nil {
				t.Fatal(err)
			}
			if data, err = s.Encode(); err != nil {
				t.Fatal(err)
			}
			put(t, "environment.json", string(data))
			check := ownRun(t, "check", "environment.json", "-f", "json").results(t)[0]
			if diff := cmp.Diff(judgements(lint), judgements(check)); diff != "" {
				t.Errorf("the file and the environment (-file +environment):\n%s", diff)
			}
		})
	}
}

// What each built-in profile asks for is, written into a role, what meets it.
func TestLintEveryProfilesMinimum(t *testing.T) {
	t.Chdir(t.TempDir())
	profiles, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		if len(p.Minimum()) == 0 {
			continue
		}
		put(t, "Roles/r.xml", fmt.Sprintf("<Role name=%q>\n  <RolePrivileges />\n</Role>\n", p.RoleName))
		if out := lintIn(t, "", "Roles", "--profile", p.Name); out.code != 1 {
			t.Errorf("%s: a role that grants nothing: exit code %d", p.Name, out.code)
		}
		if out := lintIn(t, "", "Roles", "--profile", p.Name, "--fix"); out.code != 0 {
			t.Errorf("%s: exit code %d\n%s%s", p.Name, out.code, out.stdout, out.stderr)
		}
	}
}
