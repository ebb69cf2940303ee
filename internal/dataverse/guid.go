package dataverse

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// A GUID identifies a row, in lower case and without braces: 00000000-0000-0000-0000-000000000000.
// The zero value "" identifies nothing.
type GUID string

// ParseGUID parses the form of 36 characters, in any case. It accepts no braces, no parentheses and no
// form without dashes.
func ParseGUID(s string) (GUID, error) {
	if len(s) != 36 || uuid.Validate(s) != nil {
		return "", fmt.Errorf("%q is not an id: expected the form 00000000-0000-0000-0000-000000000000", truncate(s))
	}
	return GUID(strings.ToLower(s)), nil
}

// String returns the id as requests contain it.
func (g GUID) String() string { return string(g) }

// IsZero reports whether g identifies nothing: it is empty, or only has zeros.
func (g GUID) IsZero() bool { return g == "" || g == "00000000-0000-0000-0000-000000000000" }

// UnmarshalText reads an id strictly; null and "" become the zero value.
func (g *GUID) UnmarshalText(text []byte) (err error) {
	*g = ""
	if len(text) > 0 {
		*g, err = ParseGUID(string(text))
	}
	return err
}
