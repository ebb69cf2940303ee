package strictjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// ReadFormat is the format of a document of a kind, such as "snapshot", which has one of the
// formats. The error for another document says what is wrong, or what it is and which command
// reads it.
func ReadFormat(doc []byte, kind string, formats ...string) (string, error) {
	if bytes.HasPrefix(doc, []byte("\xff\xfe")) || bytes.HasPrefix(doc, []byte("\xfe\xff")) {
		return "", errors.New("the document is UTF-16, as PowerShell's > writes it; write it with -o FILE")
	}
	doc = trimmed(doc)
	if len(bytes.TrimSpace(doc)) == 0 {
		return "", errors.New("the document is empty; write it with -o FILE")
	}
	var head struct {
		Format any
		Runs   json.RawMessage // of SARIF
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	if err := d.Decode(&head); err != nil {
		return "", decodeError(doc, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("more follows after the end of the document at %s: give one document for each file", position(doc, d.InputOffset()))
	}
	format, isText := head.Format.(string)
	switch {
	case slices.Contains(formats, format):
		return format, nil
	case head.Format == nil && head.Runs != nil:
		return "", fmt.Errorf("this is a SARIF document, not a %s: keep the result with -f json", kind)
	case head.Format == nil:
		return "", fmt.Errorf(`this is not a %s of dbaudit: it has no "format"`, kind)
	case !isText:
		return "", fmt.Errorf(`this is not a %s of dbaudit: its "format" is not a string`, kind)
	}
	known := strings.Join(formats, ", ")
	is, _, _ := strings.Cut(format, "/")
	is = strings.TrimPrefix(is, "dbaudit.")
	if slices.ContainsFunc(formats, func(f string) bool { return strings.HasPrefix(f, "dbaudit."+is+"/") }) {
		return "", fmt.Errorf("the document's format %q is newer than this dbaudit supports (%s): use a newer dbaudit", printable(format), known)
	}
	if use := commandAdvice()[is]; use != "" {
		return "", fmt.Errorf("this is a %s, not a %s: %s", is, kind, use)
	}
	return "", fmt.Errorf("the document's format %q is not that of a %s of dbaudit (%s)", printable(format), kind, known)
}

// commandAdvice says which command reads each kind of document.
func commandAdvice() map[string]string {
	return map[string]string{
		"snapshot": "evaluate it with dbaudit check",
		"result":   "render it with dbaudit report",
		"plan":     "carry it out with dbaudit apply",
		"journal":  "undo it with dbaudit rollback",
	}
}

// Decode reads a document into v. Members that v does not have, that appear twice, or that
// have a value of another type are errors, and so is what follows the document.
func Decode(doc []byte, v any) error { return decode(doc, v, false) }

// DecodeLowerCase is [Decode] of a document in which names have no capital letter, except in
// the values of the free members: encoding/json takes a name in any letter case.
func DecodeLowerCase(doc []byte, v any, free ...string) error { return decode(doc, v, true, free...) }

func decode(doc []byte, v any, lower bool, free ...string) error {
	doc = trimmed(doc)
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := checkKeys(doc, lower, free); err != nil {
		return err
	}
	if err := d.Decode(v); err != nil {
		return decodeError(doc, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows the end of the document at %s", position(doc, d.InputOffset()))
	}
	return nil
}

// trimmed is a document without the byte order mark that Windows' editors write.
func trimmed(doc []byte) []byte { return bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf")) }

// decodeError is an error of the decoder with its place.
func decodeError(doc []byte, err error) error {
	var syntax *json.SyntaxError
	var other *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && syntax.Offset >= int64(len(doc)):
		return fmt.Errorf("the document ends in the middle, after %d bytes: it is truncated; write it again", len(doc))
	case syntax != nil:
		return fmt.Errorf("%s: this is not JSON: %w", position(doc, syntax.Offset-1), err)
	case errors.As(err, &other):
		return fmt.Errorf("%s: %s cannot be a JSON %s", position(doc, other.Offset), cmp.Or(other.Field, "the document"), other.Value)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("unknown key %s: the document was edited, or a later dbaudit wrote it", printable(field))
	}
	return errors.New(text.Shorten(text.Line(strings.TrimPrefix(err.Error(), "json: ")), 400))
}

// printable is a text of the document as a message has it.
func printable(s string) string { return text.ShortenMiddle(text.Line(s), 80) }

// position is a byte offset as line and column.
func position(doc []byte, offset int64) string {
	before := doc[:min(max(offset, 0), int64(len(doc)))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf("line %d, column %d", line, len(before)-bytes.LastIndexByte(before, '\n'))
}
