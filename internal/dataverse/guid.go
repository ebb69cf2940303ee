package dataverse

import (
	"fmt"
	"strings"
)

// GUID identifies a row, in lower case and without braces:
// 00000000-0000-0000-0000-000000000000. The zero value "" identifies nothing.
type GUID string

// ParseGUID accepts the 36-character form, in any case, and nothing else: no
// braces, no parentheses, no form without dashes.
func ParseGUID(s string) (GUID, error) {
	if len(s) != 36 {
		return "", fmt.Errorf("%q is not an id: expected the form 00000000-0000-0000-0000-000000000000", clip(s))
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return "", fmt.Errorf("%q is not an id: expected the form 00000000-0000-0000-0000-000000000000", s)
			}
		default:
			if !isHex(s[i]) {
				return "", fmt.Errorf("%q is not an id: %q is not a hexadecimal digit", s, s[i])
			}
		}
	}
	return GUID(strings.ToLower(s)), nil
}

// String gives the id as it goes on the wire.
func (g GUID) String() string { return string(g) }

// IsZero reports whether g identifies nothing, which an id of zeros only does
// not either.
func (g GUID) IsZero() bool { return g == "" || g == "00000000-0000-0000-0000-000000000000" }

// UnmarshalText reads an id strictly; null and "" become the zero value.
func (g *GUID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*g = ""
		return nil
	}
	parsed, err := ParseGUID(string(text))
	if err != nil {
		return err
	}
	*g = parsed
	return nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
