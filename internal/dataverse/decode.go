package dataverse

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// A page is one response of a collection.
type page struct {
	rows []json.RawMessage
	next string // @odata.nextLink, "" on the last page
	// count is @odata.count, the number of rows of the collection, or unknownCount.
	count int
}

const unknownCount = -1

// decodePage decodes a page of a collection. It accepts only a JSON object with an array of objects
// named "value", because a lenient decoder would lose rows.
func decodePage(body []byte, maxDepth int) (page, error) {
	fields, err := decodeObject(body, maxDepth)
	if err != nil {
		return page{}, err
	}
	p := page{count: unknownCount}
	found := false
	for _, f := range fields {
		switch f.Name {
		case "value":
			if p.rows, err = Elements(f.Value); err != nil {
				return page{}, fmt.Errorf(`"value": %w`, err)
			}
			found = true
		case "@odata.nextLink":
			if err := json.Unmarshal(f.Value, &p.next); err != nil || p.next == "" && string(f.Value) != "null" {
				return page{}, errors.New("@odata.nextLink is not a link")
			}
		case "@odata.count":
			if p.count, err = strconv.Atoi(string(f.Value)); err != nil {
				return page{}, errors.New("@odata.count is not a number of rows")
			}
			p.count = max(p.count, unknownCount)
		case "error":
			// If the server fails after it sent the status 200, the body contains an error.
			return page{}, errors.New("the response contains an error")
		}
	}
	if !found {
		return page{}, errors.New(`the response has no "value"`)
	}
	return p, nil
}

// decodeObject returns the members of an object. The body must be UTF-8, not nested too deeply, and
// contain only this object. No object in it may have two members with the same name.
func decodeObject(body []byte, maxDepth int) ([]Member, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, errors.New("the response is empty")
	}
	if err := checkDepth(body, maxDepth); err != nil {
		return nil, err
	}
	if !json.Valid(body) {
		return nil, errors.New("the response is not JSON, or was cut short")
	}
	if !utf8.Valid(body) {
		return nil, errors.New("the response is not UTF-8")
	}
	if err := strictjson.CheckDuplicateKeys(body); err != nil {
		return nil, fmt.Errorf("in the response %w", err)
	}
	return Members(body)
}

// checkDepth limits nesting before a parser recurses. It does not parse JSON, but it never counts too
// few levels.
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
				return fmt.Errorf("the response is nested deeper than %d levels", limit)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// An errorBody is the environment's description of an error.
type errorBody struct{ code, message string }

// decodeError decodes {"error":{"code":…,"message":…}}. It reports whether the body has this form,
// because the bodies of gateways do not.
func decodeError(body []byte) (errorBody, bool) {
	const errorDepth = 32
	fields, err := decodeObject(body, errorDepth)
	i := slices.IndexFunc(fields, func(f Member) bool { return f.Name == "error" })
	if err != nil || i < 0 {
		return errorBody{}, false
	}
	var inner struct{ Code, Message *string }
	if json.Unmarshal(fields[i].Value, &inner) != nil || inner.Code == nil && inner.Message == nil {
		return errorBody{}, false
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return Printable(*s)
	}
	return errorBody{text(inner.Code), text(inner.Message)}, true
}
