package dataverse

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
)

// A Challenge is the content of a 401's WWW-Authenticate headers.
type Challenge struct {
	// AuthorizationURI is where to sign in:
	// https://login.microsoftonline.com/TENANT/oauth2/authorize. It is not verified.
	AuthorizationURI string
	// Claims is the JSON text of a claims challenge, or "".
	Claims string
	// Insufficient is set if the token is valid, but more claims are required.
	Insufficient bool
}

// ParseChallenge parses the Bearer challenges of WWW-Authenticate headers. It is lenient, because
// services differ: parameters may be quoted or not, and separated by commas or by spaces.
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

// decodeClaims decodes the JSON of a claims challenge, which is base64 of either alphabet, with or
// without padding. It returns "" for anything else.
func decodeClaims(s string) string {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	text, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || !json.Valid(text) || len(text) == 0 || text[0] != '{' {
		return ""
	}
	return string(text)
}
