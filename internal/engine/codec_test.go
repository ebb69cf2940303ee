package engine

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// TestEncodeMatchesJSON proves that a snapshot is encoded as stock OPA reads it from its file,
// whatever the codec has encoded before.
func TestEncodeMatchesJSON(t *testing.T) {
	t.Parallel()
	count, c := 0, newCodec()
	err := filepath.WalkDir(filepath.Join("..", "..", "testdata", "cases"), func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Base(name) != "snapshot.json" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		s, err := snapshot.Decode(data, nil)
		if err != nil {
			return err
		}
		want, err := ast.ValueFromReader(bytes.NewReader(data))
		if err != nil {
			return err
		}
		got, err := c.encode(reflect.ValueOf(*s))
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want.String(), got.Value.String()); diff != "" {
			t.Errorf("%s: -as opa reads it +as it is encoded\n%s", name, diff)
		}
		count++
		return nil
	})
	if err != nil || count == 0 {
		t.Errorf("%d snapshots, %v", count, err)
	}
}

// TestDecodeMatchesJSON proves that a report is decoded as by encoding/json, with errors for the same
// input.
func TestDecodeMatchesJSON(t *testing.T) {
	t.Parallel()
	for text, refused := range map[string]string{
		`{"findings": [{"control": "A", "message": "m", "subject": {"kind": "user", "id": "", "name": "n"},
			"evidence": {"n": 1, "list": ["a", null, true, {"b": 1.5}]}, "fix": {"kind": "move-user", "privileges": [{"name": "p"}]}}],
			"unknown": {"r": ["a", "b"]}, "integration": {"user": null, "granted": {"p": "basic"}, "surplus": ["x"]}}`: "",
		`{"findings": null, "notes": []}`:                       "",
		`{"finding": []}`:                                       "finding",
		`{"findings": {}}`:                                      "finding",
		`{"findings": [{"message": 1}]}`:                        "string",
		`{"findings": [{"subject": {"kind": "thing"}}]}`:        "thing",
		`{"integration": {"granted": {"p": 1}}}`:                "Depth",
		`{"integration": {"user": {"id": "", "nmae": "oops"}}}`: "nmae",
	} {
		value, err := ast.ValueFromReader(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var got, want report
		err = newCodec().decode(value, reflect.ValueOf(&got).Elem())
		dec := json.NewDecoder(strings.NewReader(text))
		dec.DisallowUnknownFields()
		dec.UseNumber()
		wantErr := dec.Decode(&want)
		if (err != nil) != (wantErr != nil) || refused != "" && (err == nil || !strings.Contains(err.Error(), refused)) {
			t.Errorf("%s: %v, encoding/json: %v", text, err, wantErr)
		}
		if diff := cmp.Diff(want, got); err == nil && diff != "" {
			t.Errorf("%s: -encoding/json +decode\n%s", text, diff)
		}
	}
}

// TestEncodePrivileges proves that each privilege is encoded with its own depths.
func TestEncodePrivileges(t *testing.T) {
	t.Parallel()
	c := newCodec()
	for _, depths := range [][]audit.Depth{
		audit.Depths(),
		{},
		{audit.DepthNone},
		{audit.DepthBasic},
		{audit.DepthGlobal},
		append(audit.Depths(), audit.DepthBasic), append(audit.Depths(), audit.DepthLocal), audit.Depths(),
	} {
		for _, id := range []string{"", "1"} {
			privilege := snapshot.Privilege{Depths: depths, ID: id}
			got, err := c.encode(reflect.ValueOf(privilege))
			if err != nil {
				t.Fatal(err)
			}
			if want := ast.MustInterfaceToValue(privilege); want.Compare(got.Value) != 0 {
				t.Errorf("%v, not %v", got, want)
			}
		}
	}
}
