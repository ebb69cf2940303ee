package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// documentBy replaces what a document of JSON says of an environment. Its order, its
// numbers and its members' names stay as they are, two of one name as well.
func documentBy(n *names, data []byte) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	dec.UseNumber()
	var out bytes.Buffer
	if err := valueBy(n, dec, "", &out); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the document")
	}
	return out.Bytes(), nil
}

// valueBy copies the next value of a document, which is a member's of that name.
func valueBy(n *names, dec *json.Decoder, member string, out *bytes.Buffer) error {
	token, err := dec.Token()
	if err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	switch v := token.(type) {
	case json.Delim:
		out.WriteRune(rune(v))
		for first := true; dec.More(); first = false {
			if !first {
				out.WriteByte(',')
			}
			inner := member
			if v == '{' {
				key, err := dec.Token()
				if err != nil {
					return fmt.Errorf("the body is not JSON: %w", err)
				}
				inner, _ = key.(string)
				if err := write(out, inner); err != nil {
					return err
				}
				out.WriteByte(':')
			}
			if err := valueBy(n, dec, inner, out); err != nil {
				return err
			}
		}
		end, err := dec.Token()
		if err != nil {
			return fmt.Errorf("the body is not JSON: %w", err)
		}
		fmt.Fprint(out, end)
		return nil
	case string:
		return write(out, textBy(n, member, v))
	default:
		return write(out, v)
	}
}

func write(out *bytes.Buffer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("writing the recording: %w", err)
	}
	out.Truncate(out.Len() - 1) // its newline
	return nil
}

// textBy replaces a member's text. A text that is not known to be the platform's is a name.
func textBy(n *names, member, text string) string {
	switch lower := strings.ToLower(member); {
	case text == "":
		return text
	case strings.Contains(lower, "roletemplateid"):
		n.keep(text)
		return text
	case isGUID(text):
		return n.id(text)
	case lower == "message":
		return messageBy(n, text)
	case lower == "orgdborgsettings":
		return regexp.MustCompile(`>[^<]*<`).ReplaceAllStringFunc(text, func(value string) string {
			if regexp.MustCompile(`^>\s*(?:true|false|-?[0-9]*)\s*<$`).MatchString(strings.ToLower(value)) {
				return value
			}
			return ">left out<"
		})
	case isStructure(member), isPrivilege(text), isPlain(text):
		return idsBy(n, text)
	case strings.Contains(lower, "@odata."):
		return linkBy(n, text)
	}
	return n.name(text)
}
