package dataverse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// page is one answer of a collection.
type page struct {
	rows []json.RawMessage
	next string // @odata.nextLink, "" on the last page
	// count is @odata.count, how many rows the collection has, and unknown where
	// the answer does not say.
	count int
}

const unknown = -1

// decodePage reads an answer of a collection. It is strict: what is not exactly
// one JSON object with one array of objects named "value" is refused, since a
// lenient reading is how rows get lost.
func decodePage(body []byte, maxDepth int) (page, error) {
	fields, err := decodeObject(body, maxDepth)
	if err != nil {
		return page{}, err
	}
	p := page{count: unknown}
	found := false
	for _, f := range fields {
		switch f.name {
		case "value":
			if p.rows, err = elements(f.value); err != nil {
				return page{}, fmt.Errorf(`"value": %w`, err)
			}
			found = true
		case "@odata.nextLink":
			if err := json.Unmarshal(f.value, &p.next); err != nil || p.next == "" {
				return page{}, errors.New("@odata.nextLink is not a link")
			}
		case "@odata.count":
			if p.count, err = strconv.Atoi(string(f.value)); err != nil {
				return page{}, errors.New("@odata.count is not a number of rows")
			}
			p.count = max(p.count, unknown)
		case "error":
			// A stream that fails midway says so in the body of its 200.
			return page{}, errors.New("the answer turned into an error")
		}
	}
	if !found {
		return page{}, errors.New(`the answer has no "value"`)
	}
	return p, nil
}

// field is one member of an object, with its raw value.
type field struct {
	name  string
	value json.RawMessage
}

// decodeObject checks the whole of body (one object, UTF-8, not too deep,
// nothing behind it) and gives its members. An object at any depth that has two
// members of one name is refused.
func decodeObject(body []byte, maxDepth int) ([]field, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, errors.New("the answer is empty")
	}
	if err := checkDepth(body, maxDepth); err != nil {
		return nil, err
	}
	if !json.Valid(body) {
		return nil, errors.New("the answer is not JSON, or was cut short")
	}
	if !utf8.Valid(body) {
		return nil, errors.New("the answer is not UTF-8")
	}
	if err := strictjson.Unique(body); err != nil {
		return nil, fmt.Errorf("in the answer %w", err)
	}
	return members(body)
}

// checkDepth bounds nesting before any parser recurses into it. It need not
// understand JSON: it only must not undercount.
func checkDepth(body []byte, limit int) error {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return fmt.Errorf("the answer is nested deeper than %d levels", limit)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// members splits an object into its members. The text must be valid JSON.
func members(object []byte) ([]field, error) {
	i := skipSpace(object, 0)
	if object[i] != '{' {
		return nil, errors.New("the response is JSON, but not an object")
	}
	var fields []field
	for i = skipSpace(object, i+1); object[i] != '}'; i = skipSpace(object, i) {
		if object[i] == ',' {
			i = skipSpace(object, i+1)
		}
		end := skipValue(object, i)
		var name string
		if err := json.Unmarshal(object[i:end], &name); err != nil {
			return nil, fmt.Errorf("the name of a member: %w", err)
		}
		i = skipSpace(object, skipSpace(object, end)+1) // over the colon
		end = skipValue(object, i)
		fields = append(fields, field{name, object[i:end:end]})
		i = end
	}
	return fields, nil
}

// elements splits an array into its elements, each of which must be an object.
// The text must be valid JSON.
func elements(array []byte) ([]json.RawMessage, error) {
	i := skipSpace(array, 0)
	if array[i] != '[' {
		return nil, errors.New("is not an array")
	}
	rows := []json.RawMessage{}
	for i = skipSpace(array, i+1); array[i] != ']'; i = skipSpace(array, i) {
		if array[i] == ',' {
			i = skipSpace(array, i+1)
		}
		if array[i] != '{' {
			return nil, errors.New("contains something that is not a row")
		}
		end := skipValue(array, i)
		rows = append(rows, json.RawMessage(array[i:end:end]))
		i = end
	}
	return rows, nil
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipValue gives the index behind the value that begins at i.
func skipValue(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // closes what contains a bare literal
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// said is what the environment says went wrong.
type said struct{ code, message string }

// decodeError reads {"error":{"code":…,"message":…}}. Gateways answer with
// other things; the second result reports whether it was the Web API.
func decodeError(body []byte) (said, bool) {
	const errorDepth = 32
	fields, err := decodeObject(body, errorDepth)
	if err != nil {
		return said{}, false
	}
	for _, f := range fields {
		if f.name != "error" {
			continue
		}
		var inner struct {
			Code    *string `json:"code"`
			Message *string `json:"message"`
		}
		if err := json.Unmarshal(f.value, &inner); err != nil || inner.Code == nil && inner.Message == nil {
			return said{}, false
		}
		var s said
		if inner.Code != nil {
			s.code = Printable(*inner.Code)
		}
		if inner.Message != nil {
			s.message = Printable(*inner.Message)
		}
		return s, true
	}
	return said{}, false
}
