package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// document replaces the ids and names in a JSON document; it returns nil if it is not JSON. The order,
// the numbers and the names of members stay, even two members of one name.
func (n *names) document(data []byte) json.RawMessage {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !json.Valid(data) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out bytes.Buffer
	n.copyValue(dec, "", &out)
	return out.Bytes()
}

// copyValue copies the next value of a document, which is that of a member.
func (n *names) copyValue(dec *json.Decoder, member string, out *bytes.Buffer) {
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
			n.copyValue(dec, inner, out)
		}
		end, _ := dec.Token()
		fmt.Fprint(out, end)
	case string:
		write(out, n.text(member, v))
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

// text replaces a member's text. A text that is not known to be the platform's is a name.
func (n *names) text(member, text string) string {
	switch lower := strings.ToLower(member); {
	case text == "":
		return text
	case strings.Contains(lower, "roletemplateid"):
		n.keep(text)
		return text
	case isGUID(text):
		return n.id(text)
	case lower == "message":
		return n.message(text)
	case lower == "orgdborgsettings":
		return regexp.MustCompile(`>[^<]*<`).ReplaceAllStringFunc(text, func(value string) string {
			if regexp.MustCompile(`^>\s*(?:true|false|-?[0-9]*)\s*<$`).MatchString(strings.ToLower(value)) {
				return value
			}
			return ">left out<"
		})
	case isStructure(member), isPrivilege(text), isPlain(text):
		return n.idsIn(text)
	case strings.Contains(lower, "@odata."):
		return n.link(text)
	}
	return n.name(text)
}
