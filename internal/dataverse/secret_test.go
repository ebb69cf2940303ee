package dataverse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	type holder struct {
		Shown  Secret
		hidden Secret
		token  Token
		ptr    *Secret
	}
	s := NewSecret("s3cr3t-value")
	h := holder{s, s, Token{Value: s}, &s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		for _, v := range []any{s, &s, h, &h, []any{h}, map[string]any{"a": h}} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	for _, v := range []any{s, h, []Secret{s}, map[string]Secret{"a": s}} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", v)
	}
	// %x of the value would be its bytes in hexadecimal.
	for _, trace := range []string{"s3cr3t", fmt.Sprintf("%x", "s3cr3t"), fmt.Sprintf("%X", "s3cr3t")} {
		if strings.Contains(out.String(), trace) {
			t.Errorf("%q is shown in\n%s", trace, out.String())
		}
	}
	if s.Reveal() != "s3cr3t-value" || s.String() != "[redacted]" || (Secret{}).String() != "" || !(Secret{}).IsZero() || !NewSecret("").IsZero() {
		t.Error("a secret must give its value, and say whether it has one")
	}
}

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
