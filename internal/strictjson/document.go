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

// ReadFormat returns the format of a document of the given kind, such as "snapshot", which must
// be one of the given formats. Otherwise the error says what is wrong with the document, or of
// what kind it is and which command reads it.
func ReadFormat(doc []byte, kind string, formats ...string) (string, error) {
	if bytes.HasPrefix(doc, []byte("\xff\xfe")) || bytes.HasPrefix(doc, []byte("\xfe\xff")) {
		return "", errors.New("the document is UTF-16, as PowerShell's > writes it; write it with -o FILE")
	}
	doc = trimByteOrderMark(doc)
	if len(bytes.TrimSpace(doc)) == 0 {
		return "", errors.New("the document is empty; write it with -o FILE")
	}
	var head struct {
		Format any
		Runs   json.RawMessage // every SARIF document has it
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
	supported := strings.Join(formats, ", ")
	actualKind, _, _ := strings.Cut(format, "/")
	actualKind = strings.TrimPrefix(actualKind, "dbaudit.")
	if slices.ContainsFunc(formats, func(f string) bool { return strings.HasPrefix(f, "dbaudit."+actualKind+"/") }) {
		return "", fmt.Errorf("the document's format %q is newer than this dbaudit supports (%s): use a newer dbaudit", printable(format), supported)
	}
	advice := map[string]string{ // which command reads the document
		"snapshot": "evaluate it with dbaudit check",
		"result":   "render it with dbaudit report",
		"plan":     "carry it out with dbaudit apply",
		"journal":  "undo it with dbaudit rollback",
	}[actualKind]
	if advice != "" {
		return "", fmt.Errorf("this is a %s, not a %s: %s", actualKind, kind, advice)
	}
	return "", fmt.Errorf("the document's format %q is not that of a %s of dbaudit (%s)", printable(format), kind, supported)
}

// Decode decodes a document into v. Keys that v does not have, keys that appear twice, values of
// another type, and data after the document are errors.
func Decode(doc []byte, v any) error { return decode(doc, v, false) }

// DecodeLowerCase decodes a document like [Decode] and refuses keys with capital letters, except
// within the values of the anyCase keys. encoding/json alone ignores the letter case.
func DecodeLowerCase(doc []byte, v any, anyCase ...string) error {
	return decode(doc, v, true, anyCase...)
}

func decode(doc []byte, v any, lowerCase bool, anyCase ...string) error {
	doc = trimByteOrderMark(doc)
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := checkKeys(doc, lowerCase, anyCase); err != nil {
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

// trimByteOrderMark removes the byte order mark that editors on Windows write.
func trimByteOrderMark(doc []byte) []byte { return bytes.TrimPrefix(doc, []byte("\ufeff")) }

// decodeError adds the position to an error of the decoder, and says what to do.
func decodeError(doc []byte, err error) error {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && syntax.Offset >= int64(len(doc)):
		return fmt.Errorf("the document ends in the middle, after %s: it is truncated; write it again", text.Count(len(doc), "byte"))
	case syntax != nil:
		return fmt.Errorf("%s: this is not JSON: %w", position(doc, syntax.Offset-1), err)
	case errors.As(err, &wrongType):
		return fmt.Errorf("%s: %s cannot be a JSON %s", position(doc, wrongType.Offset), cmp.Or(wrongType.Field, "the document"), wrongType.Value)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("unknown key %s: the document was edited, or a later dbaudit wrote it", printable(field))
	}
	return errors.New(text.Shorten(text.Line(strings.TrimPrefix(err.Error(), "json: ")), 400))
}

// printable shortens a text of the document and makes it safe for a message.
func printable(s string) string { return text.ShortenMiddle(text.Line(s), 80) }

// position formats a byte offset as line and column.
func position(doc []byte, offset int64) string {
	before := doc[:min(max(offset, 0), int64(len(doc)))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf("line %d, column %d", line, len(before)-bytes.LastIndexByte(before, '\n'))
}
