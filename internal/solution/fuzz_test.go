package solution_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/solution"
)

// FuzzXML checks that the scanner reads the same entries as encoding/xml from each document that
// encoding/xml accepts, unless the document has a document type or exceeds a limit.
func FuzzXML(f *testing.F) {
	for _, seed := range []string{
		role, customizations, "\ufeff" + role, strings.ReplaceAll(role, "\n", "\r\n"), role[:300],
		`<Role name="x"><![CDATA[ <RolePrivileges> ]]></Role>`,
		`<Role name="x"><!-- a --><?pi b?><RolePrivileges><RolePrivilege name='&#x41;' level="Basic"/></RolePrivileges></Role>`,
		`<a><Roles><x:Role name="r"><x:RolePrivileges></x:RolePrivileges></x:Role><Role name="s"/></Roles><!-- <RolePrivilege <RolePrivilege --></a>`,
		`<Role name="x"><RolePrivileges><RolePrivilege name="&lt;yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" level="Basic"/><RolePrivilege/><RolePrivilege/></RolePrivileges></Role>`,
		`<!DOCTYPE Role [<!ENTITY a "b">]><Role name="&a;"/>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var found solution.Contents
		checkMemory(t, len(data), func() { found = input(t, data) })
		if len(found.Faults) > 0 && len(found.Roles) > 0 {
			t.Error("roles of a file with a fault are judged")
		}
		for _, r := range found.Roles {
			if r.Position.Line < 1 || r.Position.Column < 1 || r.Name == "" {
				t.Errorf("no place or no name: %+v", r)
			}
		}
		names, ok := standardDecode(data)
		if !ok || bytes.HasPrefix(data, []byte("\xfe\xff")) || bytes.HasPrefix(data, []byte("\xff\xfe")) {
			return
		}
		if len(found.Faults) > 0 {
			fault := found.Faults[0].Error()
			isExpected := slices.ContainsFunc([]string{
				"more than", "longer than", "two RolePrivileges", "encoding", "contains no definition", "unexpected text after", ".zip",
			}, func(reason string) bool { return strings.Contains(fault, reason) })
			if !isExpected {
				t.Errorf("%q is XML, and is refused: %s", data, fault)
			}
			return
		}
		var got []string
		for _, r := range found.Roles {
			for _, e := range r.Entries {
				got = append(got, e.Name)
			}
		}
		// encoding/xml does not normalize white space in values.
		spaces := strings.NewReplacer("\r", " ", "\n", " ", "\t", " ")
		if spaces.Replace(strings.Join(got, "\x00")) != spaces.Replace(strings.Join(names, "\x00")) {
			t.Errorf("%q: got %q, the library reads %q", data, got, names)
		}
	})
}

// checkMemory checks that reading a number of bytes takes memory in proportion to them. More memory
// would also mean more than linear time.
func checkMemory(t *testing.T, size int, read func()) {
	t.Helper()
	const (
		once = 1 << 20
		each = 200 // an empty role takes 16 bytes to write and some hundred to keep
	)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read()
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(once+each*size) {
		t.Errorf("%d bytes took %d bytes of memory", size, took)
	}
}

// input reads data as standard input.
func input(t *testing.T, data []byte) solution.Contents {
	t.Helper()
	found, err := solution.Read(t.Context(), []string{solution.Stdin}, bytes.NewReader(data), solution.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// standardDecode reads the names of entries with encoding/xml. It returns false for a document that
// cannot be compared, such as one that is not well-formed.
func standardDecode(data []byte) (names []string, ok bool) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) || bytes.ContainsFunc(data, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff }) {
		return nil, false // comments and instructions with such are taken
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("not compared") }
	var path []string
	roots, role := 0, -1
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return names, roots == 1
		}
		if err != nil {
			return nil, false
		}
		switch e := token.(type) {
		case xml.Directive:
			return nil, false
		case xml.ProcInst:
			if e.Target == "xml" && d.InputOffset() != int64(len("<?xml ")+len(e.Inst)+len("?>")) {
				return nil, false
			}
		case xml.CharData:
			if len(path) == 0 && len(bytes.Trim(e, " \t\r\n")) > 0 {
				return nil, false
			}
			if len(path) == 0 && len(e) > 0 && bytes.Contains(data, []byte("CDATA")) {
				return nil, false
			}
		case xml.StartElement:
			seen := map[string]bool{}
			attributes := map[string]string{}
			for _, a := range e.Attr {
				key := a.Name.Space + ":" + a.Name.Local
				if seen[key] || strings.Contains(a.Value, "<") {
					return nil, false // the library takes these
				}
				seen[key] = true
				if a.Name.Space != "" {
					return nil, false // prefixes are matched another way
				}
				lower := strings.ToLower(a.Name.Local)
				if _, ok := attributes[lower]; !ok {
					attributes[lower] = a.Value
				}
			}
			if e.Name.Space != "" {
				return nil, false
			}
			if len(path) == 0 {
				roots++
			}
			defines := e.Name.Local == "Role" && attributes["name"] != "" && (len(path) == 0 || path[len(path)-1] == "Roles")
			switch {
			case role < 0 && defines:
				role = len(path)
			case role >= 0 && e.Name.Local == "RolePrivilege" && len(path) == role+2 && path[role+1] == "RolePrivileges":
				names = append(names, attributes["name"])
			}
			path = append(path, e.Name.Local)
		case xml.EndElement:
			path = path[:len(path)-1]
			if len(path) == role {
				role = -1
			}
		}
	}
}

// FuzzArchive reads archives with small limits.
func FuzzArchive(f *testing.F) {
	const signature = "PK\x03\x04"
	solutionZip := zipped(f, "solution.xml", "<ImportExportXml><SolutionManifest><Managed>1</Managed></SolutionManifest></ImportExportXml>", "customizations.xml", customizations)
	for _, seed := range []string{
		signature, solutionZip, encrypted(solutionZip), solutionZip[:len(solutionZip)-30],
		zipped(f, `Roles\r.xml`, role, `Other\Solution.xml`, "<ImportExportXml/>", "../x", ""),
		zipped(f, "a/a.zip", solutionZip, "WebResources/b.zip", "b", "c.zip", zipped(f, "d.zip", solutionZip)),
		zipped(f, "customizations.xml", "<a>"+strings.Repeat(" ", 1<<17)+"</a>", "Roles/a.xml", strings.Repeat(" ", 1<<15)),
	} {
		f.Add([]byte(strings.TrimPrefix(seed, signature)))
	}
	options := solution.Options{MaxFileSize: 1 << 16, MaxArchiveSize: 1 << 18, MaxEntries: 50, MaxNesting: 2, MaxRoles: 50, MaxPrivileges: 5000}
	f.Fuzz(func(t *testing.T, data []byte) {
		var found solution.Contents
		checkMemory(t, len(data)+int(options.MaxArchiveSize), func() {
			var err error
			found, err = solution.Read(t.Context(), []string{solution.Stdin}, strings.NewReader(signature+string(data)), options)
			if err != nil && !strings.Contains(err.Error(), "lint fewer") {
				t.Fatal(err)
			}
			if err != nil {
				found.Faults = []*solution.Fault{{File: solution.Stdin, Err: err}}
			}
		})
		if len(found.Roles) == 0 && len(found.Faults) == 0 && len(found.Notes) == 0 {
			t.Error("neither roles nor a fault nor a note")
		}
		for _, fault := range found.Faults {
			if fault.File == "" || fault.Err == nil {
				t.Errorf("a fault without a file or a cause: %+v", fault)
			}
		}
	})
}
