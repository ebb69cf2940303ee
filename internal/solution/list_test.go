package solution_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/solution"
)

// roleNamed returns a role file with the given name of the role.
func roleNamed(name string) string { return strings.ReplaceAll(role, "Demandbase Integration", name) }

// tree changes to a new directory with the given files, each given by its name and content. A content
// that begins with "-> " makes a symbolic link.
func tree(t *testing.T, files ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for i := 0; i < len(files); i += 2 {
		target, link := strings.CutPrefix(files[i+1], "-> ")
		if !link {
			write(t, files[i], files[i+1])
			continue
		}
		if err := os.MkdirAll(filepath.Dir(files[i]), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, files[i]); err != nil {
			t.Skip("there are no symbolic links here: ", err)
		}
	}
}

// describe returns a line for each role, fault and note.
func describe(found solution.Contents) (lines []string) {
	for _, r := range found.Roles {
		lines = append(lines, r.Name+" in "+r.File)
	}
	for _, f := range found.Faults {
		lines = append(lines, "fault: "+f.Error())
	}
	for _, n := range found.Notes {
		lines = append(lines, "note: "+n)
	}
	return lines
}

func TestSymbolicLinks(t *testing.T) {
	tree(t,
		"src/Roles/a.xml", roleNamed("a"),
		"src/Roles/b.xml", "-> ../shared/b.xml",
		"src/Roles/again.xml", "-> a.xml",
		"src/Roles/gone.xml", "-> nowhere.xml",
		"src/Roles/.#a.xml", "-> user@host.1234",
		"src/Roles/up", "-> ..",
		"src/shared/b.xml", roleNamed("b"),
		"link", "-> src",
		"roles", "-> src/shared",
		"dangling.xml", "-> nothing",
	)
	const a, b = "a in src/Roles/a.xml", "b in src/Roles/b.xml"
	folders := "note: src: symbolic links to folders are not followed; name a folder to have it read: src/Roles/up"
	gone := "note: src: symbolic links cannot be followed, and nothing was read there: src/Roles/gone.xml"
	for name, test := range map[string]struct{ paths, want []string }{
		"a tree": {[]string{"src"}, []string{a, b, folders, gone}},
		"a link to a tree": {[]string{"link", "src"}, []string{
			"a in link/Roles/a.xml", "b in link/Roles/b.xml",
			"note: link: symbolic links to folders are not followed; name a folder to have it read: link/Roles/up",
			"note: link: symbolic links cannot be followed, and nothing was read there: link/Roles/gone.xml",
			folders, gone,
		}},
		"a link to a folder": {[]string{"roles"}, []string{"b in roles/b.xml"}},
		"a file of a tree":   {[]string{"link/Roles/again.xml"}, []string{"a in link/Roles/again.xml"}},
		"a pattern":          {[]string{"link/*/[a-b].xml"}, []string{"a in link/Roles/a.xml", "b in link/Roles/b.xml"}},
		"any folders": {[]string{"**/*.xml"}, []string{
			a, b,
			"note: **/*.xml: symbolic links to folders are not followed; name a folder to have it read: link, roles, src/Roles/up",
			"note: dangling.xml: the symbolic link cannot be followed, and nothing was read there",
			"note: src/Roles/gone.xml: the symbolic link cannot be followed, and nothing was read there",
		}},
		"a dangling link": {[]string{"dangling.xml"}, []string{"fault: dangling.xml: the symbolic link cannot be followed: no such file or directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, describe(read(t, test.paths...))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnreadableFolders checks that a folder that cannot be read does not affect its siblings.
func TestUnreadableFolders(t *testing.T) {
	tree(t, "src/a/Roles/a.xml", roleNamed("a"), "src/m/Roles/m.xml", roleNamed("m"), "src/z/Roles/z.xml", roleNamed("z"))
	if err := os.Chmod("src/m", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod("src/m", 0o755) })
	if _, err := os.ReadDir("src/m"); err == nil {
		t.Skip("nothing is forbidden here")
	}
	want := []string{"a in src/a/Roles/a.xml", "z in src/z/Roles/z.xml", "fault: src/m: the folder cannot be read: permission denied"}
	for _, path := range []string{"src", "src/**/*.xml"} {
		if diff := cmp.Diff(want, describe(read(t, path))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

func TestPatterns(t *testing.T) {
	tree(t,
		"a/Roles/r.xml", roleNamed("a"), "a/Roles/.h.xml", roleNamed("h"), "a/Roles/._r.xml", "broken", "a/Roles/.#r.xml", "-> nowhere",
		"b/Roles/r.xml", roleNamed("b"), "b/Roles/bad.xml", "broken", "b/node_modules/Roles/r.xml", roleNamed("n"),
		"b/.git/Roles/r.xml", roleNamed("g"), "c[1]/Roles/r.xml", roleNamed("c"), "d.xml", "<form/>")
	h, a, b, c := "h in a/Roles/.h.xml", "a in a/Roles/r.xml", "b in b/Roles/r.xml", "c in c[1]/Roles/r.xml"
	bad := "fault: b/Roles/bad.xml:1:1: this is not XML: text outside of the root element"
	for pattern, want := range map[string][]string{
		"a/Roles/*.xml":       {a},
		"*/Roles/*.xml":       {a, b, c, bad},
		"*":                   {h, a, b, c, bad},
		"**":                  {h, a, b, c, bad},
		"**/**/r.xml":         {a, b, c},
		"**/Roles/**/r.xml":   {a, b, c},
		"a/**":                {h, a},
		"a/Roles/.*.xml":      {h, "fault: a/Roles/._r.xml:1:1: this is not XML: text outside of the root element", "note: a/Roles/.#r.xml: the symbolic link cannot be followed, and nothing was read there"},
		"**/**/**/**/**/none": {"fault: **/**/**/**/**/none: no file matches the pattern"},
		"./a//Roles/[q-s].*":  {a},
		"b/../a/*/r.xml":      {"a in b/../a/Roles/r.xml"},
		"c[1]/Roles/r.xml":    {c},
		"b/.*/Roles/r.xml":    {"g in b/.git/Roles/r.xml"},
		"a/Roles/r.xml/*":     {"fault: a/Roles/r.xml/*: no file matches the pattern"},
	} {
		if diff := cmp.Diff(want, describe(read(t, pattern))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, diff)
		}
	}
}

// TestFolderNames checks that a Roles folder is found from any working directory, and that a folder
// that a path names may have any name.
func TestFolderNames(t *testing.T) {
	tree(t, "src/Roles/a.xml", roleNamed("a"), "sec/a.xml", roleNamed("a"), "sec/b.xml", utf16le(roleNamed("b")), "sec/c.xml", "<?xml version='1.0'?><!-- <Role> -->\n<form/>",
		"sec/d.xml", "not even XML", "sec/e.xml", "<!-- x --><Role", "sec/f.xml", customizations, "sec/below/a.xml", roleNamed("a"))
	want := []string{
		"a in sec/a.xml", "b in sec/b.xml", "First in sec/f.xml", "Second & last in sec/f.xml",
		"fault: sec/e.xml:1:11: the file ends within <Role: it is truncated",
	}
	if diff := cmp.Diff(want, describe(read(t, "sec"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := describe(read(t, ".")); len(got) != 1 {
		t.Errorf("a file that no path names is read: %q", got)
	}
	t.Chdir(filepath.Join("src", "Roles"))
	if diff := cmp.Diff([]string{"a in a.xml"}, describe(read(t, "."))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWithoutRoles reads files without roles. A solution without roles is only noted. A file that no
// path names is skipped, unless it looks like a broken solution.
func TestWithoutRoles(t *testing.T) {
	const (
		pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
		fetch   = "it is a Git LFS pointer, not the file: fetch the file with git lfs pull"
		manifes = "<ImportExportXml><SolutionManifest/></ImportExportXml>"
	)
	good := zipped(t, "customizations.xml", customizations)
	broken := "this is not a .zip archive, or a broken one: zip: not a valid zip file"
	for name, test := range map[string]struct {
		file, content string
		named, found  string // what is said of the file when it is named, when it is found
	}{
		"a pointer":                   {"a.zip", pointer, "fault: a.zip: " + fetch, "note: a.zip: the archive was not read: " + fetch},
		"a pointer for XML":           {"customizations.xml", pointer, "fault: customizations.xml: " + fetch, "fault: customizations.xml: " + fetch},
		"no archive":                  {"a.zip", "hello", "fault: a.zip: " + broken, "note: a.zip: the archive was not read: " + broken},
		"no archive among roles":      {"Roles/a.zip", "hello", "fault: Roles/a.zip: " + broken, "fault: Roles/a.zip: " + broken},
		"a solution cut short":        {"a.zip", good[:len(good)-30], "fault: a.zip: " + broken, "fault: a.zip: " + broken},
		"other things":                {"a.zip", zipped(t, "readme.md", "x"), "fault: a.zip: the archive contains no security role: want a solution's or a deployment package's .zip", ""},
		"others that lead out":        {"a.zip", zipped(t, "../readme.md", "x"), `fault: a.zip: the archive is refused: its entry "../readme.md" is outside of the archive`, ""},
		"a solution that leads out":   {"a.zip", zipped(t, "../readme.md", "x", "customizations.xml", customizations), `fault: a.zip: the archive is refused: its entry "../readme.md" is outside of the archive`, `fault: a.zip: the archive is refused: its entry "../readme.md" is outside of the archive`},
		"others, encrypted":           {"a.zip", encrypted(zipped(t, "readme.md", "x")), "fault: a.zip: the archive contains no security role: want a solution's or a deployment package's .zip", ""},
		"a solution, encrypted":       {"a.zip", encrypted(good), "fault: a.zip!/customizations.xml: the entry is encrypted", "fault: a.zip!/customizations.xml: the entry is encrypted"},
		"an archive, encrypted":       {"a.zip", encrypted(zipped(t, "solution.xml", manifes, "a.zip", good)), "note: a.zip!/a.zip: the archive was not read: the entry is encrypted", "note: a.zip!/a.zip: the archive was not read: the entry is encrypted"},
		"a web resource":              {"a.zip", zipped(t, "solution.xml", manifes, "WebResources/x.zip", "x"), "note: a.zip!/WebResources/x.zip: the archive was not read: " + broken, "note: a.zip!/WebResources/x.zip: the archive was not read: " + broken},
		"a solution without roles":    {"a.zip", zipped(t, "solution.xml", manifes), "note: a.zip: it belongs to a solution and defines no security role", ""},
		"customizations without them": {"customizations.xml", "<ImportExportXml/>", "note: customizations.xml: it belongs to a solution and defines no security role", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tree(t, test.file, test.content)
			first := func(found solution.Contents) string {
				return strings.Join(describe(found)[:min(1, len(describe(found)))], "")
			}
			if diff := cmp.Diff(test.named, first(read(t, test.file))); diff != "" {
				t.Errorf("named (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.found, first(read(t, "."))); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLargeArchives checks that an archive that is too large is only noted, unless a path names it.
func TestLargeArchives(t *testing.T) {
	tree(t, "out/a.zip", zipped(t, "readme.md", "x"))
	options := solution.DefaultOptions()
	options.MaxFileSize = 10
	for path, want := range map[string]string{
		"out":       "note: out/a.zip: the archive was not read: it is larger than 0 MB when it is read, and no solution's file is",
		"out/a.zip": "fault: out/a.zip: it is larger than 0 MB when it is read, and no solution's file is",
	} {
		found, err := solution.Read(t.Context(), []string{path}, nil, options)
		if diff := cmp.Diff([]string{want}, describe(found)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", path, err, diff)
		}
	}
}

// encrypted returns an archive with the encryption flag set for all its entries.
func encrypted(archive string) string {
	b := []byte(archive)
	for header, at := range map[string]int{"PK\x03\x04": 6, "PK\x01\x02": 8} {
		for i := 0; i+at < len(b); i++ {
			if string(b[i:i+4]) == header {
				b[i+at] |= 1
			}
		}
	}
	return string(b)
}

// TestPipes reads an inherited pipe, such as that of a shell's <(command).
func TestPipes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.WriteString(role)
	w.Close()
	name := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if _, err := os.Stat(name); err != nil {
		t.Skip("open files have no names here")
	}
	if found := read(t, name); len(found.Roles) != 1 {
		t.Errorf("%+v", found)
	}
}

// TestSkippedFiles checks that files that look like roles or solutions are reported if they are not
// read.
func TestSkippedFiles(t *testing.T) {
	tree(t,
		"src/Roles/A/A.xml", roleNamed("a"),
		"src/Roles/B/notes.xml", "<notes/>",
		"src/pack.cab", "MSCF",
		"yaml/Roles/r.yml", "name: r",
	)
	write(t, "s.zip", zipped(t, "Roles/A/A.xml", roleNamed("a"), "inner.cab", "MSCF"))
	for args, want := range map[string][]string{
		"src":              {"a in src/Roles/A/A.xml", "note: src: cabinets were not read; unpack one and name its folder to have it read: src/pack.cab"},
		"s.zip":            {"a in s.zip!/Roles/A/A.xml", "note: s.zip: cabinets in the archive were not read; unpack one and name its folder to have it read: inner.cab"},
		"yaml":             {"note: yaml: roles in the YAML form of Git integration are not supported and were not read"},
		"src/pack.cab":     {"fault: src/pack.cab: a cabinet is not read: unpack it and name its folder, or name the solution's .zip"},
		"yaml/Roles/r.yml": {"fault: yaml/Roles/r.yml: roles in the YAML form of Git integration are not supported: name the solution's .zip, or the folder into which `pac solution clone` or `pac solution unpack` wrote it"},
	} {
		found, err := solution.Read(t.Context(), []string{args}, nil, solution.DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, describe(found)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
}

// TestFaultsAreOneLine uses a file name with sequences that a terminal or a CI runner would execute.
func TestFaultsAreOneLine(t *testing.T) {
	f := &solution.Fault{File: "Roles/a\n::add-mask::hello\x1b[2J.xml", Line: 1, Column: 1, Err: errors.New("no\nXML")}
	if got, want := f.Error(), `Roles/a\n::add-mask::hello\u001b[2J.xml:1:1: no\nXML`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
