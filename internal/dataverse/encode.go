package dataverse

import (
	"fmt"
	"strings"
)

// quote returns an OData text literal, in which quotes are doubled.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// nameError returns an error unless name is a name of the schema, or a path of such names. Escaping
// would not be safe, because servers decode %2C and %2F before they parse.
func nameError(what, name string) error {
	for part := range strings.SplitSeq(name, "/") {
		if !isName(part) {
			return fmt.Errorf("%s %q is not a name of the Web API", what, truncate(name))
		}
	}
	return nil
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// escape percent-encodes every byte that is not safe.
func escape(s string, safe func(byte) bool) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; safe(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// isQueryChar reports whether a byte is not escaped in a query: the unreserved characters of RFC
// 3986, the quote of a literal, and characters that delimit nothing in a query and are easier to
// read unescaped. The semicolon is escaped, because some servers split parameters at it.
func isQueryChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~'$,()/:@=", c) >= 0
}

// truncate shortens a foreign text for an error message.
func truncate(s string) string {
	const limit = 200
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
