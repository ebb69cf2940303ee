package profile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/policy"
)

func builtin(t *testing.T) []profile.Profile {
	t.Helper()
	all, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestBuiltin(t *testing.T) {
	got := map[string][2]int{}
	for _, p := range builtin(t) {
		got[p.Name] = [2]int{len(p.Controls), len(p.Minimum())}
		for _, c := range p.Controls {
			if c.Severity == audit.SeverityInvalid || c.Why == "" || c.Title == "" {
				t.Errorf("%s: %+v says too little", p.Name, c)
			}
		}
	}
	if diff := cmp.Diff(map[string][2]int{
		"6sense": {19, 12}, "demandbase": {36, 44}, "demandbase@nine-lines": {17, 14}, "dotdigital": {10, 5}, "experlogix": {16, 8},
		"gong": {18, 28}, "insideview": {17, 13}, "lint": {7, 0}, "marketplace": {7, 6}, "modjo": {16, 23}, "outlook": {26, 35}, "sailpoint": {13, 4},
	}, got); diff != "" {
		t.Errorf("profiles (-want +got):\n%s", diff)
	}
}

func TestExtends(t *testing.T) {
	p, err := profile.Parse("acme.yaml", []byte(`acme:
  extends: demandbase
  title: Acme's Demandbase
  allow: [prvReadOrganization]
  depths: {prvReadLead: local}
  controls:
    - id: DB-PRIV-LEAD
      severity: critical
      privileges: [prvDeleteLead]
    - id: ACME-PRIV-NOTE
      rule: role/privileges
      title: "Note: read"
      why: Ours.
      table: annotation
      privileges: [prvReadNote]
`), builtin(t)...)
	if err != nil {
		t.Fatal(err)
	}
	lead, _ := p.Control("DB-PRIV-LEAD")
	if lead.Severity != audit.SeverityCritical || lead.Citation == nil || len(lead.Privileges) != 6 || lead.Privileges[5] != "prvDeleteLead" {
		t.Errorf("the changed control: %+v", lead)
	}
	if len(p.Controls) != 37 || p.Controls[36].ID != "ACME-PRIV-NOTE" || p.Controls[3].ID != "DB-PRIV-LEAD" {
		t.Errorf("%d controls", len(p.Controls))
	}
	if p.Name != "acme" || p.Title != "Acme's Demandbase" || p.Pattern != "demandbase" || p.Depths["prvReadLead"] != audit.DepthLocal {
		t.Errorf("got %+v", p)
	}
	if data, _ := p.Data().(map[string]any); data["extends"] != nil || len(data["controls"].([]any)) != 37 {
		t.Errorf("what the policies read: %v", data)
	}
	original := builtinNamed(t, "demandbase")
	if lead, _ := original.Control("DB-PRIV-LEAD"); len(lead.Privileges) != 5 {
		t.Error("the base was changed")
	}
}

func TestParseErrors(t *testing.T) {
	const whole = "acme:\n  title: A\n  source: {title: S, url: https://example.com}\n  pattern: acme\n  role_name: Acme\n  controls:\n"
	for name, test := range map[string]struct{ file, want string }{
		"no base":        {"acme:\n  extends: nobody\n", `acme.yaml:2:12: the profile "nobody" does not exist; extends: takes one of `},
		"an edition":     {"gong@lax:\n  extends: demandbase\n", "acme.yaml:1:1: gong is the name of a built-in profile"},
		"itself":         {"gong:\n  extends: gong\n", "acme.yaml:1:1: gong is the name of a built-in profile"},
		"half a control": {"acme:\n  extends: gong\n  controls:\n    - id: ACME-X\n      rule: role/exists\n", `acme.yaml:4:7: the control ACME-X is not in gong, and lacks "title"`},
		"no privileges":  {"acme:\n  extends: gong\n  controls:\n    - {id: ACME-X, rule: role/privileges, title: T, why: W}\n", `and lacks "privileges"`},
		"another rule":   {"acme:\n  extends: gong\n  controls:\n    - id: GONG-ROLE-EXISTS\n      rule: role/custom\n", "acme.yaml:5:13: the control GONG-ROLE-EXISTS of gong is judged by the rule role/exists"},
		"twice":          {"acme:\n  extends: gong\n  controls:\n    - id: ACME-X\n    - id: ACME-X\n", "acme.yaml:5:11: the control ACME-X appears twice"},
		"a taken name": {
			"demandbase:\n  title: A\n  source: {title: S, url: https://example.com}\n  pattern: acme\n  role_name: Acme\n  controls:\n    - {id: ACME-X, rule: role/exists, title: T, why: W}\n",
			`acme.yaml:1:1: demandbase is the name of a built-in profile: give yours another, and extend the built-in one with "extends: demandbase"`,
		},
		"taken ids":                    {whole + "    - {id: DB-ROLE-EXISTS, rule: role/exists, title: T, why: W}\n", "acme.yaml:7:12: DB-ROLE-EXISTS is a control of the built-in profile demandbase"},
		"ids of another than the base": {"acme:\n  extends: gong\n  controls:\n    - {id: DB-ROLE-EXISTS, rule: role/exists, title: T, why: W}\n", "acme.yaml:4:12: DB-ROLE-EXISTS is a control of the built-in profile demandbase"},
		"a depth without effect":       {"acme:\n  extends: demandbase\n  depths: {prvReadAccount: local, prvReadAcount: local}\n", "acme.yaml:3:35: no control of the profile acme requires prvReadAcount"},
		"a depth twice":                {"acme:\n  extends: demandbase\n  depths: {prvReadAccount: local, prvreadaccount: basic}\n", "acme.yaml:3:35: the depth of prvreadaccount appears twice, also as prvReadAccount"},
		"a bad version":                {"acme:\n  extends: gong\n  version: \"1.0\"\n", "acme.yaml:3:12"},
		"unknown key":                  {"acme:\n  extends: gong\n  controlls: []\n", `acme.yaml:3:3: unknown key "controlls"`},
		"without a base":               {"acme:\n  title: A\n", "missing properties"},
		"control, whole":               {whole + "    - id: ACME-X\n", "acme.yaml:7:7"},
		"bad privilege":                {whole + "    - {id: ACME-X, rule: role/privileges, title: T, why: W, table: \"\", privileges: [ReadLead]}\n", "acme.yaml:7:85"},
		"no table":                     {whole + "    - {id: ACME-X, rule: role/privileges, title: T, why: W, privileges: [prvReadLead]}\n", "table"},
		"two profiles":                 {"a: {extends: gong}\nb: {extends: gong}\n", "acme.yaml:2:1: a profile file contains one profile, under its name: b is another"},
		"no YAML":                      {"acme: [", "acme.yaml:1:1: this is not YAML"},
		"empty":                        {"", "acme.yaml:1:1: a profile file contains one profile, under its name"},
		"a list":                       {"- acme\n", "acme.yaml:1:1: a profile file contains one profile, under its name"},
		"unknown depth":                {"acme:\n  extends: gong\n  depths: {prvReadLead: organisation}\n", "acme.yaml:3:25"},
		"duplicate key":                {"acme:\n  extends: gong\n  extends: lint\n", "acme.yaml:3:3: the key \"extends\" appears twice"},
		"wrong id format":              {whole + "    - {id: acme, rule: role/exists, title: T, why: W}\n", "acme.yaml:7:12"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := profile.Parse("acme.yaml", []byte(test.file), builtin(t)...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestIdentity checks that the digest depends on the content of a profile and not on its layout,
// and that the origin of a custom profile is its file.
func TestIdentity(t *testing.T) {
	parse := func(file string) profile.Profile {
		t.Helper()
		p, err := profile.Parse("own/acme.yaml", []byte(file), builtin(t)...)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	a := parse("acme:\n  extends: gong\n  version: 2026-01-02\n  allow: [prvReadOrganization]\n")
	b := parse("# the same\nacme: {allow: [prvReadOrganization], version: \"2026-01-02\", extends: gong}\n")
	c := parse("acme:\n  extends: gong\n  version: 2026-01-02\n")
	if a.Digest != b.Digest || a.Digest == c.Digest || !strings.HasPrefix(a.Digest, "sha256:") {
		t.Errorf("digests: %s, %s and %s", a.Digest, b.Digest, c.Digest)
	}
	if a.Origin != "own/acme.yaml" || a.Version != "2026-01-02" {
		t.Errorf("got %q, %q", a.Origin, a.Version)
	}
	if d := parse("acme:\n  extends: gong\n"); d.Version != "" {
		t.Errorf("the version of the base is inherited: %s", d.Version)
	}
	for _, p := range builtin(t) {
		if p.Origin != audit.OriginBuiltin || p.Version == "" || p.Digest == "" {
			t.Errorf("%s: %q, %q, %q", p.Name, p.Origin, p.Version, p.Digest)
		}
		named, found, err := profile.BuiltinNamed(policy.Files, p.Name)
		if err != nil || !found || named.Identity() != p.Identity() {
			t.Errorf("%s by its name is %+v (%t, %v), among all %+v", p.Name, named.Identity(), found, err, p.Identity())
		}
	}
}

// TestDepthsInAnyCase checks that the letter case of a privilege with a depth does not matter.
func TestDepthsInAnyCase(t *testing.T) {
	p, err := profile.Parse("acme.yaml", []byte("acme:\n  extends: demandbase\n  depths: {PRVREADACCOUNT: local}\n"), builtin(t)...)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := p.Data().(map[string]any)
	depths, _ := data["depths"].(map[string]any)
	if p.Depths["prvReadAccount"] != audit.DepthLocal || depths["prvReadAccount"] != "local" || len(depths) != 1 {
		t.Errorf("got %v and %v", p.Depths, depths)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("acme:\n  extends: gong\n  allow: [prvReadOrganization]\n"))
	for _, name := range []string{"demandbase", "gong", "lint"} {
		data, err := policy.Files.ReadFile("profiles/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	bases, err := profile.Builtin(policy.Files)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := profile.Parse("x.yaml", data, bases...)
		if err == nil && (p.Name == "" || p.Data() == nil || p.Title == "") {
			t.Errorf("a profile without a name, data or title: %q", data)
		}
	})
}
