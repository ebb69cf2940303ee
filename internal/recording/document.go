package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// documentBy replaces what a document of JSON says of an environment; nil if it is not JSON. Its order,
// its numbers and its members' names stay as they are, two of one name as well.
func documentBy(n *names, data []byte) json.RawMessage {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !json.Valid(data) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out bytes.Buffer
	valueBy(n, dec, "", &out)
	return out.Bytes()
}

// valueBy copies the next value of a document, which is a member's of that name.
func valueBy(n *names, dec *json.Decoder, member string, out *bytes.Buffer) {
	token, _ := dec.Token()
	switch v := token.(type) {
	case json.Delim:
		out.WriteRune(rune(v))
		for first := true; dec.More(); first = false {
			if !first {
				out.WriteByte(',')
			}
			inner := member
			if v == '{' {
				key, _ := dec.Token()
				inner, _ = key.(string)
				write(out, inner)
				out.WriteByte(':')
			}
			valueBy(n, dec, inner, out)
		}
		end, _ := dec.Token()
		fmt.Fprint(out, end)
	case string:
		write(out, textBy(n, member, v))
	default:
		write(out, v)
	}
}

// write writes a token that was read.
func write(out *bytes.Buffer, token any) {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(token)
	out.Truncate(out.Len() - 1) // its newline
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
