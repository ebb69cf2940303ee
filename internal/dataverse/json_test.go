package dataverse

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// A member's value shares the memory of the object, whatever white space surrounds it.
func TestMembersAreNotCopied(t *testing.T) {
	t.Parallel()
	object := []byte("\r\n {\"a\" : [ {\"b\":1} ,\t{} ] , \"c\":\"d\\\"\",\"e\":null}\n")
	members, err := Members(object)
	if err != nil || len(members) != 3 {
		t.Fatalf("got %v, %v", members, err)
	}
	rows, err := Elements(members[0].Value)
	if err != nil || len(rows) != 2 {
		t.Fatalf("got %s, %v", rows, err)
	}
	for _, test := range []struct {
		got  []byte
		want string
	}{
		{members[0].Value, "[ {\"b\":1} ,\t{} ]"},
		{rows[0], `{"b":1}`},
		{rows[1], `{}`},
		{members[1].Value, `"d\""`},
		{members[2].Value, "null"},
	} {
		at := bytes.Index(object, []byte(test.want))
		if string(test.got) != test.want || &test.got[0] != &object[at] {
			t.Errorf("got %q, want %q from byte %d on", test.got, test.want, at)
		}
	}
}

// FuzzText compares ParseText and Members with encoding/json.
func FuzzText(f *testing.F) {
	for _, s := range []string{`"a"`, `"a\"b\\"`, `"\ud83d\ude00"`, `"\ud800\u0041"`, `"\udc00x"`, `null`, ` "a" `, `1`, `{"a":"b"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) || !utf8.Valid(data) {
			return
		}
		var want string
		wrong := json.Unmarshal(data, &want)
		if got, err := ParseText(data); (err == nil) != (wrong == nil) || got != want {
			t.Fatalf("%s: %q, %v, want %q, %v", data, got, err, want, wrong)
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(data, &object) != nil || object == nil {
			return
		}
		members, err := Members(data)
		for _, m := range members {
			if !json.Valid(m.Value) || object[m.Name] == nil {
				t.Fatalf("%s: %q has %s", data, m.Name, m.Value)
			}
		}
		if err != nil || len(members) < len(object) {
			t.Fatalf("%s: %d of %d members, %v", data, len(members), len(object), err)
		}
	})
}

func TestMembersKeepTheSource(t *testing.T) {
	got, err := Members([]byte(` {"a" : {"b":"}\\\""} , "c":[1, 2],"d":-1.5e3 ,"e":true}`))
	want := []Member{{"a", json.RawMessage(`{"b":"}\\\""}`)}, {"c", json.RawMessage(`[1, 2]`)}, {"d", json.RawMessage(`-1.5e3`)}, {"e", json.RawMessage(`true`)}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s, %v", got, err)
	}
}
