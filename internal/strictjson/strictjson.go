// Package strictjson reads JSON documents strictly. Duplicate and unknown keys, which encoding/json
// accepts, are errors with a position.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// CheckDuplicateKeys returns an error if an object, at any depth, has two members with the same key.
// It does not check that the data is valid JSON: the decoder does.
func CheckDuplicateKeys(data []byte) error { return checkKeys(data, false, nil) }

// A container is an open array or object.
type container struct {
	isArray  bool
	firstKey int  // index of the object's first key
	anyCase  bool // whether keys in it may have capital letters
}

// A key is the key of an object's member, as it is written with its quotes.
type key struct {
	text   []byte
	offset int
}

// checkKeys checks that no key appears twice in an object and, if lowerCase is set, that no key
// has a capital letter outside the values of the anyCase keys.
func checkKeys(data []byte, lowerCase bool, anyCase []string) error {
	var outer []container
	var keys []key // of all open objects
	current := container{isArray: true}
	valueAnyCase := false // whether the last key is one of anyCase
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '{', '[':
			outer = append(outer, current)
			current = container{data[i] == '[', len(keys), current.anyCase || valueAnyCase && !current.isArray}
		case '}', ']':
			if len(outer) == 0 {
				return nil
			}
			if err := checkDistinct(data, keys[current.firstKey:]); err != nil {
				return err
			}
			keys = keys[:current.firstKey]
			current, outer = outer[len(outer)-1], outer[:len(outer)-1]
		case '"':
			end := stringEnd(data, i)
			if !current.isArray && isKey(data, end) {
				text := data[i:end]
				if lowerCase && !current.anyCase && !bytes.Equal(text, bytes.ToLower(text)) {
					return fmt.Errorf("%s: unknown key %s", position(data, int64(i)), printable(string(text)))
				}
				valueAnyCase = lowerCase && slices.Contains(anyCase, string(text[1:len(text)-1]))
				keys = append(keys, key{text, i})
			}
			i = end - 1
		}
	}
	return nil
}

func checkDistinct(data []byte, keys []key) error {
	for i, k := range keys {
		if bytes.IndexByte(k.text, '\\') >= 0 {
			keys[i].text = unescape(k.text)
		}
	}
	order := func(a, b key) int { return bytes.Compare(a.text, b.text) }
	if !slices.IsSortedFunc(keys, order) {
		slices.SortStableFunc(keys, order)
	}
	for i := 1; i < len(keys); i++ {
		if bytes.Equal(keys[i].text, keys[i-1].text) {
			return fmt.Errorf("an object has %s twice, at %s", printable(string(keys[i].text)), position(data, int64(keys[i].offset)))
		}
	}
	return nil
}

// unescape replaces the escapes in a quoted string.
func unescape(quoted []byte) []byte {
	var unescaped string
	if json.Unmarshal(quoted, &unescaped) != nil {
		return quoted
	}
	return []byte(`"` + unescaped + `"`)
}

// stringEnd returns the index after the string that begins at i.
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

// isKey reports whether the string that ends before i is a key.
func isKey(data []byte, i int) bool {
	for ; i < len(data); i++ {
		if strings.IndexByte(" \n\r\t", data[i]) < 0 {
			return data[i] == ':'
		}
	}
	return false
}
