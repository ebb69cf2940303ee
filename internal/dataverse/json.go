package dataverse

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/tidwall/gjson"
)

// A Member is a member of a JSON object, with its value as it was sent, in the memory of the
// object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Members splits an object into its members. It is for what a [Client] gave, which is known
// to be JSON; of other text it may read a part.
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
		name, err = parseText(key)
		members = append(members, Member{name, rawValue(object, value)})
		return err == nil
	})
	return members, err
}

// Elements splits an array into its elements, each of which must be an object. As [Members],
// it is for what is known to be JSON.
func Elements(array []byte) ([]json.RawMessage, error) {
	parsed := gjson.ParseBytes(array)
	if !parsed.IsArray() {
		return nil, errors.New("is not an array")
	}
	rows := []json.RawMessage{}
	whole := true
	parsed.ForEach(func(_, row gjson.Result) bool {
		whole = row.IsObject()
		rows = append(rows, rawValue(array, row))
		return whole
	})
	if !whole {
		return nil, errors.New("contains something that is not a row")
	}
	return rows, nil
}

// rawValue is a value of a document in the document's own memory.
func rawValue(document []byte, value gjson.Result) json.RawMessage {
	end := value.Index + len(value.Raw)
	return document[value.Index:end:end]
}

// ParseText is the text of a JSON string.
func ParseText(value json.RawMessage) (string, error) { return parseText(gjson.ParseBytes(value)) }

// parseText leaves escapes to encoding/json: gjson drops what follows half a surrogate pair.
func parseText(value gjson.Result) (text string, err error) {
	if value.Type == gjson.String && !strings.Contains(value.Raw, `\`) {
		return value.Str, nil
	}
	err = json.Unmarshal([]byte(value.Raw), &text)
	return text, err
}
