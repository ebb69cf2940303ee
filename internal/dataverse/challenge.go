package dataverse

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
)

// Challenge is what a 401 says in its WWW-Authenticate header.
type Challenge struct {
	// AuthorizationURI is where to sign in:
	// https://login.microsoftonline.com/TENANT/oauth2/authorize. The server states it; it is
	// not verified.
	AuthorizationURI string
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
		// A quoted value may contain separators, and quotes after a backslash.
		parameter := regexp.MustCompile(`([^=,\s]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^,\s]*))`)
		for _, m := range parameter.FindAllStringSubmatch(rest, -1) {
			value := m[3] + regexp.MustCompile(`\\(.)`).ReplaceAllString(m[2], "$1")
			switch strings.ToLower(m[1]) {
			case "authorization_uri", "authorization":
				c.AuthorizationURI = value
			case "claims":
				c.Claims = decodeClaims(value)
			case "error":
				c.Insufficient = strings.EqualFold(value, "insufficient_claims")
			}
		}
	}
	return c
}

// decodeClaims decodes the JSON of a claims challenge: base64 of either alphabet, with or
// without padding. Anything else is not a challenge.
func decodeClaims(s string) string {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	text, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || !json.Valid(text) || len(text) == 0 || text[0] != '{' {
		return ""
	}
	return string(text)
}
