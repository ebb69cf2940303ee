package simulator

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// badSyntax is the refusal of an address that cannot be read.
func badSyntax() error { return badURL("Bad Request - Error in query syntax.") }

// A segment is one step of a request's path: a name, and what follows it in parentheses.
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
		s, ok := parseSegment(text)
		if err != nil || !ok {
			return nil, badSyntax()
		}
		segments = append(segments, s)
	}
	return segments, nil
}

func parseSegment(text string) (segment, bool) {
	name, rest, parens := strings.Cut(text, "(")
	s := segment{name: name, hasParens: parens}
	if !parens {
		return s, name != ""
	}
	inner, closed := strings.CutSuffix(rest, ")")
	for _, arg := range splitOutside(inner, ',') {
		key, value, named := strings.Cut(arg, "=")
		switch {
		case arg == "":
		case named && !strings.HasPrefix(arg, "'") && !strings.HasPrefix(arg, "{"):
			s.args = append(s.args, argument{strings.TrimSpace(key), strings.TrimSpace(value)})
		default:
			s.args = append(s.args, argument{value: strings.TrimSpace(arg)})
		}
	}
	return s, closed && name != ""
}

// splitOutside splits text at a separator, but not inside quotes, parentheses, brackets or braces.
func splitOutside(text string, separator byte) []string {
	var parts []string
	depth, start, quoted := 0, 0, false
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
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

// knownOptions are the system options that somebody asks for. Dataverse has more.
func knownOptions() []string {
	return []string{"$select", "$filter", "$expand", "$top", "$count", "$skiptoken"}
}

// parseQueryString reads a raw query. It is strict: what is neither a known system option nor an alias
// is refused, and so is an option given twice.
func parseQueryString(raw string) (queryString, error) {
	q := queryString{options: map[string]string{}, aliases: map[string]string{}}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(rawName)
		value, err2 := url.QueryUnescape(rawValue)
		_, twice := q.options[name]
		switch {
		case err1 != nil || err2 != nil:
			return q, badSyntax()
		case strings.HasPrefix(name, "@"):
			q.aliases[name] = value
		case twice || !slices.Contains(knownOptions(), name):
			return q, badURL("The query parameter %s is not supported, or it appears twice", name)
		default:
			q.options[name] = value
		}
		if name != "$skiptoken" {
			q.order = append(q.order, part)
		}
	}
	return q, nil
}

// parameters gives the parameters of a function call, with aliases replaced by their values. The call
// must have just these.
func (q queryString) parameters(s segment, names ...string) (map[string]string, error) {
	values := map[string]string{}
	for _, arg := range s.args {
		values[arg.name] = arg.value
		if strings.HasPrefix(arg.value, "@") {
			values[arg.name] = q.aliases[arg.value]
		}
	}
	for _, name := range names {
		if values[name] == "" {
			return nil, noSegment(s.name)
		}
	}
	if len(values) != len(names) {
		return nil, noSegment(s.name)
	}
	return values, nil
}

// parseJSONParameter reads a parameter's JSON; single quotes count as double quotes, as in
// the Web API's own samples.
func parseJSONParameter(text string, into any) bool {
	return json.Unmarshal([]byte(text), into) == nil ||
		json.Unmarshal([]byte(strings.ReplaceAll(text, "'", `"`)), into) == nil
}

// parseReference reads "set(id)", or an absolute address that ends so, of the service at root.
func parseReference(text, root string) (set, id string, ok bool) {
	s, ok := parseSegment(strings.TrimPrefix(strings.TrimPrefix(text, root), "/"))
	if !ok || len(s.args) != 1 || s.args[0].name != "" {
		return "", "", false
	}
	id, ok = parseGUID(s.args[0].value)
	return s.name, id, ok
}
