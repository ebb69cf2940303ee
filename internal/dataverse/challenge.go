package dataverse

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// Challenge is what a 401 says in its WWW-Authenticate header.
type Challenge struct {
	// AuthorizationURI is where to sign in:
	// https://login.microsoftonline.com/TENANT/oauth2/authorize. It is what the
	// other side says; nobody has checked it.
	AuthorizationURI string
	// ResourceID is what the token must be for, usually the environment's origin.
	ResourceID string
	// Claims is the JSON text of a claims challenge, or "".
	Claims string
	// Insufficient reports that the token is good and its claims are not enough.
	Insufficient bool
}

// ParseChallenge reads the Bearer challenges of WWW-Authenticate headers. It is
// lenient, because services are: parameters may be quoted or bare, separated by
// commas or by spaces.
func ParseChallenge(headers ...string) Challenge {
	var c Challenge
	for _, h := range headers {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(h), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		for rest != "" {
			var name, value string
			name, value, rest = nextParameter(rest)
			switch strings.ToLower(name) {
			case "authorization_uri", "authorization":
				c.AuthorizationURI = value
			case "resource_id", "resource":
				c.ResourceID = value
			case "claims":
				c.Claims = decodeClaims(value)
			case "error":
				c.Insufficient = strings.EqualFold(value, "insufficient_claims")
			}
		}
	}
	return c
}

// nextParameter takes one name=value off the front of s.
func nextParameter(s string) (name, value, rest string) {
	s = strings.TrimLeft(s, " \t,")
	end := strings.IndexAny(s, "=, \t")
	if end < 0 {
		return s, "", ""
	}
	name, s = s[:end], strings.TrimLeft(s[end:], " \t")
	if !strings.HasPrefix(s, "=") {
		return name, "", s
	}
	s = strings.TrimLeft(s[1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		if end = strings.IndexAny(s, ", \t"); end < 0 {
			return name, s, ""
		}
		return name, s[:end], s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return name, b.String(), s[i+1:]
		case '\\':
			if i++; i == len(s) {
				return name, b.String(), ""
			}
			fallthrough
		default:
			b.WriteByte(s[i])
		}
	}
	return name, b.String(), ""
}

// decodeClaims gives the JSON of a claims challenge, which travels as base64 of
// either alphabet, with or without padding. Anything else is not a challenge.
func decodeClaims(s string) string {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	text, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || !json.Valid(text) || len(text) == 0 || text[0] != '{' {
		return ""
	}
	return string(text)
}
