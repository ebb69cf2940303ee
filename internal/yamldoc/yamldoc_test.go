package yamldoc_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/yamldoc"
)

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ data, want string }{
		"duplicate key":          {"a: 1\nb: 2\na: 3\n", `f.yaml:3:1: the key "a" appears twice, first in line 1`},
		"nested duplicate":       {"a:\n  - {b: 1, b: 2}\n", `f.yaml:2:12: the key "b" appears twice`},
		"second document":        {"a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document begins here"},
		"no YAML":                {"a: [1\nb: 2\n", "this is not YAML"},
		"tab":                    {"a:\n\tb: 1\n", "this is not YAML"},
		"alias":                  {"a: &x 1\nb: *x\n", "f.yaml:2:4: aliases"},
		"merge key":              {"a: 1\n<<: {b: 2}\n", "f.yaml:2:1: merge keys"},
		"key that is not a word": {"? [1]\n: 2\n", "a key must be a plain word"},
		"nested without end":     {strings.Repeat("[", 200) + strings.Repeat("]", 200), "nested too deeply"},
		"number of other base":   {"a: 0x1F\n", "not a decimal number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := yamldoc.Parse("f.yaml", []byte(test.data))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q in it", err, test.want)
			}
			var fault *yamldoc.Fault
			if !errors.As(err, &fault) || fault.Line < 1 || fault.Column < 1 {
				t.Errorf("no place: %#v", err)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	schema := tree(`{
		"type": "object", "additionalProperties": false,
		"properties": {"a": {"enum": ["x", "y"]}, "list": {"type": "array", "items": {
			"type": "object", "additionalProperties": false, "required": ["n"], "properties": {"n": {"type": "boolean"}}}}}
	}`)
	doc, err := yamldoc.Parse("f.yaml", []byte("a: z\nlist:\n  - {n: true}\n  - {n: one}\n  - {m: 1}\nb: 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	err = doc.Validate(schema, "s.json")
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	want := []string{
		"f.yaml:1:4: a: value must be one of",
		"f.yaml:4:9: list.1.n:",
		`f.yaml:5:5: list.2: missing property 'n'`,
		`f.yaml:5:6: unknown key "m" in list.2`,
		`f.yaml:6:1: unknown key "b"`,
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d faults, want %d:\n%v", len(lines), len(want), err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("fault %d is %q, want %q", i, lines[i], want[i])
		}
	}
}

// TestHostileShapes checks that a megabyte of any shape is read or refused within seconds, with a
// short list of faults.
func TestHostileShapes(t *testing.T) {
	schema := tree(`{
		"type": "object", "additionalProperties": false,
		"properties": {"a": {"type": "object", "additionalProperties": {"type": "boolean"}},
			"list": {"type": "array", "items": {"type": "object", "additionalProperties": false, "properties": {"n": {"type": "boolean"}}}}}
	}`)
	many := func(head, line string) string {
		var b strings.Builder
		b.WriteString(head)
		for i := 0; b.Len() < 1<<20-100; i++ {
			fmt.Fprintf(&b, line, i)
		}
		return b.String()
	}
	few := func(head, line string, n int) string {
		b := head
		for i := range n {
			b += fmt.Sprintf(line, i)
		}
		return b
	}
	for name, data := range map[string]string{
		"unknown keys":        many("", "k%d: x\n"),
		"as many as may be":   few("", "k%d: x\n", 10_000),
		"values":              many("a:\n", "  k%d: x\n"),
		"as many values":      few("a:\n", "  k%d: x\n", 10_000),
		"items":               many("list:\n", "  - {m%d: x}\n"),
		"items on a line":     many("list: [", "{m%d: x}, "),
		"wrong items":         many("list:\n", "  - x%d\n"),
		"brackets":            many("a: ", "[%[1]*[1]d"),
		"braces":              many("a: ", "{x%d: "),
		"dashes":              many("a:\n  ", "- %[1]*[1]d"),
		"questions":           many("", "? a%d\n"),
		"comments":            many("", "# %d\n"),
		"one long word":       "a: " + strings.Repeat("x", 1<<20-10),
		"a long quoted word":  `a: "` + strings.Repeat(`\n`, 1<<19-10) + `"`,
		"anchors":             many("list:\n", "  - &x%d 1\n"),
		"documents":           many("", "--- %d\n"),
		"line breaks":         strings.Repeat("\n", 1<<20),
		"spaces without end":  "a:" + strings.Repeat(" ", 1<<20),
		"colons":              strings.Repeat("a: ", 1<<18),
		"keys without values": many("", "k%d:\n"),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			doc, err := yamldoc.Parse("f.yaml", []byte(data))
			if err == nil {
				err = doc.Validate(schema, "s.json")
			}
			if err == nil {
				var into struct {
					A    map[string]int   `yaml:"a"`
					List []map[string]any `yaml:"list"`
				}
				_, err = yamldoc.Read("f.yaml", []byte(data), schema, "s.json", &into)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			if err != nil && strings.Count(err.Error(), "\n") > 20 {
				t.Errorf("the error has %d lines", strings.Count(err.Error(), "\n"))
			}
			t.Logf("%s: %.100v", time.Since(began), err)
		})
	}
}

// TestMaxFaults checks that an error lists the first twenty faults, in the order of their
// positions, and the number of the others.
func TestMaxFaults(t *testing.T) {
	schema := tree(`{"type": "object", "additionalProperties": false}`)
	doc, err := yamldoc.Parse("f.yaml", []byte(strings.Join(keys(1000), "")))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(doc.Validate(schema, "s.json").Error(), "\n")
	if len(lines) != 21 || lines[0] != `f.yaml:1:1: unknown key "k0"` || lines[19] != `f.yaml:20:1: unknown key "k19"` || lines[20] != "f.yaml: and 980 more" {
		t.Errorf("%d lines: %s", len(lines), strings.Join(lines, "\n"))
	}
}

func keys(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("k%d: x\n", i)
	}
	return lines
}

func TestValue(t *testing.T) {
	doc, err := yamldoc.Parse("f.yaml", []byte("name: no\nnumber: 10\nquoted: \"010\"\nnothing:\nyes: [true, 1.5]\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := doc.Value().(map[string]any)
	if got["quoted"] != "010" || got["nothing"] != nil || len(got["yes"].([]any)) != 2 {
		t.Errorf("got %#v", got)
	}
}

func TestRead(t *testing.T) {
	var into struct {
		Number int `yaml:"number"`
	}
	anything, numbers := tree("{}"), tree(`{"properties": {"number": {"type": "string"}}}`)
	if doc, err := yamldoc.Read("f.yaml", []byte("number: 10\n"), anything, "s.json", &into); err != nil || into.Number != 10 || !doc.Has("number") {
		t.Errorf("%+v, %v", into, err)
	}
	if _, err := yamldoc.Read("f.yaml", []byte("number: 10\nquoted: x\n"), anything, "s.json", &into); err == nil || !strings.Contains(err.Error(), "quoted") {
		t.Errorf("a key without a field was accepted: %v", err)
	}
	if _, err := yamldoc.Read("f.yaml", []byte("number: 10\n"), numbers, "s.json", &into); err == nil || !strings.Contains(err.Error(), "f.yaml:1:9") {
		t.Errorf("what the schema refuses: %v", err)
	}
	for _, data := range []string{"", "# nothing\n"} {
		if doc, err := yamldoc.Read("f.yaml", []byte(data), anything, "s.json", &into); err != nil || doc.Has() {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func TestPositions(t *testing.T) {
	doc, err := yamldoc.Parse("f.yaml", []byte("a:\n  b:\n    - x\n    - y\n"))
	if err != nil {
		t.Fatal(err)
	}
	type place struct{ line, column int }
	at := func(f *yamldoc.Fault) place { return place{f.Line, f.Column} }
	for _, test := range []struct {
		path []string
		want place
		has  bool
	}{
		{[]string{"a"}, place{2, 3}, true},
		{[]string{"a", "b", "1"}, place{4, 7}, true},
		{[]string{"a", "b", "7"}, place{3, 5}, false},
		{[]string{"z"}, place{1, 1}, false},
		{nil, place{1, 1}, true},
	} {
		if got := at(doc.FaultAt("", test.path...)); got != test.want {
			t.Errorf("%v is at %v, want %v", test.path, got, test.want)
		}
		if doc.Has(test.path...) != test.has {
			t.Errorf("Has(%v) is %t", test.path, !test.has)
		}
	}
	if diff := cmp.Diff(place{2, 3}, at(doc.FaultAtKey("", "a", "b")), cmp.AllowUnexported(place{})); diff != "" {
		t.Error(diff)
	}
}

func tree(text string) fs.FS {
	return fstest.MapFS{"s.json": &fstest.MapFile{Data: []byte(text)}}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a: 1\n", "a: [1, {b: c}]\n", "a: &x [*x]\n", "? {}\n: 1\n", "---\n---\n", "a: !!binary x\n", "\ufeffa: 1\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		doc, err := yamldoc.Parse("f.yaml", data)
		if err != nil {
			return
		}
		_ = doc.Value()
		_ = doc.FaultAt("", "a", "0", "b")
	})
}
