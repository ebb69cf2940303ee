package solution_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/solution"
)

// role is a file as SolutionPackager writes it.
const role = `<?xml version="1.0" encoding="utf-8"?>
<Role id="{6F0C2A51-8B3D-4E0F-9A77-1C5D2E9B4A10}" name="Demandbase Integration" isinherited="1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <IsCustomizable>1</IsCustomizable>
  <RolePrivileges>
    <RolePrivilege name="prvReadAccount" level="Global" />
    <RolePrivilege name="prvReadContact" level="Local" />
    <RolePrivilege name="prvWritecr7_Größe𝄞" level="Basic" />
  </RolePrivileges>
</Role>
`

// customizations is a solution's customizations.xml, with Role elements that define no role.
const customizations = `<ImportExportXml xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Entities>
    <Entity><FormXml><forms><systemform><form><DisplayConditions>
      <Role Id="{627090ff-40a3-4053-8790-584edc5be201}" />
    </DisplayConditions></form></systemform></forms></FormXml></Entity>
  </Entities>
  <Roles>
    <Role id="{aaaaaaaa-0000-4000-8000-000000000001}" name="First">
      <IsCustomizable>0</IsCustomizable>
      <IsAutoAssigned>0</IsAutoAssigned>
      <RolePrivileges>
        <RolePrivilege name="prvReadLead" level="Deep" />
      </RolePrivileges>
    </Role>
    <Role id="{aaaaaaaa-0000-4000-8000-000000000002}" name="Second &amp; last" isinherited="0">
      <RolePrivileges />
    </Role>
  </Roles>
  <AppModules><AppModule><AppModuleRoleMaps>
    <Role id="{aaaaaaaa-0000-4000-8000-000000000001}" />
  </AppModuleRoleMaps></AppModule></AppModules>
</ImportExportXml>
`

func read(t *testing.T, paths ...string) solution.Contents {
	t.Helper()
	found, err := solution.Read(t.Context(), paths, strings.NewReader(""), solution.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	writeTo(t, name, content)
	return name
}

func writeTo(t testing.TB, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func utf16le(s string) string {
	var b bytes.Buffer
	for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(s))...) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

func utf16be(s string) string {
	le := []byte(utf16le(s))
	for i := 0; i+1 < len(le); i += 2 {
		le[i], le[i+1] = le[i+1], le[i]
	}
	return string(le)
}

// zipped returns an archive of files, each given by its name and content.
func zipped(t testing.TB, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func places(found solution.Contents) []string {
	var all []string
	for _, r := range found.Roles {
		all = append(all, fmt.Sprintf("%s %d:%d", r.Name, r.Position.Line, r.Position.Column))
		all = append(all, fmt.Sprintf("privileges %d:%d-%d", r.PrivilegesPosition.Line, r.PrivilegesPosition.Column, r.PrivilegesPosition.EndColumn))
		for _, e := range r.Entries {
			all = append(all, fmt.Sprintf("%s=%s %d:%d-%d", e.Name, e.Level, e.Position.Line, e.Position.Column, e.Position.EndColumn))
		}
	}
	return all
}

// TestPositions checks that lines and columns are those of the file, in each encoding and form.
func TestPositions(t *testing.T) {
	want := []string{
		"Demandbase Integration 2:1",
		"privileges 4:3-19",
		"prvReadAccount=Global 5:5-59",
		"prvReadContact=Local 6:5-58",
		"prvWritecr7_Größe𝄞=Basic 7:5-63",
	}
	for name, content := range map[string]string{
		"plain":                        role,
		"byte order mark":              "\ufeff" + role,
		"CRLF":                         strings.ReplaceAll(role, "\n", "\r\n"),
		"CR":                           strings.ReplaceAll(role, "\n", "\r"),
		"UTF-16, little endian":        utf16le(strings.Replace(role, "utf-8", "utf-16", 1)),
		"UTF-16, big endian":           utf16be(role),
		"UTF-16, CRLF":                 utf16le(strings.ReplaceAll(role, "\n", "\r\n")),
		"UTF-16 without mark":          utf16le(role)[2:],
		"apostrophes":                  strings.ReplaceAll(role, `"`, `'`),
		"level first":                  strings.ReplaceAll(role, `name="prvReadAccount" level="Global"`, `level="Global" name="prvReadAccount"`),
		"end tags of their own":        strings.ReplaceAll(role, `level="Global" />`, `level="Global"  ></RolePrivilege>`),
		"references in the attributes": strings.ReplaceAll(role, "prvReadContact", "&#112;rvReadContact"),
	} {
		t.Run(name, func(t *testing.T) {
			found := read(t, write(t, filepath.Join(t.TempDir(), "Roles", "r.xml"), content))
			if len(found.Faults) > 0 {
				t.Fatal(found.Faults[0])
			}
			got := places(found)
			if strings.HasPrefix(name, "references") {
				got[3] = strings.Replace(got[3], "-63", "-58", 1) // it is five longer there
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("positions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSingleByteEncodings(t *testing.T) {
	for name, letter := range map[string]string{"iso-8859-1": "\xf6", "windows-1252": "\xf6"} {
		content := strings.NewReplacer("utf-8", name, "prvWritecr7_Größe𝄞", "prvWritecr7_Gr"+letter+"\xdfe").Replace(role)
		found := read(t, write(t, filepath.Join(t.TempDir(), "r.xml"), content))
		if len(found.Faults) > 0 || found.Roles[0].Entries[2].Name != "prvWritecr7_Größe" {
			t.Errorf("%s: %v, %v", name, found.Faults, found.Roles)
		}
	}
}

func TestDefaults(t *testing.T) {
	found := read(t, write(t, filepath.Join(t.TempDir(), "customizations.xml"), customizations))
	if len(found.Faults) > 0 || len(found.Roles) != 2 {
		t.Fatalf("%v, %d roles", found.Faults, len(found.Roles))
	}
	one, two := found.Roles[0], found.Roles[1]
	if one.ID != "aaaaaaaa-0000-4000-8000-000000000001" || !one.Inherited || one.Customizable || one.CustomizablePosition.Line != 9 {
		t.Errorf("first: %+v", one)
	}
	if two.Name != "Second & last" || two.Inherited || !two.Customizable || len(two.Entries) != 0 || two.PrivilegesPosition.Line != 16 {
		t.Errorf("second: %+v", two)
	}
}

func TestPaths(t *testing.T) {
	tree(t,
		"deep/er/Sales/src/Roles/One.xml", roleNamed("One"), "other/roles/Two.xml", roleNamed("Two"),
		"other/roles/form.xml", `<form><Role Id="{1}" /></form>`, "other/Other/Customizations.xml", customizations,
		"other/notes.xml", "not even XML", ".git/Roles/old.xml", role, "node_modules/Roles/old.xml", role,
		"out/solution.zip", zipped(t, "customizations.xml", customizations))
	one, two := "One in deep/er/Sales/src/Roles/One.xml", "Two in other/roles/Two.xml"
	archived := []string{"First in out/solution.zip!/customizations.xml", "Second & last in out/solution.zip!/customizations.xml"}
	all := append([]string{one, "First in other/Other/Customizations.xml", "Second & last in other/Other/Customizations.xml", two}, archived...)
	for name, test := range map[string]struct{ paths, want []string }{
		"a tree":        {[]string{"."}, all},
		"a file":        {[]string{"other/roles/Two.xml"}, []string{two}},
		"an archive":    {[]string{"out/solution.zip"}, archived},
		"several":       {[]string{"other/roles", "deep"}, []string{two, one}},
		"the same":      {[]string{".", "deep", "./"}, all},
		"a pattern":     {[]string{"*/roles/T*.xml"}, []string{two}},
		"any folders":   {[]string{"**/One.xml"}, []string{one}},
		"** and no dir": {[]string{"other/**/Two.xml"}, []string{two}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, describe(read(t, test.paths...))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestManagedSolutions(t *testing.T) {
	manifest := func(managed string) string {
		return "<ImportExportXml><SolutionManifest><Managed>" + managed + "</Managed></SolutionManifest></ImportExportXml>"
	}
	for _, managed := range []string{"0", "1", "2"} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "Roles", "r.xml"), role)
		write(t, filepath.Join(dir, "Other", "Solution.xml"), manifest(managed))
		archive := write(t, filepath.Join(dir, "a.zip"), zipped(t, `Roles\r.xml`, role, `Other\Solution.xml`, manifest(managed)))
		packed := write(t, filepath.Join(dir, "b.zip"), zipped(t, "solution.xml", manifest(managed), "customizations.xml", "<a><Roles><Role name='x'/></Roles></a>"))
		for _, path := range []string{filepath.Join(dir, "Roles"), archive, packed} {
			found := read(t, path)
			if len(found.Roles) != 1 || found.Roles[0].Managed != (managed == "1") {
				t.Errorf("Managed %s, %s: %+v %v", managed, path, found.Roles, found.Faults)
			}
		}
	}
	found := read(t, write(t, filepath.Join(t.TempDir(), "Roles", "r_managed.xml"), role))
	if !found.Roles[0].Managed {
		t.Error("the role of a file named _managed.xml is not managed")
	}
}

func TestStandardInput(t *testing.T) {
	for name, content := range map[string]string{
		"XML": role, "archive": zipped(t, `Solutions\a.zip`, zipped(t, "customizations.xml", "<ImportExportXml><Roles>"+strings.TrimPrefix(role, `<?xml version="1.0" encoding="utf-8"?>`)+"</Roles></ImportExportXml>")),
	} {
		found, err := solution.Read(t.Context(), []string{solution.Stdin, solution.Stdin}, strings.NewReader(content), solution.DefaultOptions())
		if err != nil || len(found.Roles) != 1 || len(found.Faults) != 0 {
			t.Errorf("%s: %v %v %v", name, found.Roles, found.Faults, err)
		}
	}
}

// TestRefused checks that a broken or hostile file is refused with a clear message, and does not
// affect another file.
func TestRefused(t *testing.T) {
	small := solution.Options{MaxFileSize: 4 << 10, MaxArchiveSize: 6 << 10, MaxEntries: 3, MaxNesting: 2, MaxRoles: 5, MaxPrivileges: 50}
	bomb := zipped(t, "customizations.xml", strings.Repeat(" ", 8<<10))
	nested := zipped(t, "a.zip", zipped(t, "b.zip", zipped(t, "customizations.xml", customizations)))
	for name, test := range map[string]struct{ file, content, want string }{
		"entities":           {"r.xml", "<?xml version=\"1.0\"?>\n<!DOCTYPE Role [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<Role name=\"&b;\"/>", ":2:1: a document type declaration"},
		"external entity":    {"r.xml", `<!DOCTYPE Role SYSTEM "file:///etc/passwd"><Role name="x"/>`, ":1:1: a document type declaration"},
		"undefined entity":   {"r.xml", "<Role name=\"x\">\n &evil; </Role>", ":2:2: the entity &evil; is not defined"},
		"cut short":          {"r.xml", role[:200], "it is truncated"},
		"no end":             {"r.xml", "<Role name=\"x\">", "ends before </Role>"},
		"wrong end":          {"r.xml", "<Role name=\"x\">\n<A></B></Role>", ":2:4: this is not XML: </B> where </A> is expected"},
		"two roots":          {"r.xml", "<Role name=\"x\"/><Role name=\"y\"/>", "a second root element"},
		"text outside":       {"r.xml", "<Role name=\"x\"/> and more", "outside of the root element"},
		"no XML":             {"r.xml", "prvReadAccount: Global", "outside of the root element"},
		"empty":              {"r.xml", "", "there is no XML in the file"},
		"invalid UTF-8":      {"r.xml", "<Role name=\"x\">\n\xff</Role>", ":2:1: the text is not valid UTF-8"},
		"odd UTF-16":         {"r.xml", utf16le(role) + "x", "truncated"},
		"half a pair":        {"r.xml", "\xff\xfe<\x00\x00\xd8", "half a surrogate pair"},
		"unknown encoding":   {"r.xml", `<?xml version="1.0" encoding="ebcdic"?><Role name="x"/>`, `the encoding "ebcdic" is not supported`},
		"control character":  {"r.xml", "<Role name=\"a\x01\"/>", "control character U+0001"},
		"control, comment":   {"r.xml", "<Role name=\"x\"><!--\x01--></Role>", ":1:20: this is not XML: it contains the control character U+0001"},
		"duplicate value":    {"r.xml", `<Role name="x" name="y"/>`, "appears twice"},
		"is not quoted":      {"r.xml", `<Role name=x/>`, "is not quoted"},
		"< in a value":       {"r.xml", `<Role name="<"/>`, "< within the attribute"},
		"deep":               {"r.xml", strings.Repeat("<a>", 300), "more than 256 deep"},
		"two privilege sets": {"r.xml", `<Role name="x"><RolePrivileges/><RolePrivileges/></Role>`, "two RolePrivileges elements"},
		"large":              {"r.xml", "<Role name=\"x\">" + strings.Repeat(" ", 5<<10) + "</Role>", "larger than"},
		"no role":            {"r.xml", `<Role Id="{1}"/>`, "contains no definition of a security role"},
		"no archive":         {"s.zip", "PK\x03\x04 and nothing", "this is not a .zip archive"},
		"no role in it":      {"s.zip", zipped(t, "readme.md", "hello"), "the archive contains no security role"},
		"bomb":               {"s.zip", bomb, "!/customizations.xml: the entry cannot be read: it is larger than"},
		"many small bombs":   {"s.zip", zipped(t, "a/customizations.xml", "<a/>"+strings.Repeat(" ", 3<<10), "b/customizations.xml", "<a/>"+strings.Repeat(" ", 3<<10)), "would have to be read out of it"},
		"nesting":            {"s.zip", nested, "s.zip!/a.zip!/b.zip: archives are nested"},
		"traversal":          {"s.zip", zipped(t, "../customizations.xml", customizations), "is outside of the archive"},
		"traversal, Windows": {"s.zip", zipped(t, `..\customizations.xml`, customizations), "is outside of the archive"},
		"absolute":           {"s.zip", zipped(t, "/customizations.xml", customizations), "is outside of the archive"},
		"drive":              {"s.zip", zipped(t, "C:/customizations.xml", customizations), "is outside of the archive"},
		"twice":              {"s.zip", zipped(t, "customizations.xml", customizations, "Customizations.xml", customizations), "twice"},
		"many entries":       {"s.zip", zipped(t, "a", "", "b", "", "c", "", "d", ""), "lists 4 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			bad := write(t, filepath.Join(dir, test.file), test.content)
			good := write(t, filepath.Join(dir, "Roles", "good.xml"), role)
			found, err := solution.Read(t.Context(), []string{bad, good}, nil, small)
			if err != nil {
				t.Fatal(err)
			}
			if len(found.Roles) != 1 || found.Roles[0].Name != "Demandbase Integration" {
				t.Errorf("the good file's role is hidden: %v", found.Roles)
			}
			if len(found.Faults) == 0 || !strings.Contains(found.Faults[0].Error(), test.want) {
				t.Errorf("got %v, want %q", found.Faults, test.want)
			}
		})
	}
}

func TestMissingPaths(t *testing.T) {
	dir := t.TempDir()
	found := read(t, filepath.Join(dir, "missing"), filepath.Join(dir, "*.xml"), filepath.Join(dir, "[.xml"))
	if len(found.Faults) != 3 {
		t.Fatalf("got %v", found.Faults)
	}
	for i, want := range []string{"the file or folder does not exist: check the path", "no file matches the pattern", "malformed"} {
		if !strings.Contains(found.Faults[i].Error(), want) {
			t.Errorf("got %v, want %q", found.Faults[i], want)
		}
	}
	if errors.Unwrap(found.Faults[0]) == nil {
		t.Error("the fault hides its cause")
	}
}

// TestHostileXML checks that no XML file is expensive to read: a line of many entries, an element of
// many attributes, a role of many entries, many roles.
func TestHostileXML(t *testing.T) {
	entry := `<RolePrivilege name="prvReadAccount" level="Global"/>`
	found := read(t, write(t, filepath.Join(t.TempDir(), "r.xml"), `<Role name="x"><RolePrivileges>`+strings.Repeat(entry, 10_000)+`</RolePrivileges></Role>`))
	if len(found.Faults) > 0 {
		t.Fatal(found.Faults[0])
	}
	last := found.Roles[0].Entries[9_999].Position
	if want := len(`<Role name="x"><RolePrivileges>`) + 9_999*len(entry) + 1; last.Line != 1 || last.Column != want || last.EndColumn != want+len(entry) {
		t.Errorf("got %+v, want column %d", last, want)
	}
	var attributes strings.Builder
	for i := range 200 {
		fmt.Fprintf(&attributes, " a%d=''", i)
	}
	for want, content := range map[string]string{
		"more than 64 attributes":         "<Role name='x'><a" + attributes.String() + "/></Role>",
		"lists more than 10000":           "<Role name='x'><RolePrivileges>" + strings.Repeat("<RolePrivilege />", 10_001) + "</RolePrivileges></Role>",
		"the file defines more than 2000": "<a><Roles>" + strings.Repeat("<Role name='x'><RolePrivileges/></Role>", 2_001) + "</Roles></a>",
	} {
		found := read(t, write(t, filepath.Join(t.TempDir(), "customizations.xml"), content))
		if len(found.Faults) != 1 || !strings.Contains(found.Faults[0].Error(), want) {
			t.Errorf("got %v, want %q", found.Faults, want)
		}
	}
}

// sized returns a role with a name of the given length and a number of entries.
func sized(nameLength, entries int) string {
	return "<Role name='" + strings.Repeat("x", nameLength) + "'><RolePrivileges>" + strings.Repeat("<RolePrivilege name='y' level='Basic'/>", entries) + "</RolePrivileges></Role>"
}

// TestLimits checks the limits of each file and of all files together.
func TestLimits(t *testing.T) {
	for want, content := range map[string]string{
		":1:1: the name of a Role is longer than 1000 bytes":                     sized(1001, 0),
		":1:18: the name of an element is longer than 1000 bytes":                "<Role name='x'>  <" + strings.Repeat("y", 1001) + "/></Role>",
		":1:1: the name of an element is longer than 1000 bytes":                 "</" + strings.Repeat("y", 1001) + ">",
		":1:19: the name of an attribute is longer than 1000 bytes":              "<Role name='x'><a " + strings.Repeat("y", 1001) + "=''/></Role>",
		":1:32: the level of a RolePrivilege is longer than 1000 bytes":          "<Role name='x'><RolePrivileges><RolePrivilege level='" + strings.Repeat("&#32;", 201) + "'/></RolePrivileges></Role>",
		"the roles of the file list more than 500000 privileges in all":          "<a><Roles>" + strings.Repeat("<Role name='x'><RolePrivileges>"+strings.Repeat("<RolePrivilege/>", 9000)+"</RolePrivileges></Role>", 56) + "</Roles></a>",
		"the archive is refused: its files define more than 2000 roles":          zipped(t, "a/customizations.xml", "<a><Roles>"+strings.Repeat(sized(1, 0), 1500)+"</Roles></a>", "b/customizations.xml", "<a><Roles>"+strings.Repeat(sized(1, 0), 1500)+"</Roles></a>"),
		"the archive is refused: the name of an entry is longer than 1000 bytes": zipped(t, strings.Repeat("x", 1000)+"/Roles/x.xml", sized(1, 1)),
	} {
		found := input(t, []byte(content))
		if len(found.Roles) > 0 || len(found.Faults) != 1 || !strings.Contains(found.Faults[0].Error(), want) {
			t.Errorf("got %v, want %q", found.Faults, want)
		}
	}
	dir := t.TempDir()
	for i := range 3 {
		write(t, filepath.Join(dir, "Roles", fmt.Sprint(i)+".xml"), sized(1, 10))
	}
	options := solution.DefaultOptions()
	for _, test := range []struct {
		roles, privileges int
		want              string
	}{{3, 30, ""}, {2, 30, "more than 2 roles"}, {3, 29, "more than 29 privileges"}} {
		options.MaxRoles, options.MaxPrivileges = test.roles, test.privileges
		if _, err := solution.Read(t.Context(), []string{dir}, nil, options); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{t.TempDir(), write(t, filepath.Join(t.TempDir(), "r.xml"), role)} {
		if _, err := solution.Read(ctx, []string{path}, nil, solution.DefaultOptions()); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

// TestPrefixes checks that elements with a prefix are read like others, and take no more memory.
func TestPrefixes(t *testing.T) {
	content := "<a><Roles>" + strings.Repeat("<x:Role name='r'><x:RolePrivileges></x:RolePrivileges></x:Role>", 2000) + "</Roles><!--" + strings.Repeat("<RolePrivilege ", 100_000) + "--></a>"
	var found solution.Contents
	checkMemory(t, len(content), func() { found = input(t, []byte(content)) })
	if len(found.Roles) != 2000 {
		t.Errorf("%d roles, %v", len(found.Roles), found.Faults)
	}
}

// TestMaxFaults checks that the faults of one archive are limited.
func TestMaxFaults(t *testing.T) {
	var files []string
	for i := range 150 {
		files = append(files, fmt.Sprintf("%d/customizations.xml", i), "<a>"+strings.Repeat(" ", 10))
	}
	options := solution.DefaultOptions()
	archive := write(t, filepath.Join(t.TempDir(), "a.zip"), zipped(t, files...))
	for _, test := range []struct {
		limit int64
		count int
		last  string
	}{
		{100, 8, "a.zip: the archive is refused: more than 0 MB would have to be read out of it"},
		{1 << 20, 101, "a.zip: more than 100 of its files cannot be read, and the others were skipped"},
	} {
		options.MaxArchiveSize = test.limit
		found, err := solution.Read(t.Context(), []string{archive}, nil, options)
		if err != nil || len(found.Faults) != test.count || !strings.HasSuffix(found.Faults[test.count-1].Error(), test.last) {
			t.Errorf("%d faults, %v", len(found.Faults), found.Faults)
		}
	}
}

// TestEntriesAreCounted checks that the entries are counted by their headers, because the count that
// an archive states may be wrong.
func TestEntriesAreCounted(t *testing.T) {
	header := "PK\x01\x02" + strings.Repeat("\x00", 24) + "\x01" + strings.Repeat("\x00", 17) + "a"
	end := "PK\x05\x06" + strings.Repeat("\x00", 18)
	found := input(t, []byte("PK\x03\x04"+strings.Repeat(header, 100_001)+end))
	if len(found.Faults) != 1 || !strings.Contains(found.Faults[0].Error(), "stdin: the archive lists 100001 entries") {
		t.Errorf("%v", found.Faults)
	}
}

func TestIsCustomizable(t *testing.T) {
	for content, want := range map[string]bool{
		"1": true, "0": false, "false": false, " \n0 ": false, "<![CDATA[0]]>": false, "<![CDATA[]]>&#48;<!-- no < 1 --><?a b?>": false,
		"<![CDATA[ false]]>": false, "<!-- 0 -->1": true, "": true,
	} {
		found := input(t, []byte("<Role name='x'><IsCustomizable>"+content+"</IsCustomizable></Role>"))
		if len(found.Faults) > 0 || found.Roles[0].Customizable != want {
			t.Errorf("%q: %v, %v", content, found.Roles, found.Faults)
		}
	}
}

func TestSignature(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "Roles", "r.xml"), role)
	before := solution.Signature([]string{dir})
	if before != solution.Signature([]string{dir}) {
		t.Error("it changes although no file does")
	}
	write(t, file, role+" ")
	if before == solution.Signature([]string{dir}) {
		t.Error("it does not change with a file")
	}
}

func TestWhiteSpaceOfAttributes(t *testing.T) {
	t.Parallel()
	found := input(t, []byte("<Role name=\"Sync\r\nrole\"><RolePrivileges><RolePrivilege name='prvRead\tLead&#10;' level='Basic'/></RolePrivileges></Role>"))
	if len(found.Roles) != 1 || len(found.Roles[0].Entries) != 1 {
		t.Fatalf("%+v", found)
	}
	// XML 1.0, section 3.3.3: raw white space becomes spaces, and references to it do not.
	if r := found.Roles[0]; r.Name != "Sync role" || r.Entries[0].Name != "prvRead Lead\n" {
		t.Errorf("%q, %q", r.Name, r.Entries[0].Name)
	}
}

// TestKeepEntries checks that entries that are not kept are checked like others.
func TestKeepEntries(t *testing.T) {
	t.Parallel()
	two := `<R><Roles><Role name="a"><RolePrivileges><RolePrivilege name="prvReadAccount" level="Basic"/></RolePrivileges></Role>
<Role name="b"><RolePrivileges><RolePrivilege name="prvReadLead" level="Global"></RolePrivilege>%s</RolePrivileges></Role></Roles></R>`
	options := solution.DefaultOptions()
	get := func(text string) solution.Contents {
		found, err := solution.Read(t.Context(), []string{solution.Stdin}, strings.NewReader(text), options)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	hostile := fmt.Sprintf(two, strings.Repeat(`<RolePrivilege name="x" level="Basic"/>`, 10_000))
	broken := fmt.Sprintf(two, `<RolePrivilege name="&evil;"/>`)
	all, many, evil := get(fmt.Sprintf(two, "")), get(hostile), get(broken)
	options.KeepEntries = func(name string) bool { return name == "a" }
	kept := get(fmt.Sprintf(two, ""))
	if len(all.Roles) != 2 || len(kept.Roles) != 2 || len(all.Roles[1].Entries) != 1 || len(kept.Roles[1].Entries) != 0 ||
		!slices.Equal(kept.Roles[0].Entries, all.Roles[0].Entries) || kept.Roles[1].Position != all.Roles[1].Position {
		t.Errorf("of %+v\n%+v is kept", all.Roles, kept.Roles)
	}
	for text, want := range map[string]solution.Contents{hostile: many, broken: evil} {
		if got := get(text); len(want.Faults) != 1 || len(got.Faults) != 1 || got.Faults[0].Error() != want.Faults[0].Error() {
			t.Errorf("refused as %v, want %v", got.Faults, want.Faults)
		}
	}
}
