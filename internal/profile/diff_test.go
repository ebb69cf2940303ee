package profile_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/policy"
)

func builtinNamed(t *testing.T, name string) profile.Profile {
	t.Helper()
	p, ok, err := profile.BuiltinNamed(policy.Files, name)
	if err != nil || !ok {
		t.Fatalf("%s: %t %v", name, ok, err)
	}
	return p
}

func TestBuiltinNamed(t *testing.T) {
	for _, p := range builtin(t) {
		if alone := builtinNamed(t, p.Name); !cmp.Equal(alone.Data(), p.Data()) {
			t.Errorf("BuiltinNamed and Builtin read %s differently", p.Name)
		}
	}
	for _, name := range []string{"", "none", "../policy", "a/b"} {
		if _, ok, err := profile.BuiltinNamed(policy.Files, name); ok || err != nil {
			t.Errorf("%q: %t %v", name, ok, err)
		}
	}
}

// TestCompareVersions compares the editions of a profile. The newer adds 30 privileges, among them
// those of 13 new controls, and removes nothing.
func TestCompareVersions(t *testing.T) {
	d := profile.Compare(builtinNamed(t, "demandbase@nine-lines"), builtinNamed(t, "demandbase"))
	if d.Same || d.Old.Privileges != 14 || d.New.Privileges != 44 {
		t.Errorf("got %+v", d)
	}
	added, newControls := 0, 0
	for _, c := range d.Controls {
		added += len(c.Added)
		if len(c.Removed) > 0 || c.Change == profile.ControlRemoved {
			t.Errorf("%s lost %v", c.ID, c.Removed)
		}
		if c.Change == profile.ControlAdded && len(c.Added) > 0 {
			newControls++
		}
	}
	if added != 30 || newControls != 13 {
		t.Errorf("%d privileges and %d controls were added, want 30 and 13", added, newControls)
	}
	back := profile.Compare(builtinNamed(t, "demandbase"), builtinNamed(t, "demandbase@nine-lines"))
	if len(back.Controls) != len(d.Controls) {
		t.Errorf("%d controls one way, %d the other", len(d.Controls), len(back.Controls))
	}
	if d := profile.Compare(builtinNamed(t, "gong"), builtinNamed(t, "gong")); !d.Same {
		t.Errorf("gong differs from itself: %+v", d)
	}
}

func TestCompareEachPart(t *testing.T) {
	parse := func(text string) profile.Profile {
		p, err := profile.Parse("acme.yaml", []byte("acme:\n  extends: gong\n"+text), builtin(t)...)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	base := parse("  title: T\n")
	for text, check := range map[string]func(profile.Diff) bool{
		"  depths: {prvReadLead: local}\n": func(d profile.Diff) bool {
			return cmp.Equal(d.Levels, []profile.LevelChange{{Privilege: "prvReadLead", Old: "global", New: "local"}})
		},
		"  allow: [prvBulkDelete]\n": func(d profile.Diff) bool { return cmp.Equal(d.Allowed, []string{"prvBulkDelete"}) },
		"  controls: [{id: GONG-PRIV-LEAD, severity: low}]\n": func(d profile.Diff) bool {
			return len(d.Controls) == 1 && d.Controls[0].OldSeverity == "high" && d.Controls[0].NewSeverity == "low"
		},
		"  controls: [{id: GONG-PRIV-LEAD, privileges: [prvDeleteLead]}]\n": func(d profile.Diff) bool {
			return len(d.Controls) == 1 && cmp.Equal(d.Controls[0].Added, []string{"prvDeleteLead"})
		},
	} {
		if d := profile.Compare(base, parse(text)); d.Same || !check(d) {
			t.Errorf("%s: got %+v", text, d)
		}
	}
}

// TestCompareColumnsOfTable compares profiles of two columns of a table on Microsoft's page for
// Business Central. The newer adds rows and rights, and removes nothing.
func TestCompareColumnsOfTable(t *testing.T) {
	parse := func(name string) profile.Profile {
		data, err := os.ReadFile("testdata/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		p, err := profile.Parse(name+".yaml", data)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	older, newer := parse("businesscentral@2018"), parse("businesscentral@2019")
	if len(newer.Minimum()) != 73 {
		t.Errorf("%d privileges, want 73", len(newer.Minimum()))
	}
	kinds := map[string]profile.ChangeKind{}
	for _, c := range profile.Compare(older, newer).Controls {
		kinds[string(c.ID)] = c.Change
	}
	want := map[string]profile.ChangeKind{
		"BC-PRIV-NOTE": profile.ControlAdded, "BC-PRIV-POST": profile.ControlAdded, "BC-PRIV-SECURITY-ROLE": profile.ControlAdded, "BC-PRIV-ORDER": profile.ControlChanged,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}
