package dataverse

import (
	"fmt"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// A Secret is a value that is never printed. The packages fmt, log/slog, encoding/json and others
// print "[redacted]", or "" if it is empty. Only [Secret.Reveal] returns the value.
type Secret struct {
	// A pointer, because fmt does not call methods of unexported fields. It prints an address
	// instead.
	value *string
}

// NewSecret returns a secret with this value.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal returns the value, for the code that must send it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether the value is empty.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Redact removes a secret from a text. The text may have been cut in the middle of the secret, so the
// beginning of the secret is removed too.
func Redact(text string, secret Secret) string {
	const minLength = 12 // of a beginning
	value := secret.Reveal()
	if value == "" {
		return text
	}
	head := value[:min(len(value), minLength)]
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, head)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString(redacted)
		tail := value[len(head):]
		for tail != "" && rest != "" && tail[0] == rest[0] {
			tail, rest = tail[1:], rest[1:]
		}
		text = rest
	}
}

// String returns "[redacted]", or "" if it is empty.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString keeps the value out of %#v.
func (s Secret) GoString() string { return s.String() }

// Format keeps the value out of every verb, %x and %q included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText keeps the value out of JSON, YAML and XML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue keeps the value out of structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
