package simulator

import (
	"bytes"
	"encoding/json"
)

// An object is a JSON object whose members keep their order, as the Web API's do.
type object []member

type member struct {
	name  string
	value any
}

func (o object) with(name string, value any) object { return append(o, member{name, value}) }

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte("{")
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, encode(m.name)...), ':')
		b = append(b, encode(m.value)...)
	}
	return append(b, '}'), nil
}

// encode writes a value as the Web API does: without escapes for HTML, which would make names longer.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // no answer has a value that JSON cannot say
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
