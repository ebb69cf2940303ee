// Package enum implements the methods of the enumerations in documents. An enumeration is a
// string type with the words of the document as its values. Its zero value is unknown. It
// implements MarshalText if a document may say that a value is unknown.
package enum

import (
	"cmp"
	"fmt"
)

// String returns the word of a value, which is "unknown" for the zero value.
func String[T ~string](value T) string { return cmp.Or(string(value), "unknown") }

// Parse returns the valid value with the given word. The error names the enumeration, such as
// "depth", and lists the valid words.
func Parse[T fmt.Stringer](word, enumeration string, valid []T) (T, error) {
	for _, v := range valid {
		if v.String() == word {
			return v, nil
		}
	}
	var zero T
	return zero, fmt.Errorf("unknown %s %q: want one of %v", enumeration, word, valid)
}

// Unmarshal sets a value from its word, as [Parse] does. The value is zero after an error.
func Unmarshal[T fmt.Stringer](value *T, word []byte, enumeration string, valid ...T) (err error) {
	*value, err = Parse(string(word), enumeration, valid)
	return err
}
