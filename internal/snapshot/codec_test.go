package snapshot_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/policy"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

func TestDecodeReturnsWhatWasEncoded(t *testing.T) {
	want := sample(t)
	data := encode(t, want)
	got := decode(t, data, nil)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if again := encode(t, got); !bytes.Equal(data, again) {
		t.Errorf("encoded again it differs:\n%s", cmp.Diff(string(data), string(again)))
	}
}

func TestEncodeWritesEmptyLists(t *testing.T) {
	s := snapshot.New()
	s.Scope, s.Source = snapshot.ScopeIntegration, snapshot.SourceSolution
	s.Users["user"] = snapshot.User{}
	s.Teams["team"] = snapshot.Team{}
	s.Views["view"] = snapshot.View{}
	s.Privileges["prvNone"] = snapshot.Privilege{}
	s.Shares["user"] = map[string]snapshot.Share{"view": {}}
	seal(t, s)
	data := encode(t, s)
	if bytes.Contains(data, []byte("null")) {
		t.Errorf("a list is null:\n%s", data)
	}
	decode(t, data, nil)
}

// canonical prints JSON as jq -S does, independently of the package.
func canonical(v any, indent string) string {
	inner := indent + "  "
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return "{}"
		}
		var members []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			members = append(members, inner+canonical(key, "")+": "+canonical(v[key], inner))
		}
		return "{\n" + strings.Join(members, ",\n") + "\n" + indent + "}"
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		var items []string
		for _, item := range v {
			items = append(items, inner+canonical(item, inner))
		}
		return "[\n" + strings.Join(items, ",\n") + "\n" + indent + "]"
	case string:
		var b strings.Builder
		for _, r := range v {
			switch escape := map[rune]string{
				'"': `\"`, '\\': `\\`, '\n': `\n`, '\t': `\t`, '\r': `\r`, '\b': `\b`, '\f': `\f`,
			}[r]; {
			case escape != "":
				b.WriteString(escape)
			case r < ' ' || r == 0x7f:
				fmt.Fprintf(&b, `\u%04x`, r)
			default:
				b.WriteRune(r)
			}
		}
		return `"` + b.String() + `"`
	default:
		return fmt.Sprint(v)
	}
}

func TestDigestOfSortedDocument(t *testing.T) {
	s := sample(t)
	dec := json.NewDecoder(bytes.NewReader(encode(t, s)))
	dec.UseNumber()
	var document map[string]any
	if err := dec.Decode(&document); err != nil {
		t.Fatal(err)
	}
	delete(document, "digest")
	want := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(canonical(document, "")+"\n")))
	if s.Digest != want {
		t.Errorf("digest is %s, want %s", s.Digest, want)
	}
}

func TestDigestMatchesJQ(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("there is no jq")
	}
	s := sample(t)
	data := encode(t, s)
	run := func(args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), jq, args...)
		cmd.Stdin = bytes.NewReader(data)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if sorted := run("-S", "."); !bytes.Equal(data, sorted) {
		t.Errorf("the file is not as jq -S prints it:\n%s", cmp.Diff(string(sorted), string(data)))
	}
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(run("-S", "del(.digest)"))); s.Digest != want {
		t.Errorf("digest is %s, want %s", s.Digest, want)
	}
}

func TestDigestIgnoresOrder(t *testing.T) {
	a, b := sample(t), sample(t)
	clone := map[string]snapshot.Role{}
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(b.Roles))) {
		clone[id] = b.Roles[id]
	}
	b.Roles = clone
	seal(t, b)
	if a.Digest != b.Digest {
		t.Error("equal snapshots have different digests")
	}
	b.Organization.Name = "another"
	seal(t, b)
	if a.Digest == b.Digest {
		t.Error("different snapshots have one digest")
	}
}

// reformatted returns a snapshot in other formats with the same content.
func reformatted(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	var compact, deep bytes.Buffer
	if err := errors.Join(json.Compact(&compact, data), json.Indent(&deep, data, "", "\t")); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"compact":          compact.Bytes(),
		"tabs":             deep.Bytes(),
		"CRLF":             bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n")),
		"byte order mark":  append([]byte("\ufeff"), data...),
		"no final newline": bytes.TrimSuffix(data, []byte("\n")),
		"blank lines":      append([]byte("\n\n"), append(data, "\n\n"...)...),
		"escaped":          bytes.ReplaceAll(data, []byte("é"), []byte(`\u00e9`)),
	}
}

func TestDecodeReformatted(t *testing.T) {
	want := sample(t)
	for name, data := range reformatted(t, encode(t, want)) {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, decode(t, data, nil)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if diff := cmp.Diff(want.Slice(pattern), decode(t, data, asTaken(pattern))); diff != "" {
				t.Errorf("the slice: -want +got\n%s", diff)
			}
		})
	}
}

func selectors() map[string]snapshot.Selector {
	return map[string]snapshot.Selector{"whole": nil, "slice": asTaken(pattern)}
}

func TestDecodeTruncated(t *testing.T) {
	data := encode(t, small(t))
	for name, selector := range selectors() {
		// A file without its final newline is complete.
		for n := range len(data) - 1 {
			if _, err := snapshot.Decode(data[:n], selector); err == nil {
				t.Errorf("%s: the first %d of %d bytes are accepted", name, n, len(data))
			}
		}
	}
}

func TestDecodeChangedBytes(t *testing.T) {
	data := encode(t, small(t))
	for name, selector := range selectors() {
		want := decode(t, data, selector)
		for i := range data {
			for _, other := range []byte(" x\"") {
				changed := bytes.Clone(data)
				changed[i] = other
				got, err := snapshot.Decode(changed, selector)
				if err != nil {
					continue
				}
				// A change of white space does not change the content.
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%s: byte %d as %q gives another snapshot\n%s", name, i, other, diff)
				}
			}
		}
	}
}

func TestDecodeRefusesTampering(t *testing.T) {
	data := encode(t, sample(t))
	for _, change := range [][2]string{
		{`"prvReadAccount": "global"`, `"prvReadAccount": "basic"`},
		{`"disabled": false`, `"disabled": true`},
		{`"name": "Jane"`, `"name": "Joan"`},
		{`"deleted": true,`, `"deleted": false,`},
		{`"digest": "sha256:`, `"digest": "sha256:0`},
		{`"digest": "sha256:`, `"digest": "`},
	} {
		tampered := bytes.Replace(data, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(tampered, data) {
			t.Fatalf("%s is not in the sample", change[0])
		}
		for name, selector := range selectors() {
			_, err := snapshot.Decode(tampered, selector)
			if err == nil || !strings.Contains(err.Error(), "was changed since it was taken") {
				t.Errorf("%s, %s: error is %v", name, change[1], err)
			}
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	data := string(encode(t, sample(t)))
	with := func(old, replacement string) string {
		t.Helper()
		if !strings.Contains(data, old) {
			t.Fatalf("%s is not in the sample", old)
		}
		return strings.Replace(data, old, replacement, 1)
	}
	tests := []struct{ name, data, want string }{
		{"empty", "", "the document is empty"},
		{"white space", " \n ", "the document is empty"},
		{"HTML", "<!DOCTYPE html>", "line 1, column 1: this is not JSON: invalid character '<'"},
		{"cut short", data[:200], "ends in the middle, after 200 bytes: it is truncated"},
		{"not closed", strings.TrimSuffix(data, "}\n"), "it is truncated"},
		{"a broken line", with(`"licensed": true,`, `"licensed": true;`), "invalid character ';' after object key:value pair"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "the document is UTF-16"},
		{"null", "null", `this is not a snapshot of dbaudit: it has no "format"`},
		{"array", "[]", "the document cannot be a JSON array"},
		{"number", "1", "the document cannot be a JSON number"},
		{"foreign", `{"$schema": "https://json-schema.org"}`, `this is not a snapshot of dbaudit: it has no "format"`},
		{"foreign format", `{"format": 1}`, `its "format" is not a string`},
		{"result", `{"format": "dbaudit.result/v1"}`, "this is a result, not a snapshot: render it with dbaudit report"},
		{"later format", with(snapshot.Format, "dbaudit.snapshot/v2"), `"dbaudit.snapshot/v2" is newer than this dbaudit supports (dbaudit.snapshot/v1)`},
		{"trailing garbage", data + "x", "more follows after the end of the document at line"},
		{"two documents", data + data, "more follows after the end of the document at line"},
		{"unknown field", with(`"managed": false`, `"managd": false`), `unknown key "managd"`},
		{"unknown member", with(`"tool": {`, `"extra": 1, "tool": {`), `unknown key "extra"`},
		{"a field twice", with(`"disabled": false,`, `"disabled": true, "disabled": false,`), `the snapshot is broken: an object has "disabled" twice`},
		{"a privilege twice", with(`"prvReadLead": "basic"`, `"prvReadLead": "global", "prvReadLead": "basic"`), `an object has "prvReadLead" twice`},
		{"a user twice", with("\n  \"users\": {\n", "\n  \"users\": {\n"+firstMember(t, data, "users")), "twice"},
		{"a section twice", with(`"scope": `, `"users": {}, "scope": `), `an object has "users" twice`},
		{"wrong type", with(`"customizable": true`, `"customizable": "yes"`), "line " + line(data, `"customizable"`) + ", column 28: roles.customizable cannot be a JSON string"},
		{"unknown depth", with(`"global"`, `"organization"`), `unknown depth "organization": want one of [basic local deep global]`},
		{"depth none", with(`"prvReadLead": "basic"`, `"prvReadLead": "none"`), `unknown depth "none"`},
		{"unknown state", with(`"state": "collected"`, `"state": "unknown"`), `unknown state "unknown"`},
		{"unknown right", with(`"append-to"`, `"own"`), `unknown right "own"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, selector := range selectors() {
				for _, data := range []string{tt.data, resealed(tt.data)} {
					_, err := snapshot.Decode([]byte(data), selector)
					if err == nil || !strings.Contains(err.Error(), tt.want) {
						t.Errorf("%s: error is\n%v, want\n%s", name, err, tt.want)
					}
				}
			}
		})
	}
}

// firstMember returns the text of the first member of a top-level object.
func firstMember(t *testing.T, data, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(data, "\n  \""+name+"\": {\n")
	first, _, closed := strings.Cut(rest, "\n    }")
	if !ok || !closed {
		t.Fatalf("%s has no members", name)
	}
	return first + "\n    },\n"
}

// line returns the number of the first line that contains a text.
func line(data, text string) string {
	before, _, _ := strings.Cut(data, text)
	return strconv.Itoa(1 + strings.Count(before, "\n"))
}

// resealed returns a document with its digest recomputed.
func resealed(data string) string {
	before, rest, ok := strings.Cut(data, "  \"digest\": \"")
	_, after, closed := strings.Cut(rest, "\n")
	if !ok || !closed {
		return data
	}
	return fmt.Sprintf("%s  \"digest\": \"sha256:%x\",\n%s", before, sha256.Sum256([]byte(before+after)), after)
}

func TestDecodeHostileKeys(t *testing.T) {
	s := sample(t)
	s.Roles[hostile] = snapshot.Role{Name: "Demandbase", RootID: hostile}
	s.Teams[hostile] = snapshot.Team{Name: "Team"}
	user := s.Users["user"]
	user.Teams = []string{"team", hostile}
	s.Users["user"] = user
	seal(t, s)
	got := decode(t, encode(t, s), asTaken(pattern))
	if diff := cmp.Diff(s.Slice(pattern), got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if len(got.RolePrivileges[hostile]) != 1 || len(got.Shares[hostile]) != 1 {
		t.Error("members with hostile keys are missing from the slice")
	}
}

func TestDecodeForAnotherRequirement(t *testing.T) {
	data := encode(t, sample(t))
	requirement := snapshot.Requirement{User: "JANE@contoso.com", Role: "my demandbase ROLE", Profile: "demandbase"}
	refused := errors.New("no profile of that name")
	selectorFor := func(r snapshot.Requirement, err error) snapshot.Selector {
		return func(s *snapshot.Snapshot) (snapshot.Requirement, string, error) {
			if s.Environment.Name != "contoso" {
				t.Error("the selector is called before the snapshot is read")
			}
			return r, pattern, err
		}
	}
	for layout, data := range map[string][]byte{"as written": data, "reformatted": bytes.TrimSuffix(data, []byte("\n"))} {
		t.Run(layout, func(t *testing.T) {
			got := decode(t, data, selectorFor(requirement, nil))
			if got.Requirement.Role != requirement.Role || got.Requirement.Views == nil || got.Requirement.Depth == nil {
				t.Errorf("requirement is %+v", got.Requirement)
			}
			if _, ok := got.RolePrivileges["named"]; !ok {
				t.Error("the privileges of the required role are missing")
			}
			if _, ok := got.Shares["jane"]; !ok {
				t.Error("the shares of the required user are missing")
			}
		})
		if _, err := snapshot.Decode(data, selectorFor(requirement, refused)); !errors.Is(err, refused) {
			t.Errorf("%s: error is %v, want the selector's", layout, err)
		}
	}
	if requirement.Views != nil {
		t.Error("the caller's requirement was changed")
	}
}

func TestEncodedSnapshotsFitTheSchema(t *testing.T) {
	schema, err := schematest.Compile(policy.Files, "schema/snapshot.json")
	if err != nil {
		t.Fatal(err)
	}
	parse := func(data []byte) any {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return document
	}
	empty := snapshot.New()
	empty.Scope, empty.Source = snapshot.ScopeIntegration, snapshot.SourceSolution
	seal(t, empty)
	for _, s := range []*snapshot.Snapshot{sample(t), empty} {
		if err := schema.Validate(parse(encode(t, s))); err != nil {
			t.Error(err)
		}
	}
	// The schema is as strict as the decoder.
	for _, change := range [][2]string{
		{`"managed": false`, `"managd": false`},
		{`"customizable": true`, `"customizable": "yes"`},
		{`"prvReadLead": "basic"`, `"prvReadLead": "none"`},
		{`"state": "forbidden"`, `"state": "refused"`},
		{`"append-to"`, `"own"`},
		{`"taken_at": "2026-11-02T08:00:00Z"`, `"taken_at": "yesterday"`},
	} {
		data := string(encode(t, sample(t)))
		if err := schema.Validate(parse([]byte(strings.Replace(data, change[0], change[1], 1)))); err == nil {
			t.Errorf("%s fits the schema", change[1])
		}
	}
}

func FuzzDecode(f *testing.F) {
	data := encode(f, small(f))
	f.Add(data)
	f.Add(encode(f, sample(f)))
	f.Add([]byte(`{"format": "dbaudit.snapshot/v1"}`))
	f.Add([]byte(resealed(strings.Replace(string(data), "basic", "deep", 1))))
	f.Add(bytes.ReplaceAll(data, []byte("\n"), nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = snapshot.Decode(data, asTaken(pattern))
		s, err := snapshot.Decode([]byte(resealed(string(data))), nil)
		if err != nil {
			return
		}
		// An accepted snapshot is read as it was written.
		if err := s.Seal(); err != nil {
			t.Skip("not consistent")
		}
		written, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		whole, err := snapshot.Decode(written, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, whole); diff != "" {
			t.Fatalf("written and read\n%s", diff)
		}
		// Decoding a slice gives the same as slicing the whole.
		part, err := snapshot.Decode(written, asTaken(pattern))
		if inconsistent := whole.Check(pattern); (err == nil) != (inconsistent == nil) {
			t.Fatalf("the slice is %v, the whole %v", err, inconsistent)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(whole.Slice(pattern), part); diff != "" {
			t.Fatalf("whole and slice\n%s", diff)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data := encode(b, environment(b, 300))
	for name, selector := range selectors() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				decode(b, data, selector)
			}
		})
	}
}

// TestDecodeMissingMembers checks that a document without a scope, a source or a state is refused
// although its digest is right.
func TestDecodeMissingMembers(t *testing.T) {
	t.Parallel()
	whole := snapshot.New()
	whole.Scope, whole.Source = snapshot.ScopeIntegration, snapshot.SourceEnvironment
	whole.Coverage[snapshot.SectionUsers] = snapshot.Coverage{State: snapshot.StateFailed, Detail: "cut"}
	seal(t, whole)
	data := string(encode(t, whole))
	for _, tt := range []struct{ line, want string }{
		{"\n  \"scope\": \"integration\",", "its scope is missing"},
		{"\n  \"source\": \"environment\",", "its source is missing"},
		{",\n      \"state\": \"failed\"", `its state of the section "users" is missing`},
	} {
		lacking := strings.Replace(data, tt.line, "", 1)
		if lacking == data {
			t.Fatalf("there is no %q in\n%s", tt.line, data)
		}
		if _, err := snapshot.Decode([]byte(resealed(lacking)), nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}
