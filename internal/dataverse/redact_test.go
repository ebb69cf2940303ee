package dataverse

import (
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	token := NewSecret("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9." + strings.Repeat("payload", 300) + ".signature")
	value := token.Reveal()
	for _, test := range []struct{ name, text, want string }{
		{"none", "nothing to hide", "nothing to hide"},
		{"whole", "the token " + value + " is refused", "the token [redacted] is refused"},
		{"twice", value + value, "[redacted][redacted]"},
		{"cut short", "the token " + value[:900] + "…", "the token [redacted]…"},
		{"cut to almost nothing", "the token " + value[:12], "the token [redacted]"},
		{"another of the same form", value[:50] + "another", "[redacted]" + "another"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Redact(test.text, token); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	if got := Redact("pin 1234, pin 12", NewSecret("1234")); got != "pin [redacted], pin 12" {
		t.Errorf("a short secret: %q", got)
	}
	if got := Redact("text", Secret{}); got != "text" {
		t.Errorf("no secret: %q", got)
	}
}
