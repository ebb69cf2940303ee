package source_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/profile/source"
	"github.com/dbaudit/dbaudit/policy"
)

const acme = `acme:
  title: Acme
  source: {title: Acme's page, url: "https://acme.example/page"}
  pattern: acme
  role_name: Acme
  controls:
    - {id: A-LEAD, rule: role/privileges, title: Lead, why: W, table: lead, privileges: [prvReadLead, prvWriteLead], citation: {tab: Core Records, line: "Lead - Read, write"}}
    - {id: A-VIEW, rule: role/privileges, title: View, why: W, table: savedquery, privileges: [prvReadQuery], citation: {tab: Core Records, line: "View: Read"}}
    - {id: A-USER, rule: user/exists, title: User, why: W, citation: {tab: Steps, line: "Create an application user … and assign the role"}}
    - {id: A-NOTE, rule: role/privileges, title: Note, why: W, table: annotation, privileges: [prvReadNote, prvWriteNote], citation: {tab: Note, line: "Read: Organization; Write: User"}}
    - {id: A-OWN, rule: role/exists, title: Role, why: W}
`

const page = `<!DOCTYPE html><html><head><title>Note: Read</title><style>p{}</style></head><body>
<h2>Core Records tab</h2><ul><li>Lead&nbsp;– Read,
  <b>write</b></li><li>View: Read</li></ul>
<h2>Steps</h2><p>1. Create an application user in the portal, and assign the role that you made.</p>
<h2>Note</h2><div>Read: Organization</div><div>Write: User</div>
<script>document.write("Queue - Read")</script></body></html>`

func compare(t *testing.T, text string) source.Check {
	t.Helper()
	p, err := profile.Parse("acme.yaml", []byte(acme))
	if err != nil {
		t.Fatal(err)
	}
	c, err := source.Compare(p, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// states returns the states of the cited lines, by control.
func states(c source.Check) map[string]string {
	of := map[string]string{}
	for _, l := range c.Lines {
		of[string(l.Control)] = strings.TrimSpace(string(l.State) + " " + l.Nearest)
	}
	return of
}

func TestSame(t *testing.T) {
	for name, text := range map[string]string{
		"HTML":       page,
		"plain text": "Core Records\n  • Lead - Read, write\n  • View: Read\nSteps\n1. Create an application user in the portal, and assign the role.\nNote\nRead: Organization\nWrite: User\n",
	} {
		if c := compare(t, text); !c.Same || len(c.Uncited) != 0 || len(c.Lines) != 4 {
			t.Errorf("%s: got %+v", name, c)
		}
	}
}

func TestChanges(t *testing.T) {
	for name, test := range map[string]struct {
		old, replacement string
		control, state   string
		uncited          []string
	}{
		"a right more":                  {"<b>write</b>", "write, delete", "A-LEAD", "changed Lead – Read, write, delete", nil},
		"a right less":                  {",\n  <b>write</b>", "", "A-LEAD", "changed Lead – Read", nil},
		"another name":                  {"Lead&nbsp;–", "Leads –", "A-LEAD", "changed Leads – Read, write", nil},
		"a line less":                   {"<li>View: Read</li>", "", "A-VIEW", "gone", nil},
		"a line more":                   {"<li>View: Read</li>", "<li>View: Read</li><li>Queue - Read</li>", "A-VIEW", "found", []string{"Queue - Read"}},
		"another level":                 {"Write: User", "Write: Organization", "A-NOTE", "gone", []string{"Read: Organization", "Write: Organization"}},
		"a sentence in another section": {"<h2>Steps</h2>", "<h2>Before you begin</h2>", "A-USER", "found", nil},
		"another sentence":              {"and assign the role", "and give it the role", "A-USER", "gone", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := compare(t, strings.Replace(page, test.old, test.replacement, 1))
			if got := states(c)[test.control]; got != test.state {
				t.Errorf("got %q, want %q", got, test.state)
			}
			if diff := cmp.Diff(append([]string{}, test.uncited...), c.Uncited); diff != "" {
				t.Errorf("uncited (-want +got):\n%s", diff)
			}
			if c.Same != (test.state == "found" && test.uncited == nil) {
				t.Errorf("same is %t", c.Same)
			}
		})
	}
}

// TestOtherPage checks that a page without any cited line is an error.
func TestOtherPage(t *testing.T) {
	p, err := profile.Parse("acme.yaml", []byte(acme))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"another":  "<html><body><p>Enable JavaScript to continue.</p></body></html>",
		"empty":    "",
		"a binary": "PK\x03\x04\x00\x00",
	} {
		if _, err := source.Compare(p, []byte(text)); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

// TestVendorsPages checks that each built-in profile finds its citations in a copy of its vendor's
// page, that no line is uncited, and that a line that is removed is missing.
func TestVendorsPages(t *testing.T) {
	pages, err := filepath.Glob("testdata/*.html")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, file := range pages {
		name := strings.TrimSuffix(filepath.Base(file), ".html")
		p, ok, err := profile.BuiltinNamed(policy.Files, name)
		if err != nil || !ok {
			t.Fatalf("%s: %t %v", name, ok, err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := source.Compare(p, data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !c.Same {
			t.Errorf("%s: %v, uncited %q", name, states(c), c.Uncited)
		}
		// Remove a cited line with rights.
		lines, err := source.Lines(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, control := range p.Controls {
			if control.Citation == nil || control.Rule != "role/privileges" {
				continue
			}
			i := slices.Index(lines, control.Citation.Line)
			if i < 0 || slices.Contains(lines[i+1:], lines[i]) {
				continue // several lines are cited together, or a line is in several sections
			}
			without, err := source.Compare(p, []byte(strings.Join(slices.Concat(lines[:i], lines[i+1:]), "\n")))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			missing := 0
			for _, l := range without.Lines {
				if l.State != source.Found && l.Cited != control.Citation.Line {
					t.Errorf("%s without %q: %s is %s", name, control.Citation.Line, l.Control, l.State)
				}
				if l.State != source.Found {
					missing++
				}
			}
			if missing == 0 {
				t.Errorf("%s without %q: nothing is missed", name, control.Citation.Line)
			}
			break
		}
	}
}

func TestLines(t *testing.T) {
	for name, test := range map[string]struct {
		page string
		want []string
	}{
		"cells":            {"<table><tr><td>Lead<td>Read<p>all</p></td><th>Write</table><table><td>Note</table>", []string{"Lead | Read", "all", "| Write", "Note"}},
		"a table in a row": {"<table><tr><td><table><tr><td>Lead<td>Read</table><td>Write</table>", []string{"Lead | Read", "| Write"}},
		"open elements":    {"<UL CLASS='a>b'><LI>Lead &amp; Note<LI>View<br/>User</UL>Role", []string{"Lead & Note", "View", "User", "Role"}},
		"hidden": {
			"<p>Lead<script>if (a<b) '</p>'</script><svg><title>x</title></svg><!-- <p> --></p><nav>a<nav>b</nav>c</nav><noscript><p>d</p></noscript>Note<template>",
			[]string{"Lead", "Note"},
		},
	} {
		page := []byte(test.page)
		got, err := source.Lines(page)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if string(page) != test.page {
			t.Errorf("%s: the page became %s", name, page)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(page))
	f.Add([]byte("• Lead - Read\n| a | b |"))
	f.Add([]byte("<table><tr><td>Lead<td>Read"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines, err := source.Lines(data)
		if err != nil {
			return
		}
		for _, line := range lines {
			if line == "" || strings.ContainsAny(line, "\n\r\t") {
				t.Errorf("the line %q", line)
			}
		}
	})
}
