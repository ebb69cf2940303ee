package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// recorded is the origin that stands for the environment's own in a recording.
const recorded = "https://recorded.invalid"

// A substitution says what stands for what belongs to the environment alone.
type substitution interface {
	id(text string) string    // a GUID
	keep(text string)         // a GUID that every environment has
	name(text string) string  // any other word of the environment's
	token(text string) string // a text of the server's own, as $skiptoken is
	known(text string) bool   // whether a text is such a name
}

// names are what a recording replaces, and by what.
type names struct {
	pattern string
	kept    map[string]bool
	ids     map[string]string
	words   map[string]string // by the name in small letters: while collecting, how it is spelt
	tokens  map[string]string
}

func newNames(pattern string) *names {
	return &names{pattern: pattern, kept: map[string]bool{}, ids: map[string]string{}, words: map[string]string{}, tokens: map[string]string{}}
}

// collecting notes what there is to replace.
type collecting struct{ *names }

func (c *collecting) keep(text string) { c.kept[strings.ToLower(text)] = true }

func (c *collecting) id(text string) string {
	c.ids[strings.ToLower(text)] = ""
	return text
}

func (c *collecting) name(text string) string {
	if word, seen := c.words[strings.ToLower(text)]; text != "" && (!seen || text < word) {
		c.words[strings.ToLower(text)] = text
	}
	return text
}

func (c *collecting) token(text string) string {
	if _, ok := c.tokens[text]; !ok {
		c.tokens[text] = fmt.Sprintf("page%d", len(c.tokens)+1)
	}
	return c.tokens[text]
}

func (c *collecting) known(string) bool { return false }

// replacing replaces it.
type replacing struct{ *names }

func (r *replacing) keep(string) {}

func (r *replacing) id(text string) string {
	id := strings.ToLower(text)
	if r.kept[id] || strings.Trim(id, "0-") == "" {
		return text
	}
	return r.ids[id]
}

func (r *replacing) name(text string) string { return r.words[strings.ToLower(text)] }

func (r *replacing) token(text string) string { return r.tokens[text] }

func (r *replacing) known(text string) bool {
	_, ok := r.words[strings.ToLower(text)]
	return ok
}

// settle gives each id and name what stands for it, in the same order. Names that
// differ in case alone are one name.
func (n *names) settle() {
	for i, id := range sorted(n.ids) {
		n.ids[id] = fmt.Sprintf("%08x-0000-4000-8000-%012x", i+1, i+1)
	}
	list := slices.Collect(maps.Values(n.words))
	slices.Sort(list)
	width := 3
	for count := 20 * 20 * 20; count < len(list); count *= 20 {
		width++
	}
	for i, word := range list {
		lower := strings.ToLower(word)
		n.words[lower] = n.pseudonym(lower, i, width)
	}
}

func sorted(m map[string]string) []string {
	list := make([]string, 0, len(m))
	for key := range m {
		list = append(list, key)
	}
	slices.Sort(list)
	return list
}

// pseudonym is a word of consonants that stands for the nth name, of the length that
// the name has, where that is longer. The pattern stays in it, and that it is an
// address of mail.
func (n *names) pseudonym(name string, nth, width int) string {
	const letters = "bcdfghjklmnpqrstvwxz"
	word := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		word[i] = letters[nth%len(letters)]
		nth /= len(letters)
	}
	word[0] -= 'a' - 'A'
	end := ""
	if n.pattern != "" && strings.Contains(name, strings.ToLower(n.pattern)) {
		end = " " + n.pattern
	}
	if strings.Contains(name, "@") {
		end = strings.ReplaceAll(end, " ", ".") + "@example.com"
	}
	padding := max(0, utf8.RuneCountInString(name)-width-len(end))
	return string(word) + strings.Repeat("x", padding) + end
}

const guid = `(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}`

// idsBy replaces the GUIDs in a text.
func idsBy(s substitution, text string) string {
	if strings.Count(text, "-") < 4 {
		return text
	}
	return regexp.MustCompile(guid).ReplaceAllStringFunc(text, s.id)
}

// addressBy replaces what an address that is not encoded says of an environment.
func addressBy(s substitution, address string) string {
	path, query, ok := strings.Cut(address, "?")
	path = literalsBy(s, path)
	if !ok {
		return path
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		if name, value, _ := strings.Cut(part, "="); name == "$skiptoken" {
			parts[i] = name + "=" + s.token(value)
			continue
		}
		parts[i] = literalsBy(s, part)
	}
	return path + "?" + strings.Join(parts, "&")
}

// literalsBy replaces GUIDs, and literals in quotes that are names: those that are
// known, and those that cannot be a table's or a column's.
func literalsBy(s substitution, text string) string {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '\'')
		if at < 0 {
			return out.String() + idsBy(s, text)
		}
		before := text[:at]
		value, length, ok := literal(text[at:])
		if !ok {
			return out.String() + idsBy(s, text)
		}
		out.WriteString(idsBy(s, before))
		text = text[at+length:]
		if !ofStructure(s, before, value) {
			value = s.name(value)
		}
		out.WriteString("'" + strings.ReplaceAll(idsBy(s, value), "'", "''") + "'")
	}
}

// literal reads a literal in quotes, and gives how long it is.
func literal(text string) (value string, length int, ok bool) {
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			i++
			continue
		}
		return strings.ReplaceAll(text[1:i], "''", "'"), i + 1, true
	}
	return "", 0, false
}

// ofStructure reports whether a literal of an address is the program's own.
func ofStructure(s substitution, before, value string) bool {
	column := regexp.MustCompile(`([A-Za-z_@]+)\s*(?:eq|ne|=|,)\s*$`).FindStringSubmatch(before)
	switch {
	case value == "", isGUID(value), isPrivilege(value):
		return true
	case column != nil && isStructure(column[1]):
		return true
	}
	return regexp.MustCompile(`^[a-z]+$`).MatchString(value) && !s.known(value)
}

// isGUID and isPrivilege are asked of each text of a recording, and so do without
// expressions.
func isGUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range []byte(text) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return false
		}
	}
	return true
}

func isPrivilege(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	name, ok := strings.CutPrefix(text, "prv")
	return ok && name != "" && strings.Trim(name, letters) == ""
}

// isStructure reports whether a member's text is the platform's and no name.
func isStructure(member string) bool {
	switch strings.ToLower(member) {
	case "returnedtypecode", "objecttypecode", "entityname", "attributelogicalname", "logicalname", "schemaname", "propertyname", "privilegename", "privilegetype",
		"depth", "accessrights", "version", "code", "@l", "metadataid", "objecttypeid":
		return true
	}
	return strings.Contains(member, "@Microsoft.Dynamics.CRM.") && !strings.HasSuffix(member, "cookie") ||
		strings.HasSuffix(member, "@odata.type") || strings.HasSuffix(member, "@odata.etag")
}

// documentBy replaces what a document of JSON says of an environment. Its order, its
// numbers and its members' names stay as they are, two of one name as well.
func documentBy(s substitution, data []byte) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	dec.UseNumber()
	var out bytes.Buffer
	if err := valueBy(s, dec, "", &out); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the document")
	}
	return out.Bytes(), nil
}

// valueBy copies the next value of a document, which is a member's of that name.
func valueBy(s substitution, dec *json.Decoder, member string, out *bytes.Buffer) error {
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
			if err := valueBy(s, dec, inner, out); err != nil {
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
		return write(out, textBy(s, member, v))
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

// textBy replaces a member's text. What is not known to be the platform's is a name.
func textBy(s substitution, member, text string) string {
	switch lower := strings.ToLower(member); {
	case text == "":
		return text
	case strings.Contains(lower, "roletemplateid"):
		s.keep(text)
		return text
	case isGUID(text):
		return s.id(text)
	case lower == "message":
		return messageBy(s, text)
	case lower == "orgdborgsettings":
		return regexp.MustCompile(`>[^<]*<`).ReplaceAllStringFunc(text, func(value string) string {
			if regexp.MustCompile(`^>\s*(?:true|false|-?[0-9]*)\s*<$`).MatchString(strings.ToLower(value)) {
				return value
			}
			return ">left out<"
		})
	case isStructure(member), isPrivilege(text), isPlain(text):
		return idsBy(s, text)
	case strings.Contains(lower, "@odata."):
		return linkBy(s, text)
	}
	return s.name(text)
}

// isPlain reports whether a text is a time or a short number.
func isPlain(text string) bool {
	if text[0] < '0' || text[0] > '9' {
		return false
	}
	_, err := time.Parse(time.RFC3339, text)
	return err == nil || len(text) < 10 && strings.Trim(text, "0123456789") == ""
}

// linkBy replaces what an absolute address says of an environment, its host as well.
func linkBy(s substitution, link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return s.name(link)
	}
	address, query, ok := strings.Cut(addressBy(s, canonical(u)), "?")
	text := recorded + "/api/data/" + address
	if ok {
		parts := strings.Split(query, "&")
		for i, part := range parts {
			name, value, _ := strings.Cut(part, "=")
			parts[i] = name + "=" + url.QueryEscape(value)
		}
		text += "?" + strings.Join(parts, "&")
	}
	if u.Fragment != "" {
		text += "#" + idsBy(s, u.Fragment)
	}
	return text
}

// messageBy replaces what a message of an error says of an environment: known names,
// GUIDs, and each word that is not the platform's for all that is known.
func messageBy(s substitution, text string) string {
	word := regexp.MustCompile(guid + `|[\pL\pN_@.#+%-]+`)
	return word.ReplaceAllStringFunc(text, func(w string) string {
		bare := strings.TrimRight(w, ".")
		switch {
		case isGUID(w):
			return s.id(w)
		case ofPlatform(bare) && (len(bare) <= 3 || !s.known(bare)):
			return w
		case bare == "":
			return w
		}
		return s.name(bare) + w[len(bare):]
	})
}

// ofPlatform reports whether a word of a message is one that the platform says.
func ofPlatform(word string) bool {
	if regexp.MustCompile(`^(?:[a-z]+|0x[0-9A-Fa-f]+|[0-9]+|(?i:prv)[A-Za-z0-9_]+|Microsoft\.Dynamics\.CRM\.[a-z_]+|[A-Z][a-z]*[A-Z][A-Za-z]*Id)$`).MatchString(word) {
		return true
	}
	switch word {
	case "A", "An", "The", "This", "It", "Could", "Id", "OTC", "Principal", "User", "Team", "Role", "Caller", "SystemUser",
		"OData", "Web", "API", "HTTP", "Dataverse", "Dynamics", "CRM", "Microsoft", "Power", "Platform", "Entra", "Azure", "AD",
		"SecLib", "AccessCheckEx", "CheckPrivilege", "CRMSecurityException", "SystemUserId", "OrganizationContext", "Consider",
		"Number", "Combined", "Resource", "Bad", "Request", "Access", "Forbidden", "Unauthorized", "Not", "Found", "No", "IP", "URI", "URL":
		return true
	}
	return false
}
