// Package enum has the methods' bodies of the enumerations in documents. An enumeration is a
// string type: its values are the words of the document, and its zero value is unknown. It has a
// MarshalText if a document may say that a value is unknown.
package enum

import (
	"cmp"
	"fmt"
)

// String is the word of a value.
func String[T ~string](value T) string { return cmp.Or(string(value), "unknown") }

// Parse finds the value of a word among the valid ones. The error says what the word is.
func Parse[T fmt.Stringer](word, what string, valid []T) (T, error) {
	for _, v := range valid {
		if v.String() == word {
			return v, nil
		}
	}
	var zero T
	return zero, fmt.Errorf("unknown %s %q: want one of %v", what, word, valid)
}

// Unmarshal parses the word of a document into a value, which stays zero if the word is not valid.
func Unmarshal[T fmt.Stringer](value *T, word []byte, what string, valid ...T) (err error) {
	*value, err = Parse(string(word), what, valid)
	return err
}
