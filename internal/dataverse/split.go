package dataverse

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// A Member is a member of a JSON object, with its value as it was sent.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Members splits an object into its members, without copying their values. It is for what a
// [Client] gave, which is known to be JSON; of other text it may read a part.
func Members(object []byte) ([]Member, error) {
	s := splitter{text: object}
	if !s.skip('{') {
		return nil, errors.New("the response is JSON, but not an object")
	}
	var members []Member
	for !s.skip('}') {
		s.skip(',')
		name, err := Text(s.value())
		if err != nil || !s.skip(':') {
			return nil, errors.New("the response is not JSON")
		}
		members = append(members, Member{name, s.value()})
	}
	return members, nil
}

// Elements splits an array into its elements, each of which must be an object. As [Members],
// it is for what is known to be JSON.
func Elements(array []byte) ([]json.RawMessage, error) {
	s := splitter{text: array}
	if !s.skip('[') {
		return nil, errors.New("is not an array")
	}
	rows := []json.RawMessage{}
	for !s.skip(']') {
		s.skip(',')
		if s.next() != '{' {
			return nil, errors.New("contains something that is not a row")
		}
		rows = append(rows, s.value())
	}
	return rows, nil
}

// Text is the text of a JSON string.
func Text(value json.RawMessage) (text string, err error) {
	if end := len(value) - 1; end > 0 && value[0] == '"' && bytes.IndexByte(value[1:], '"') == end-1 &&
		bytes.IndexByte(value, '\\') < 0 && utf8.Valid(value) {
		return string(value[1:end]), nil // as nearly all are
	}
	err = json.Unmarshal(value, &text)
	return text, err
}

// A splitter walks over JSON.
type splitter struct {
	text []byte
	at   int
}

// next is the next byte that is not a space, 0 at the end.
func (s *splitter) next() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\n', '\r', '\t':
		default:
			return c
		}
	}
	return 0
}

// skip goes over a byte, if it is next.
func (s *splitter) skip(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

// value goes over the next value.
func (s *splitter) value() json.RawMessage {
	s.next()
	start, depth, inString := s.at, 0, false
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case inString && c == '\\':
			s.at++
			continue
		case c == '"':
			inString = !inString
		case inString:
			continue
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case depth == 0 && (c == ',' || c == ':' || c <= ' '):
			depth = -1 // behind a number or a word
		default:
			continue
		}
		if depth < 0 {
			break
		}
		if depth == 0 && !inString {
			s.at++
			break
		}
	}
	return s.text[start:min(s.at, len(s.text)):min(s.at, len(s.text))]
}
