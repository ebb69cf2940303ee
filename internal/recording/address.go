package recording

import (
	"net/url"
	"regexp"
	"strings"
)

const guid = `(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}`

// idsBy replaces the GUIDs in a text.
func idsBy(n *names, text string) string {
	if strings.Count(text, "-") < 4 {
		return text
	}
	return regexp.MustCompile(guid).ReplaceAllStringFunc(text, n.id)
}

// addressBy replaces what an address that is not encoded says of an environment.
func addressBy(n *names, address string) string {
	path, query, ok := strings.Cut(address, "?")
	path = literalsBy(n, path)
	if !ok {
		return path
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		if name, value, _ := strings.Cut(part, "="); name == "$skiptoken" {
			parts[i] = name + "=" + n.token(value)
			continue
		}
		parts[i] = literalsBy(n, part)
	}
	return path + "?" + strings.Join(parts, "&")
}

// literalsBy replaces GUIDs, and literals in quotes that are names: those that are
// known, and those that cannot be a table's or a column's.
func literalsBy(n *names, text string) string {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '\'')
		if at < 0 {
			return out.String() + idsBy(n, text)
		}
		before := text[:at]
		value, length, ok := literal(text[at:])
		if !ok {
			return out.String() + idsBy(n, text)
		}
		out.WriteString(idsBy(n, before))
		text = text[at+length:]
		if !ofStructure(n, before, value) {
			value = n.name(value)
		}
		out.WriteString("'" + strings.ReplaceAll(idsBy(n, value), "'", "''") + "'")
	}
}

// literal reads a literal in quotes, and its length.
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
func ofStructure(n *names, before, value string) bool {
	column := regexp.MustCompile(`([A-Za-z_@]+)\s*(?:eq|ne|=|,)\s*$`).FindStringSubmatch(before)
	switch {
	case value == "", isGUID(value), isPrivilege(value):
		return true
	case column != nil && isStructure(column[1]):
		return true
	}
	return regexp.MustCompile(`^[a-z]+$`).MatchString(value) && !n.known(value)
}

// linkBy replaces what an absolute address says of an environment, its host as well.
func linkBy(n *names, link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return n.name(link)
	}
	address, query, ok := strings.Cut(addressBy(n, canonical(u)), "?")
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
		text += "#" + idsBy(n, u.Fragment)
	}
	return text
}
