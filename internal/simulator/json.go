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

// MarshalJSON writes the members in order.
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

// encode returns a value as JSON. Like the Web API, it does not escape characters of HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // all values of responses can be encoded
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
