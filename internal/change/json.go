package change

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// foreign is text from the environment, in which nothing may look like a placeholder.
type foreign string

// MarshalJSON implements [json.Marshaler].
func (s foreign) MarshalJSON() ([]byte, error) {
	doc, err := json.Marshal(string(s))
	if err != nil {
		return nil, err
	}
	doc = bytes.ReplaceAll(doc, []byte("{"), []byte(`\u007b`))
	return bytes.ReplaceAll(doc, []byte("}"), []byte(`\u007d`)), nil
}

// MarshalJSON implements [json.Marshaler].
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (o object) indented() string {
	// Strings, numbers, booleans and objects of these always encode.
	doc, err := o.MarshalJSON()
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	if err := json.Indent(&b, doc, "", "  "); err != nil {
		return ""
	}
	return b.String()
}

// compact is a JSON document on one line.
func compact(body string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(body)) != nil {
		return body
	}
	return b.String()
}
