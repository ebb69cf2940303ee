// Package strictjson reads JSON documents strictly: what encoding/json ignores is an error
// with a position.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// CheckDuplicateKeys refuses data in which an object, at whatever depth, has two members of one name. It
// does not check that the data is JSON: the decoder does.
func CheckDuplicateKeys(data []byte) error { return checkKeys(data, false, nil) }

// A container is an array or an object that has not ended.
type container struct {
	array    bool
	firstKey int  // of the names, where those of the object begin
	anyCase  bool // whether the names in it may have any letter case
}

// A key is the name of an object's member, as it is written.
type key struct {
	name   []byte
	offset int
}

// checkKeys checks the names of all members: that none appears twice in an object and, if
// lower is set, that none has a capital letter outside the values of the free members.
func checkKeys(data []byte, lower bool, free []string) error {
	var open []container
	var names []key
	inside := container{array: true} // the innermost container
	freed := false                   // whether the last name of an object is a free one
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			open = append(open, inside)
			inside = container{data[i] == '[', len(names), inside.anyCase || freed && !inside.array}
		case '}', ']':
			if len(open) == 0 {
				return nil
			}
			if err := checkDistinct(data, names[inside.firstKey:]); err != nil {
				return err
			}
			names = names[:inside.firstKey]
			inside, open = open[len(open)-1], open[:len(open)-1]
		case '"':
			end := stringEnd(data, i)
			if !inside.array && isKey(data, end) {
				name := data[i:end]
				if lower && !inside.anyCase && !bytes.Equal(name, bytes.ToLower(name)) {
					return fmt.Errorf("%s: unknown key %s", position(data, int64(i)), printable(string(name)))
				}
				freed = lower && slices.Contains(free, string(name[1:len(name)-1]))
				names = append(names, key{name, i})
			}
			i = end - 1
		}
	}
	return nil
}

func checkDistinct(data []byte, names []key) error {
	for i, m := range names {
		if bytes.IndexByte(m.name, '\\') >= 0 {
			names[i].name = unescape(m.name)
		}
	}
	order := func(a, b key) int { return bytes.Compare(a.name, b.name) }
	if !slices.IsSortedFunc(names, order) {
		slices.SortStableFunc(names, order)
	}
	for i := 1; i < len(names); i++ {
		if bytes.Equal(names[i].name, names[i-1].name) {
			return fmt.Errorf("an object has %s twice, at %s", printable(string(names[i].name)), position(data, int64(names[i].offset)))
		}
	}
	return nil
}

// unescape is a name as it would be without escapes.
func unescape(name []byte) []byte {
	var unescaped string
	if json.Unmarshal(name, &unescaped) != nil {
		return name
	}
	return []byte(`"` + unescaped + `"`)
}

// stringEnd gives the index behind the string that begins at i.
func stringEnd(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// isKey reports whether the string that ends before i is the name of a member.
func isKey(data []byte, i int) bool {
	for ; i < len(data); i++ {
		if strings.IndexByte(" \n\r\t", data[i]) < 0 {
			return data[i] == ':'
		}
	}
	return false
}
