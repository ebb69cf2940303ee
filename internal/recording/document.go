package recording

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// anonymizeDocument returns a JSON document with its ids and names replaced, or nil if it is not JSON. It keeps
// the order, the numbers and the names of members, even if two members have the same name.
func (a *anonymizer) anonymizeDocument(data []byte) json.RawMessage {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !json.Valid(data) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out bytes.Buffer
	a.copyValue(dec, "", &out)
	return out.Bytes()
}

// copyValue copies the next value of a document to out. member is the name of the member that contains it.
func (a *anonymizer) copyValue(dec *json.Decoder, member string, out *bytes.Buffer) {
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
				writeToken(out, inner)
				out.WriteByte(':')
			}
			a.copyValue(dec, inner, out)
		}
		end, _ := dec.Token()
		fmt.Fprint(out, end)
	case string:
		writeToken(out, a.anonymizeText(member, v))
	default:
		writeToken(out, v)
	}
}

func writeToken(out *bytes.Buffer, token any) {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(token)
	out.Truncate(out.Len() - 1) // the newline
}

// anonymizeText returns the replacement of a member's text. Every text that is not known to come from Dataverse
// counts as a name.
func (a *anonymizer) anonymizeText(member, text string) string {
	switch lower := strings.ToLower(member); {
	case text == "":
		return text
	case strings.Contains(lower, "roletemplateid"):
		a.keepID(text)
		return text
	case isGUID(text):
		return a.replaceID(text)
	case lower == "message":
		return a.anonymizeMessage(text)
	case lower == "orgdborgsettings":
		return regexp.MustCompile(`>[^<]*<`).ReplaceAllStringFunc(text, func(value string) string {
			if regexp.MustCompile(`^>\s*(?:true|false|-?[0-9]*)\s*<$`).MatchString(strings.ToLower(value)) {
				return value
			}
			return ">left out<"
		})
	case isPlatformMember(member), isStandardText(member, text), isPrivilege(text), isTimeOrNumber(text):
		return a.replaceIDs(text)
	case strings.HasSuffix(lower, "@odata.nextlink"), strings.HasSuffix(lower, "@odata.id"), strings.HasSuffix(lower, "@odata.context"):
		return a.anonymizeLink(text)
	}
	return a.replaceName(text)
}
