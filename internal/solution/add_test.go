package solution_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/solution"
)

func lines(s string) string { return strings.ReplaceAll(s, "|", "\n") }

func TestAdd(t *testing.T) {
	grants := []audit.Grant{
		{Name: "prvReadLead", Depth: audit.DepthGlobal},
		{Name: "prvAppendLead", Depth: audit.DepthDeep},
		{Name: "prvWriteLead", Depth: audit.DepthBasic},
	}
	const head = `<Role id="{1}" name="x">|  <RolePrivileges>|`
	const tail = `|  </RolePrivileges>|</Role>`
	for name, test := range map[string]struct{ before, after string }{
		"sorted": {
			head + `    <RolePrivilege name="prvReadAccount" level="Global" />|    <RolePrivilege name="prvReadOrganization" level="Local" />` + tail,
			head + `    <RolePrivilege name="prvAppendLead" level="Deep" />|    <RolePrivilege name="prvReadAccount" level="Global" />|    <RolePrivilege name="prvReadLead" level="Global" />|    <RolePrivilege name="prvReadOrganization" level="Local" />|    <RolePrivilege name="prvWriteLead" level="Basic" />` + tail,
		},
		"in no order": {
			head + `    <RolePrivilege name="prvZ" level="Global" />|    <RolePrivilege name="prvA" level="Local" />|    <RolePrivilege name="prvM" level="Local" />` + tail,
			head + `    <RolePrivilege name="prvZ" level="Global" />|    <RolePrivilege name="prvA" level="Local" />|    <RolePrivilege name="prvM" level="Local" />|    <RolePrivilege name="prvAppendLead" level="Deep" />|    <RolePrivilege name="prvReadLead" level="Global" />|    <RolePrivilege name="prvWriteLead" level="Basic" />` + tail,
		},
		"tabs, apostrophes, level first, end tags": {
			head + "\t\t<RolePrivilege level='Global' name='prvReadAccount'></RolePrivilege>" + tail,
			head + "\t\t<RolePrivilege level='Deep' name='prvAppendLead'></RolePrivilege>|\t\t<RolePrivilege level='Global' name='prvReadAccount'></RolePrivilege>|\t\t<RolePrivilege level='Global' name='prvReadLead'></RolePrivilege>|\t\t<RolePrivilege level='Basic' name='prvWriteLead'></RolePrivilege>" + tail,
		},
		"on one line": {
			`<Role name="x"><RolePrivileges><RolePrivilege name="prvReadAccount" level="Global"/></RolePrivileges></Role>`,
			`<Role name="x"><RolePrivileges><RolePrivilege name="prvAppendLead" level="Deep"/><RolePrivilege name="prvReadAccount" level="Global"/><RolePrivilege name="prvReadLead" level="Global"/><RolePrivilege name="prvWriteLead" level="Basic"/></RolePrivileges></Role>`,
		},
		"comments stay": {
			head + `    <!-- sales -->|    <RolePrivilege name="prvReadAccount" level="Global" /> <!-- why -->` + tail,
			head + `    <RolePrivilege name="prvAppendLead" level="Deep" />|    <!-- sales -->|    <RolePrivilege name="prvReadAccount" level="Global" /> <!-- why -->|    <RolePrivilege name="prvReadLead" level="Global" />|    <RolePrivilege name="prvWriteLead" level="Basic" />` + tail,
		},
		"an empty element": {
			`<Role name="x">|  <RolePrivileges />|</Role>`,
			`<Role name="x">|  <RolePrivileges>|    <RolePrivilege name="prvAppendLead" level="Deep" />|    <RolePrivilege name="prvReadLead" level="Global" />|    <RolePrivilege name="prvWriteLead" level="Basic" />|  </RolePrivileges>|</Role>`,
		},
		"two tags": {
			`<Role name="x">|  <RolePrivileges></RolePrivileges>|</Role>`,
			`<Role name="x">|  <RolePrivileges>|    <RolePrivilege name="prvAppendLead" level="Deep" />|    <RolePrivilege name="prvReadLead" level="Global" />|    <RolePrivilege name="prvWriteLead" level="Basic" />|  </RolePrivileges>|</Role>`,
		},
		"a comment leads to the next line": {
			head + `    <RolePrivilege name="prvReadAccount" level="Global" /> <!-- why|    in two lines -->|    <!-- the owner -->|    <RolePrivilege name="prvReadUser" level="Global" />|    <!-- the end -->` + tail,
			head + `    <RolePrivilege name="prvAppendLead" level="Deep" />|    <RolePrivilege name="prvReadAccount" level="Global" /> <!-- why|    in two lines -->|    <RolePrivilege name="prvReadLead" level="Global" />|    <!-- the owner -->|    <RolePrivilege name="prvReadUser" level="Global" />|    <RolePrivilege name="prvWriteLead" level="Basic" />|    <!-- the end -->` + tail,
		},
		"other attributes and content stay where they are": {
			head + `    <RolePrivilege privilegeid="{1}" name = "prvReadAccount"  note='"' level="Global" ><!-- x --></RolePrivilege>` + tail,
			head + `    <RolePrivilege name = "prvAppendLead" level="Deep" ></RolePrivilege>|    <RolePrivilege privilegeid="{1}" name = "prvReadAccount"  note='"' level="Global" ><!-- x --></RolePrivilege>|    <RolePrivilege name = "prvReadLead" level="Global" ></RolePrivilege>|    <RolePrivilege name = "prvWriteLead" level="Basic" ></RolePrivilege>` + tail,
		},
		"several on a line": {
			head + `    <RolePrivilege name="prvA" level="Basic"/><RolePrivilege name="prvReadM" level="Basic"/>|    <RolePrivilege name="prvReadN" level="Basic"/><RolePrivilege name="prvX" level="Basic"/>` + tail,
			head + `    <RolePrivilege name="prvA" level="Basic"/><RolePrivilege name="prvReadM" level="Basic"/>|    <RolePrivilege name="prvAppendLead" level="Deep"/>|    <RolePrivilege name="prvReadLead" level="Global"/>|    <RolePrivilege name="prvReadN" level="Basic"/><RolePrivilege name="prvX" level="Basic"/>|    <RolePrivilege name="prvWriteLead" level="Basic"/>` + tail,
		},
		"blank lines": {
			head + `    <RolePrivilege name="prvA" level="Basic"/>||    <RolePrivilege name="prvB" level="Basic"/>||    <RolePrivilege name="prvX" level="Basic"/>` + tail,
			head + `    <RolePrivilege name="prvA" level="Basic"/>||    <RolePrivilege name="prvAppendLead" level="Deep"/>||    <RolePrivilege name="prvB" level="Basic"/>||    <RolePrivilege name="prvReadLead" level="Global"/>||    <RolePrivilege name="prvWriteLead" level="Basic"/>||    <RolePrivilege name="prvX" level="Basic"/>` + tail,
		},
		"attributes on lines": {
			head + `    <RolePrivilege|        name="prvA"|        level="Basic" />` + tail,
			head + `    <RolePrivilege|        name="prvA"|        level="Basic" />|    <RolePrivilege|        name="prvAppendLead"|        level="Deep" />|    <RolePrivilege|        name="prvReadLead"|        level="Global" />|    <RolePrivilege|        name="prvWriteLead"|        level="Basic" />` + tail,
		},
		"no end of line before the end tag": {
			`<Role name="x"><RolePrivileges>|  <RolePrivilege name="prvA" level="Basic"/></RolePrivileges></Role>`,
			`<Role name="x"><RolePrivileges>|  <RolePrivilege name="prvA" level="Basic"/>|  <RolePrivilege name="prvAppendLead" level="Deep"/>|  <RolePrivilege name="prvReadLead" level="Global"/>|  <RolePrivilege name="prvWriteLead" level="Basic"/></RolePrivileges></Role>`,
		},
		"prefixes": {
			`<x:Role xmlns:x="u" name="x">|  <x:RolePrivileges/>|</x:Role>`,
			`<x:Role xmlns:x="u" name="x">|  <x:RolePrivileges>|    <x:RolePrivilege name="prvAppendLead" level="Deep" />|    <x:RolePrivilege name="prvReadLead" level="Global" />|    <x:RolePrivilege name="prvWriteLead" level="Basic" />|  </x:RolePrivileges>|</x:Role>`,
		},
		"an empty element with a comment": {
			head + `    <!-- none yet -->` + tail,
			head + `    <RolePrivilege name="prvAppendLead" level="Deep" />|    <RolePrivilege name="prvReadLead" level="Global" />|    <RolePrivilege name="prvWriteLead" level="Basic" />|    <!-- none yet -->` + tail,
		},
		"no element": {
			"<Role name=\"x\">|\t<IsCustomizable>1</IsCustomizable>|</Role>",
			"<Role name=\"x\">|\t<IsCustomizable>1</IsCustomizable>|\t<RolePrivileges>|\t\t<RolePrivilege name=\"prvAppendLead\" level=\"Deep\" />|\t\t<RolePrivilege name=\"prvReadLead\" level=\"Global\" />|\t\t<RolePrivilege name=\"prvWriteLead\" level=\"Basic\" />|\t</RolePrivileges>|</Role>",
		},
		"no element in an empty role": {
			`<a>|  <Roles>|    <Role name="x" />|  </Roles>|</a>`,
			`<a>|  <Roles>|    <Role name="x">|      <RolePrivileges>|        <RolePrivilege name="prvAppendLead" level="Deep" />|        <RolePrivilege name="prvReadLead" level="Global" />|        <RolePrivilege name="prvWriteLead" level="Basic" />|      </RolePrivileges>|    </Role>|  </Roles>|</a>`,
		},
		"no element on one line": {
			`<Role name="x"></Role>|`,
			`<Role name="x">|  <RolePrivileges>|    <RolePrivilege name="prvAppendLead" level="Deep" />|    <RolePrivilege name="prvReadLead" level="Global" />|    <RolePrivilege name="prvWriteLead" level="Basic" />|  </RolePrivileges>|</Role>|`,
		},
	} {
		for form, as := range map[string]func(string) string{
			"LF":     func(s string) string { return s },
			"CRLF":   func(s string) string { return "\ufeff" + strings.ReplaceAll(s, "\n", "\r\n") },
			"UTF-16": utf16le,
		} {
			t.Run(name+" "+form, func(t *testing.T) {
				file := write(t, filepath.Join(t.TempDir(), "r.xml"), as(lines(test.before)))
				found := read(t, file)
				if len(found.Faults) > 0 {
					t.Fatal(found.Faults[0])
				}
				got, err := solution.Add(solution.Addition{Role: found.Roles[0], Grants: grants})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(as(lines(test.after)), string(got)); diff != "" {
					t.Errorf("file (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestAddToSeveralRoles(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "customizations.xml"), customizations)
	roles := read(t, file).Roles
	lead := []audit.Grant{{Name: "prvReadAccount", Depth: audit.DepthGlobal}}
	got, err := solution.Add(solution.Addition{Role: roles[1], Grants: lead}, solution.Addition{Role: roles[0], Grants: lead})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(customizations, `        <RolePrivilege name="prvReadLead"`, `        <RolePrivilege name="prvReadAccount" level="Global" />`+"\n"+`        <RolePrivilege name="prvReadLead"`, 1)
	want = strings.Replace(want, "      <RolePrivileges />", "      <RolePrivileges>\n        <RolePrivilege name=\"prvReadAccount\" level=\"Global\" />\n      </RolePrivileges>", 1)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
}

// TestAddToLargeFile adds to a file that is too large to be kept, and so is read again.
func TestAddToLargeFile(t *testing.T) {
	content := role + strings.Repeat(" ", 16<<20)
	file := write(t, filepath.Join(t.TempDir(), "r.xml"), content)
	addition := solution.Addition{Role: read(t, file).Roles[0], Grants: []audit.Grant{{Name: "prvReadLead", Depth: audit.DepthGlobal}}}
	got, err := solution.Add(addition)
	if err != nil {
		t.Fatal(err)
	}
	line := `    <RolePrivilege name="prvReadLead" level="Global" />` + "\n"
	if before, after, ok := strings.Cut(string(got), line); !ok || before+after != content {
		t.Error("more than the line was added")
	}
	for want, content := range map[string]string{
		"the file was changed since it was read": strings.ReplaceAll(content, "prvReadContact", "prvWriteContact"),
		"it cannot be read again":                "<Role",
	} {
		write(t, file, content)
		if _, err := solution.Add(addition); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestAddRefuses(t *testing.T) {
	dir := t.TempDir()
	another := read(t, write(t, filepath.Join(dir, "a.xml"), `<Role name="x"/>`)).Roles[0]
	archived := read(t, write(t, filepath.Join(dir, "a.zip"), zipped(t, "Roles/x.xml", `<Role name="x"/>`))).Roles[0]
	other := read(t, write(t, filepath.Join(dir, "b.xml"), `<Role name="x"><RolePrivileges/></Role>`)).Roles[0]
	lead := []audit.Grant{{Name: "prvReadLead", Depth: audit.DepthGlobal}}
	for want, additions := range map[string][]solution.Addition{
		"nothing to add":                nil,
		"unpack the archive":            {{Role: archived, Grants: lead}},
		"not of one file":               {{Role: other, Grants: lead}, {Role: another, Grants: lead}},
		"would not be read as intended": {{Role: other, Grants: []audit.Grant{{Name: `x" /><RolePrivilege name="y`, Depth: audit.DepthGlobal}}}},
	} {
		if _, err := solution.Add(additions...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// isSubsequence reports whether whole contains the bytes of part in order, with others in between.
func isSubsequence(part, whole []byte) bool {
	for _, b := range whole {
		if len(part) > 0 && part[0] == b {
			part = part[1:]
		}
	}
	return len(part) == 0
}

// FuzzAdd checks that the changed file is the old file with text added.
func FuzzAdd(f *testing.F) {
	f.Add([]byte(role), "prvReadLead")
	f.Add([]byte(customizations), "prvZ")
	f.Add([]byte(utf16be(role)), "prvA")
	f.Add([]byte("<Role name='x'><RolePrivileges><!-- a -->\n<RolePrivilege name='a'/> <!-- b\n-->\r<RolePrivilege x='' level='y' name = 'c'>\n</RolePrivilege></RolePrivileges></Role>"), "b")
	f.Add([]byte("<a><Roles><x:Role name='x' /></Roles></a>"), "b")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") != "" {
			return
		}
		for _, r := range input(t, data).Roles {
			got, err := solution.Add(solution.Addition{Role: r, Grants: []audit.Grant{{Name: name, Depth: audit.DepthDeep}}})
			if err == nil && len(r.Entries) > 0 && !isSubsequence(data, got) {
				t.Errorf("%q became %q", data, got)
			}
		}
	})
}
