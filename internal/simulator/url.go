package simulator

import (
	"encoding/json"
	"net/url"
	"strings"
)

// A segment is one step of a request's path: a name, and what stands in parentheses behind it.
type segment struct {
	name      string
	hasParens bool
	args      []argument
}

// An argument is a key or a parameter: bare, or with its name.
type argument struct{ name, value string }

// parsePath splits a path, escaped as it came, into its segments.
func parsePath(escaped string) ([]segment, error) {
	var segments []segment
	for _, part := range splitOutside(escaped, '/') {
		text, err := url.PathUnescape(part)
		if err != nil {
			return nil, badURL("Bad Request - Error in query syntax.")
		}
		s, err := parseSegment(text)
		if err != nil {
			return nil, err
		}
		segments = append(segments, s)
	}
	return segments, nil
}

func parseSegment(text string) (segment, error) {
	name, rest, ok := strings.Cut(text, "(")
	if name == "" {
		return segment{}, badURL("Bad Request - Error in query syntax.")
	}
	if !ok {
		return segment{name: name}, nil
	}
	inner, ok := strings.CutSuffix(rest, ")")
	if !ok {
		return segment{}, badURL("Bad Request - Error in query syntax.")
	}
	s := segment{name: name, hasParens: true}
	if strings.TrimSpace(inner) == "" {
		return s, nil
	}
	for _, arg := range splitOutside(inner, ',') {
		arg = strings.TrimSpace(arg)
		key, value, named := strings.Cut(arg, "=")
		if !named || strings.HasPrefix(arg, "'") || strings.HasPrefix(arg, "{") {
			s.args = append(s.args, argument{value: arg})
			continue
		}
		s.args = append(s.args, argument{strings.TrimSpace(key), strings.TrimSpace(value)})
	}
	return s, nil
}

// splitOutside splits text at a separator, but not inside quotes, parentheses, brackets or braces.
func splitOutside(text string, separator byte) []string {
	var parts []string
	depth, start, quote := 0, 0, byte(0)
	for i := range len(text) {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == separator && depth <= 0:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

// A queryString is a request's query: system options by their $name, and parameter aliases by @name.
type queryString struct {
	options map[string]string
	aliases map[string]string
	// order keeps the options as they came, for links to further pages.
	order []string
}

// parseQueryString reads a raw query. It is strict: what is neither a system option of the Web API nor
// an alias is refused, and so is an option given twice.
func parseQueryString(raw string) (queryString, error) {
	q := queryString{options: map[string]string{}, aliases: map[string]string{}}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil {
			return q, badURL("Bad Request - Error in query syntax.")
		}
		if strings.HasPrefix(name, "@") {
			q.aliases[name] = value
			q.order = append(q.order, part)
			continue
		}
		switch name {
		case "$select", "$filter", "$expand", "$orderby", "$top", "$count", "$apply", "$skiptoken", "$id":
		case "$skip":
			return q, badURL("Skip Clause is not supported in CRM")
		default:
			return q, badURL("The query parameter %s is not supported", name)
		}
		if _, twice := q.options[name]; twice {
			return q, badURL("Query option '%s' was specified more than once, but it must be specified at most once.", name)
		}
		q.options[name] = value
		if name != "$skiptoken" {
			q.order = append(q.order, part)
		}
	}
	return q, nil
}

// allow refuses system options that the request's kind does not take.
func (q queryString) allow(names ...string) error {
	for name := range q.options {
		found := false
		for _, allowed := range names {
			found = found || name == allowed
		}
		if !found {
			return badURL("The query option '%s' is not supported for this request.", name)
		}
	}
	return nil
}

// parameters gives the parameters of a function call, with aliases replaced by their values. The call
// must have just these.
func (q queryString) parameters(s segment, names ...string) (map[string]string, error) {
	values := map[string]string{}
	for _, arg := range s.args {
		value := arg.value
		if strings.HasPrefix(value, "@") {
			v, ok := q.aliases[value]
			if !ok {
				return nil, badURL("The parameter alias '%s' has no value in the query.", value)
			}
			value = v
		}
		values[arg.name] = value
	}
	for _, name := range names {
		if _, ok := values[name]; !ok {
			return nil, noSegment(s.name)
		}
	}
	if len(values) != len(names) {
		return nil, noSegment(s.name)
	}
	return values, nil
}

// parseJSONParameter reads a parameter's JSON; single quotes are taken for double ones, as the Web
// API's own samples write them.
func parseJSONParameter(text string, into any) bool {
	if json.Unmarshal([]byte(text), into) == nil {
		return true
	}
	return json.Unmarshal([]byte(strings.ReplaceAll(text, "'", `"`)), into) == nil
}

// parseString reads a string literal in single quotes.
func parseString(text string) (string, bool) {
	if !strings.HasPrefix(text, "'") {
		return "", false
	}
	value, n, ok := quoted(text)
	return value, ok && n == len(text)
}

// parseReference reads "set(id)", or an absolute address that ends so, of the service at root.
func parseReference(text, root string) (set, id string, ok bool) {
	if rest, absolute := strings.CutPrefix(text, root); absolute {
		text = rest
	} else if strings.Contains(text, "://") {
		return "", "", false
	}
	text = strings.TrimPrefix(text, "/")
	if rest, found := strings.CutPrefix(text, "api/data/"); found {
		_, text, _ = strings.Cut(rest, "/")
	}
	s, err := parseSegment(text)
	if err != nil || len(s.args) != 1 || s.args[0].name != "" {
		return "", "", false
	}
	id, ok = parseGUID(s.args[0].value)
	return s.name, id, ok
}
