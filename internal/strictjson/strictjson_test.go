package strictjson

import (
	"strings"
	"testing"
)

func TestCheckDuplicateKeys(t *testing.T) {
	for name, test := range map[string]struct{ json, want string }{
		"none":                     {`{}`, ""},
		"one object after another": {`[{"a":1},{"a":2}]`, ""},
		"inside and outside":       {`{"a":{"a":1},"b":{"a":[{"a":1}]}}`, ""},
		"a value like a name":      {`{"a":"b","b":"a","c":["a","a"]}`, ""},
		"another case":             {`{"a":1,"A":2}`, ""},
		"braces in a string":       {`{"a":"}{\"a\":1","b":"\\"}`, ""},
		"at the top":               {`{"a":1,"a":1}`, `an object has "a" twice`},
		"not side by side":         {`{"b":1,"a":1,"c":1,"b":2}`, `has "b" twice`},
		"in a row":                 {`{"value":[{"isdisabled":true,"isdisabled":false}]}`, `has "isdisabled" twice`},
		"after an inner object":    {`{"a":{"b":1},"a":2}`, `has "a" twice`},
		"far down":                 {`[[{"x":[{"y":{"z":1, "z" : 2}}]}]]`, `has "z" twice`},
		"by an escape":             {`{"a":1,"\u0061":2}`, `has "a" twice`},
		"both by escapes":          {`{"\u00e9":1,"é":2}`, `twice`},
		"a slash":                  {`{"a/b":1,"a\/b":2}`, `twice`},
		"what HTML escapes":        {`{"a<b":1,"a\u003cb":2}`, `twice`},
		"a long name":              {`{"` + strings.Repeat("x", 200) + `":1,"` + strings.Repeat("x", 200) + `":1}`, "…"},
		"no JSON":                  {`}]{"a":1,"a":2`, ""},
		"cut in a string":          {`{"a":1,"a`, ""},
		"cut behind a backslash":   {`{"a\`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckDuplicateKeys([]byte(test.json))
			switch {
			case test.want == "" && err != nil:
				t.Errorf("%s: %v", test.json, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%s: %v, want %q", test.json, err, test.want)
			}
		})
	}
}

func BenchmarkCheckDuplicateKeys(b *testing.B) {
	row := `{"roleid":"11111111-1111-4111-8111-111111111111","name":"A role \"of\" ours","isinherited":1,"iscustomizable":{"CanBeChanged":true,"Value":true}},`
	data := []byte(`{"value":[` + strings.Repeat(row, 70_000) + `{}]}`)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := CheckDuplicateKeys(data); err != nil {
			b.Fatal(err)
		}
	}
}
