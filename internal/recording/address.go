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
	at := strings.IndexByte(address+"?", '?')
	return literalsBy(n, address[:at]) + queryBy(address[at:], func(part string) string {
		if value, ok := strings.CutPrefix(part, "$skiptoken="); ok {
			return "$skiptoken=" + n.token(value)
		}
		return literalsBy(n, part)
	})
}

// queryBy changes each part of an address's query.
func queryBy(address string, change func(part string) string) string {
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
	return address + queryBy("?"+u.RawQuery, func(part string) string {
		if text, err := url.QueryUnescape(part); err == nil {
			return text
		}
		return part
	})
}

// literalsBy replaces GUIDs, and literals in quotes that are names: those that are
// known, and those that cannot be a table's or a column's.
func literalsBy(n *names, text string) string {
	var out strings.Builder
	from := 0
	for _, at := range regexp.MustCompile(`'(?:[^']|'')*'`).FindAllStringIndex(text, -1) {
		before := text[from:at[0]]
		value := strings.ReplaceAll(text[at[0]+1:at[1]-1], "''", "'")
		if !ofStructure(n, before, value) {
			value = n.name(value)
		}
		out.WriteString(idsBy(n, before) + "'" + strings.ReplaceAll(idsBy(n, value), "'", "''") + "'")
		from = at[1]
	}
	return out.String() + idsBy(n, text[from:])
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
	text := recorded + "/api/data/" + queryBy(addressBy(n, canonical(u)), func(part string) string {
		name, value, _ := strings.Cut(part, "=")
		return name + "=" + url.QueryEscape(value)
	})
	if u.Fragment != "" {
		text += "#" + idsBy(n, u.Fragment)
	}
	return text
}
