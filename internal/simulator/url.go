package simulator

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

func querySyntaxError() error { return badURL("Bad Request - Error in query syntax.") }

// A segment is one step of a request's path: a name, and what follows it in parentheses.
type segment struct {
	name      string
	hasParens bool
	argument  string
}

func parsePath(escaped string) ([]segment, error) {
	var segments []segment
	for part := range strings.SplitSeq(escaped, "/") {
		text, err := url.PathUnescape(part)
		s, ok := parseSegment(text)
		if err != nil || !ok {
			return nil, querySyntaxError()
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

// knownOptions returns the system query options that clients use. Dataverse has more.
func knownOptions() []string {
	return []string{"$select", "$filter", "$expand", "$top", "$count", "$skiptoken"}
}

// parseQueryString reads a raw query: system query options, which begin with $, and parameter aliases, which
// begin with @. Anything else is an error, and so are duplicates.
func parseQueryString(raw string) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, querySyntaxError()
	}
	for name, list := range values {
		if len(list) > 1 || !strings.HasPrefix(name, "@") && !slices.Contains(knownOptions(), name) {
			return nil, badURL("The query parameter %s is not supported, or it appears twice", name)
		}
	}
	return values, nil
}

// parseJSONParameter decodes a parameter's JSON and reports whether it is valid. Single quotes count as
// double quotes, as in the Web API's own samples.
func parseJSONParameter(text string, into any) bool {
	return json.Unmarshal([]byte(text), into) == nil ||
		json.Unmarshal([]byte(strings.ReplaceAll(text, "'", `"`)), into) == nil
}

// parseReference reads SET(ID), relative or below the service root.
func parseReference(text, serviceRoot string) (set, id string, ok bool) {
	s, _ := parseSegment(strings.TrimPrefix(strings.TrimPrefix(text, serviceRoot), "/"))
	id, ok = parseGUID(s.argument)
	return s.name, id, ok
}
