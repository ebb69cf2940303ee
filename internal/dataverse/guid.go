package dataverse

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// GUID identifies a row, in lower case and without braces:
// 00000000-0000-0000-0000-000000000000. The zero value "" identifies nothing.
type GUID string

// ParseGUID accepts the 36-character form, in any case, and nothing else: no
// braces, no parentheses, no form without dashes.
func ParseGUID(s string) (GUID, error) {
	if len(s) != 36 || uuid.Validate(s) != nil {
		return "", fmt.Errorf("%q is not an id: expected the form 00000000-0000-0000-0000-000000000000", truncate(s))
	}
	return GUID(strings.ToLower(s)), nil
}

// String returns the id as it goes on the wire.
func (g GUID) String() string { return string(g) }

// IsZero reports whether g identifies nothing, as an id of zeros does.
func (g GUID) IsZero() bool { return g == "" || g == "00000000-0000-0000-0000-000000000000" }

// UnmarshalText reads an id strictly; null and "" become the zero value.
func (g *GUID) UnmarshalText(text []byte) (err error) {
	*g = ""
	if len(text) > 0 {
		*g, err = ParseGUID(string(text))
	}
	return err
}
