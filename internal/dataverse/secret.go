package dataverse

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a value that no printer shows: fmt, log/slog, encoding/json and
// anything that asks for text get "[redacted]" (or "" where it is empty).
// [Secret.Reveal] is the one way to the value.
type Secret struct {
	// A pointer, because fmt calls no methods on what it finds in unexported
	// fields: there it prints an address instead.
	value *string
}

// NewSecret hides value.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal gives the value, for the one place that must send it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no value at all.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// String gives "[redacted]", or "" where there is nothing to hide.
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
