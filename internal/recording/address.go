package recording

import (
	"net/url"
	"regexp"
	"strings"
)

const apiRoot = "/api/data/"

const guidPattern = `(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}`

func (a *anonymizer) replaceIDs(text string) string {
	if strings.Count(text, "-") < 4 {
		return text
	}
	return regexp.MustCompile(guidPattern).ReplaceAllStringFunc(text, a.replaceID)
}

// anonymizeAddress returns a decoded address with its names, ids and tokens replaced.
func (a *anonymizer) anonymizeAddress(address string) string {
	at := strings.IndexByte(address+"?", '?')
	return a.replaceLiterals(address[:at]) + mapQueryParts(address[at:], func(part string) string {
		if name, value, _ := strings.Cut(part, "="); strings.EqualFold(name, "$skiptoken") {
			return name + "=" + a.replaceSkipToken(value)
		}
		return a.replaceLiterals(part)
	})
}

func mapQueryParts(address string, change func(part string) string) string {
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

// relativeAddress returns the part of a URL below [apiRoot], decoded.
func relativeAddress(u *url.URL) string {
	address := strings.TrimPrefix(u.Path, apiRoot)
	if u.RawQuery == "" {
		return address
	}
	return address + mapQueryParts("?"+u.RawQuery, func(part string) string {
		if text, err := url.QueryUnescape(part); err == nil {
			return text
		}
		return part
	})
}

// replaceLiterals returns a text with its GUIDs replaced, and its quoted literals that are names: known names,
// and texts that cannot be the name of a table or a column.
func (a *anonymizer) replaceLiterals(text string) string {
	var out strings.Builder
	from := 0
	for _, at := range regexp.MustCompile(`'(?:[^']|'')*'`).FindAllStringIndex(text, -1) {
		before := text[from:at[0]]
		value := strings.ReplaceAll(text[at[0]+1:at[1]-1], "''", "'")
		if !a.isDbauditLiteral(before, value) {
			value = a.replaceName(value)
		}
		out.WriteString(a.replaceIDs(before) + "'" + strings.ReplaceAll(a.replaceIDs(value), "'", "''") + "'")
		from = at[1]
	}
	return out.String() + a.replaceIDs(text[from:])
}

// isDbauditLiteral reports whether a literal comes from dbaudit, not from the environment. before is the text
// before it in the address.
func (a *anonymizer) isDbauditLiteral(before, value string) bool {
	column := regexp.MustCompile(`([A-Za-z_@]+)\s*(?:eq|ne|=|,)\s*$`).FindStringSubmatch(before)
	switch {
	case value == "", isGUID(value), isPrivilege(value):
		return true
	case column != nil && isPlatformMember(column[1]):
		return true
	}
	return regexp.MustCompile(`^[a-z]+$`).MatchString(value) && !a.isName(value)
}

// anonymizeLink returns a link with its host, names, ids and tokens replaced. A relative link stays relative.
func (a *anonymizer) anonymizeLink(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return a.replaceName(link)
	}
	prefix := ""
	if u.Host != "" {
		prefix = recordedOrigin
	}
	if u.Host != "" || strings.HasPrefix(u.Path, apiRoot) {
		prefix += apiRoot
	}
	text := prefix + mapQueryParts(a.anonymizeAddress(relativeAddress(u)), func(part string) string {
		name, value, _ := strings.Cut(part, "=")
		return name + "=" + url.QueryEscape(value)
	})
	if u.Fragment != "" {
		text += "#" + a.replaceIDs(u.Fragment)
	}
	return text
}
