package simulator

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

func badSyntax() error { return badURL("Bad Request - Error in query syntax.") }

// A segment is one step of a request's path: a name, and what follows it in parentheses.
type segment struct {
	name      string
	hasParens bool
	argument  string
}

// parsePath splits an escaped path into its segments.
func parsePath(escaped string) ([]segment, error) {
	var segments []segment
	for part := range strings.SplitSeq(escaped, "/") {
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
	argument, closed := strings.CutSuffix(rest, ")")
	return segment{name, parens, argument}, name != "" && parens == closed
}

// knownOptions are the system options that clients use. Dataverse has more.
func knownOptions() []string {
	return []string{"$select", "$filter", "$expand", "$top", "$count", "$skiptoken"}
}

// parseQueryString reads a raw query: system options by their $name, and parameter aliases by @name.
// It is strict: it refuses anything else, and duplicates.
func parseQueryString(raw string) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, badSyntax()
	}
	for name, given := range values {
		if len(given) > 1 || !strings.HasPrefix(name, "@") && !slices.Contains(knownOptions(), name) {
			return nil, badURL("The query parameter %s is not supported, or it appears twice", name)
		}
	}
	return values, nil
}

// parseJSONParameter reads a parameter's JSON; single quotes count as double quotes, as in
// the Web API's own samples.
func parseJSONParameter(text string, into any) bool {
	return json.Unmarshal([]byte(text), into) == nil ||
		json.Unmarshal([]byte(strings.ReplaceAll(text, "'", `"`)), into) == nil
}

// parseReference reads "set(id)", alone or in an absolute address of the service at root.
func parseReference(text, root string) (set, id string, ok bool) {
	s, _ := parseSegment(strings.TrimPrefix(strings.TrimPrefix(text, root), "/"))
	id, ok = parseGUID(s.argument)
	return s.name, id, ok
}
