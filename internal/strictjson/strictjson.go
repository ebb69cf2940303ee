// Package strictjson finds what encoding/json passes over in silence: an object
// that has two members of one name, of which the last would count.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Unique refuses data in which any object, at whatever depth, has two members of
// one name. It says nothing of data that is not JSON: whoever decodes it does.
func Unique(data []byte) error {
	const array = -1
	var open []int     // where the names of each object that has not ended begin
	var names [][]byte // as they are written
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{':
			open = append(open, len(names))
		case '[':
			open = append(open, array)
		case '}', ']':
			if len(open) == 0 {
				return nil
			}
			last := len(open) - 1
			if first := open[last]; first != array {
				if err := unique(names[first:]); err != nil {
					return err
				}
				names = names[:first]
			}
			open = open[:last]
		case '"':
			end := stringEnd(data, i)
			if len(open) > 0 && open[len(open)-1] != array && isName(data, end) {
				names = append(names, data[i:end])
			}
			i = end - 1
		}
	}
	return nil
}

func unique(names [][]byte) error {
	for i, name := range names {
		if bytes.IndexByte(name, '\\') >= 0 {
			names[i] = plain(name)
		}
	}
	if !slices.IsSortedFunc(names, bytes.Compare) {
		slices.SortFunc(names, bytes.Compare)
	}
	for i := 1; i < len(names); i++ {
		if bytes.Equal(names[i], names[i-1]) {
			return fmt.Errorf("an object has %s twice", clip(names[i]))
		}
	}
	return nil
}

// plain is a name as it would be without escapes.
func plain(name []byte) []byte {
	var text string
	if json.Unmarshal(name, &text) != nil {
		return name
	}
	return []byte(`"` + text + `"`)
}

// clip keeps a name in a message short.
func clip(name []byte) []byte {
	const longest = 80
	if len(name) > longest {
		return append(slices.Clone(name[:longest]), "…"...)
	}
	return name
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

// isName reports whether the string that ends before i is the name of a member.
func isName(data []byte, i int) bool {
	for ; i < len(data); i++ {
		switch data[i] {
		case ' ', '\n', '\r', '\t':
		default:
			return data[i] == ':'
		}
	}
	return false
}
