package dataverse

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/tidwall/gjson"
)

// A Member is a member of a JSON object. Its value has the bytes that were sent, and shares the
// memory of the object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Members splits an object into its members. The object must be valid JSON, as a [Client] returns it.
func Members(object []byte) ([]Member, error) {
	parsed := gjson.ParseBytes(object)
	if !parsed.IsObject() {
		return nil, errors.New("the response is JSON, but not an object")
	}
	const usual = 8
	members := make([]Member, 0, usual)
	var err error
	parsed.ForEach(func(key, value gjson.Result) bool {
		var name string
		name, err = textOf(key)
		members = append(members, Member{name, rawValue(object, value)})
		return err == nil
	})
	return members, err
}

// Elements splits an array into its elements, each of which must be an object. The array must be
// valid JSON, as a [Client] returns it.
func Elements(array []byte) ([]json.RawMessage, error) {
	parsed := gjson.ParseBytes(array)
	if !parsed.IsArray() {
		return nil, errors.New("is not an array")
	}
	rows := []json.RawMessage{}
	onlyObjects := true
	parsed.ForEach(func(_, row gjson.Result) bool {
		onlyObjects = row.IsObject()
		rows = append(rows, rawValue(array, row))
		return onlyObjects
	})
	if !onlyObjects {
		return nil, errors.New("contains something that is not a row")
	}
	return rows, nil
}

// rawValue returns a value of a document without copying it.
func rawValue(document []byte, value gjson.Result) json.RawMessage {
	end := value.Index + len(value.Raw)
	return document[value.Index:end:end]
}

// ParseText returns the text of a JSON string.
func ParseText(value json.RawMessage) (string, error) { return textOf(gjson.ParseBytes(value)) }

// textOf returns the text of a JSON string. It leaves escapes to encoding/json, because gjson drops
// the text after half a surrogate pair.
func textOf(value gjson.Result) (text string, err error) {
	if value.Type == gjson.String && !strings.Contains(value.Raw, `\`) {
		return value.Str, nil
	}
	err = json.Unmarshal([]byte(value.Raw), &text)
	return text, err
}
