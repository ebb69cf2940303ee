package recording

import (
	"net/url"
	"regexp"
	"strings"
)

const guid = `(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}`

// idsIn replaces the GUIDs in a text.
func (n *names) idsIn(text string) string {
	if strings.Count(text, "-") < 4 {
		return text
	}
	return regexp.MustCompile(guid).ReplaceAllStringFunc(text, n.id)
}

// address replaces the names, ids and tokens of an address that is not encoded.
func (n *names) address(address string) string {
	at := strings.IndexByte(address+"?", '?')
	return n.literals(address[:at]) + eachPart(address[at:], func(part string) string {
		if value, ok := strings.CutPrefix(part, "$skiptoken="); ok {
			return "$skiptoken=" + n.token(value)
		}
		return n.literals(part)
	})
}

// eachPart changes each part of an address's query.
func eachPart(address string, change func(part string) string) string {
	path, query, ok := strings.Cut(address, "?")
	if !ok {
		return path
	}
	parts := strings.Split(query, "&")
	for i, part := range parts {
		parts[i] = change(part)
	}
	return path + "?" + strings.Join(parts, "&")
}

// canonical is an address below /api/data/, decoded.
func canonical(u *url.URL) string {
	address := strings.TrimPrefix(u.Path, "/api/data/")
	if u.RawQuery == "" {
		return address
	}
	return address + eachPart("?"+u.RawQuery, func(part string) string {
		if text, err := url.QueryUnescape(part); err == nil {
			return text
		}
		return part
	})
}

// literals replaces GUIDs, and the quoted literals that are names: known ones, and those that
// cannot be the name of a table or a column.
func (n *names) literals(text string) string {
	var out strings.Builder
	from := 0
	for _, at := range regexp.MustCompile(`'(?:[^']|'')*'`).FindAllStringIndex(text, -1) {
		before := text[from:at[0]]
		value := strings.ReplaceAll(text[at[0]+1:at[1]-1], "''", "'")
		if !n.isOurs(before, value) {
			value = n.name(value)
		}
		out.WriteString(n.idsIn(before) + "'" + strings.ReplaceAll(n.idsIn(value), "'", "''") + "'")
		from = at[1]
	}
	return out.String() + n.idsIn(text[from:])
}

// isOurs reports whether a literal of an address is from dbaudit, not from the environment.
func (n *names) isOurs(before, value string) bool {
	column := regexp.MustCompile(`([A-Za-z_@]+)\s*(?:eq|ne|=|,)\s*$`).FindStringSubmatch(before)
	switch {
	case value == "", isGUID(value), isPrivilege(value):
		return true
	case column != nil && isStructure(column[1]):
		return true
	}
	return regexp.MustCompile(`^[a-z]+$`).MatchString(value) && !n.known(value)
}

// link replaces the host, names, ids and tokens of an absolute address.
func (n *names) link(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return n.name(link)
	}
	text := recorded + "/api/data/" + eachPart(n.address(canonical(u)), func(part string) string {
		name, value, _ := strings.Cut(part, "=")
		return name + "=" + url.QueryEscape(value)
	})
	if u.Fragment != "" {
		text += "#" + n.idsIn(u.Fragment)
	}
	return text
}
