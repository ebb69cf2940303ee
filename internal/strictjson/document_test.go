package strictjson

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestDecode checks that the error for each kind of fault says what is wrong and where.
func TestDecode(t *testing.T) {
	type document struct {
		Format string         `json:"format"`
		Count  int            `json:"count"`
		Free   map[string]any `json:"free"`
	}
	for name, test := range map[string]struct{ json, want string }{
		"a good one":                 {"\ufeff" + `{"format":"dbaudit.plan/v1","free":{"Any":[{"A":1.50}]}}`, ""},
		"UTF-16":                     {"\xfe\xff\x00{", "PowerShell"},
		"empty":                      {" \n", "is empty"},
		"another kind":               {`{"format":"dbaudit.snapshot/v1"}`, "this is a snapshot, not a plan: evaluate it with dbaudit check"},
		"a later format":             {`{"format":"dbaudit.plan/v2"}`, "newer than this dbaudit supports (dbaudit.plan/v1)"},
		"another program's":          {`{"format":"x"}`, `"x" is not that of a plan`},
		"a number for a format":      {`{"format":1}`, "is not a string"},
		"no format":                  {`{}`, `has no "format"`},
		"SARIF":                      {`{"runs":[]}`, "SARIF"},
		"cut short":                  {`{"format":"dbaudit.plan/v1"`, "truncated"},
		"cut after a byte":           {"{", "after 1 byte: it is truncated"},
		"no JSON":                    {"{\n  format", "line 2, column 3: this is not JSON"},
		"two documents":              {`{"format":"dbaudit.plan/v1"} {}`, "more follows after the end of the document at line 1, column 31"},
		"another type":               {`{"format":"dbaudit.plan/v1","count":"1"}`, "count cannot be a JSON string"},
		"an unknown member":          {`{"format":"dbaudit.plan/v1","cuont":1}`, `unknown key "cuont"`},
		"another letter case":        {`{"format":"dbaudit.plan/v1",` + "\n" + `"Count":1}`, `line 2, column 1: unknown key "Count"`},
		"another letter case, later": {`{"format":"dbaudit.plan/v1","free":{"A":{}},"Count":1}`, `unknown key "Count"`},
		"twice":                      {`{"format":"dbaudit.plan/v1","free":{"A":1,` + "\n" + `"A":2}}`, `an object has "A" twice, at line 2, column 1`},
	} {
		t.Run(name, func(t *testing.T) {
			var d document
			_, err := ReadFormat([]byte(test.json), "plan", "dbaudit.plan/v1")
			if err == nil {
				err = DecodeLowerCase([]byte(test.json), &d, "free")
			}
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want == "" && d.Free["Any"].([]any)[0].(map[string]any)["A"] != json.Number("1.50"):
				t.Errorf("a number is not as it was written: %v", d.Free)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%s: %v, want %q", test.json, err, test.want)
			}
		})
	}
	if err := Decode([]byte(`{"Count":1} x`), new(document)); err == nil || !strings.Contains(err.Error(), "something follows the end") {
		t.Error(err)
	}
}
