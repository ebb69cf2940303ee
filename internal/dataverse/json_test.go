package dataverse

import (
	"bytes"
	"testing"
)

// TestMembersAreNotCopied: a member's value is the part of the object's memory where it was
// sent, whatever blanks surround it.
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
