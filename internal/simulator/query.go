package simulator

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxPage is the most rows that a page has, and the most that a count counts.
const maxPage = 5000

// A query is a request's system options, resolved against the type of its rows.
type query struct {
	t        *entityType
	columns  []*column // nil: all
	filter   predicate // nil: every row
	expands  []expansion
	orders   []ordering
	top      int // -1: no limit
	count    bool
	apply    string // the alias of an aggregated count
	page     int    // 1 for the first
	selected string // the projection, for @odata.context
}

type ordering struct {
	value value
	desc  bool
}

type expansion struct {
	nav   *nav
	query query
	raw   string // the nested options, for a link to further rows
}

func parseTop(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return 0, badURL("Invalid value '%s' for $top query option found. The $top query option requires a positive integer value.", text)
	}
	return n, nil
}

// parseQuery resolves options for a collection of rows of t.
func parseQuery(t *entityType, options map[string]string) (query, error) {
	q := query{t: t, top: -1, page: 1}
	steps := []struct {
		option string
		parse  func(text string) error
	}{
		{"$select", q.parseSelect},
		{"$filter", q.parseFilterOption},
		{"$expand", q.parseExpand},
		{"$orderby", q.parseOrder},
		{"$top", func(text string) (err error) { q.top, err = parseTop(text); return err }},
		{"$count", func(text string) error {
			if text != "true" && text != "false" {
				return badURL("Invalid value '%s' for $count query option found. Valid values are 'true' or 'false'.", text)
			}
			q.count = text == "true"
			return nil
		}},
		{"$apply", q.parseApply},
		{"$skiptoken", q.parseSkipToken},
	}
	for _, s := range steps {
		text, ok := options[s.option]
		if !ok {
			continue
		}
		if err := s.parse(text); err != nil {
			return query{}, err
		}
	}
	return q, nil
}

func (q *query) parseSelect(text string) error {
	q.columns = []*column{}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			return badURL("The value of the $select option is empty or has an empty item: '%s'.", text)
		}
		c := q.t.column(name)
		if c == nil {
			return noProperty(name, q.t.logicalName)
		}
		if !slices.Contains(q.columns, c) {
			q.columns = append(q.columns, c)
		}
	}
	q.selected = strings.ReplaceAll(text, " ", "")
	return nil
}

func (q *query) parseFilterOption(text string) error {
	pred, err := parseFilter(q.t, text)
	if err == nil {
		q.filter = and(q.filter, pred)
	}
	return err
}

func and(a, b predicate) predicate {
	if a == nil {
		return b
	}
	return func(w *world, row any) bool { return a(w, row) && b(w, row) }
}

func (q *query) parseOrder(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		fields := strings.Fields(item)
		if len(fields) == 0 || len(fields) > 2 {
			return badURL("Syntax error in the $orderby option '%s'.", text)
		}
		o := ordering{}
		if len(fields) == 2 {
			switch fields[1] {
			case "asc":
			case "desc":
				o.desc = true
			default:
				return badURL("Syntax error in the $orderby option '%s'.", text)
			}
		}
		v, err := scope{t: q.t}.value(fields[0])
		if err != nil {
			return err
		}
		o.value = v
		q.orders = append(q.orders, o)
	}
	return nil
}

// parseExpand reads a list of navigation properties, each with nested options in parentheses.
func (q *query) parseExpand(text string) error {
	for _, item := range splitOutside(text, ',') {
		s, err := parseExpandItem(strings.TrimSpace(item))
		if err != nil {
			return err
		}
		n := q.t.nav(s.name)
		if n == nil {
			return noProperty(s.name, q.t.logicalName)
		}
		options := map[string]string{}
		for _, option := range splitOutside(s.raw, ';') {
			if strings.TrimSpace(option) == "" {
				continue
			}
			name, value, _ := strings.Cut(strings.TrimSpace(option), "=")
			if _, twice := options[name]; twice || !nestedOption(name, n.collection) {
				return badURL("Term '%s' is not valid in a $select or $expand expression.", option)
			}
			options[name] = value
		}
		nested, err := parseQuery(n.target, options)
		if err != nil {
			return err
		}
		q.expands = append(q.expands, expansion{nav: n, query: nested, raw: s.raw})
	}
	return nil
}

type expandItem struct{ name, raw string }

func parseExpandItem(text string) (expandItem, error) {
	name, rest, ok := strings.Cut(text, "(")
	if !ok {
		return expandItem{name: name}, nil
	}
	inner, closed := strings.CutSuffix(rest, ")")
	if !closed {
		return expandItem{}, badURL("Found an unbalanced bracket expression in '%s'.", text)
	}
	return expandItem{name, inner}, nil
}

// nestedOption says which options stand inside $expand: for a single row there is nothing to choose.
func nestedOption(name string, collection bool) bool {
	switch name {
	case "$select", "$expand":
		return true
	case "$filter", "$orderby", "$top":
		return collection
	default:
		return false
	}
}

func applyPattern() *regexp.Regexp {
	return regexp.MustCompile(`^(?:filter\((.+)\)/)?aggregate\(\$count as (\w+)\)$`)
}

// parseApply takes the one aggregation that is any use here: counting.
func (q *query) parseApply(text string) error {
	m := applyPattern().FindStringSubmatch(text)
	if m == nil {
		return badURL("The $apply expression '%s' is not supported.", text)
	}
	q.apply = m[2]
	if m[1] != "" {
		return q.parseFilterOption(m[1])
	}
	return nil
}

func cookiePattern() *regexp.Regexp {
	return regexp.MustCompile(`^<cookie pagenumber="([1-9][0-9]{0,5})" istracking="False" />$`)
}

func (q *query) parseSkipToken(text string) error {
	m := cookiePattern().FindStringSubmatch(text)
	if m == nil {
		return badURL("Malformed XML in the Paging Cookie")
	}
	q.page, _ = strconv.Atoi(m[1])
	return nil
}

func cookie(page int) string {
	return `<cookie pagenumber="` + strconv.Itoa(page) + `" istracking="False" />`
}

// choose applies filter and order to rows.
func (q *query) choose(w *world, rows []any) []any {
	if q.filter != nil {
		chosen := make([]any, 0, len(rows))
		for _, row := range rows {
			if q.filter(w, row) {
				chosen = append(chosen, row)
			}
		}
		rows = chosen
	}
	if len(q.orders) == 0 {
		return rows
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b any) int {
		for _, o := range q.orders {
			order := compareNullable(o.value.get(w, a), o.value.get(w, b))
			if o.desc {
				order = -order
			}
			if order != 0 {
				return order
			}
		}
		return 0
	})
	return rows
}

// compareNullable puts nulls first, as the platform's database does.
func compareNullable(a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	default:
		return compareValues(a, b)
	}
}

// Preferences are what a request asks for in its Prefer header.
type preferences struct {
	pageSize        int // 0: the server's own
	annotations     func(name string) bool
	representation  bool
	continueOnError bool
	applied         []string
}

// parsePreferences reads Prefer headers. What it does not know is ignored, as the standard has it.
func parsePreferences(header http.Header) preferences {
	p := preferences{annotations: func(string) bool { return false }}
	for _, line := range header.Values("Prefer") {
		for _, item := range splitOutside(line, ',') {
			name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
			value = strings.Trim(value, `"`)
			switch strings.ToLower(name) {
			case "odata.maxpagesize":
				if n, err := strconv.Atoi(value); err == nil && n > 0 {
					p.pageSize = min(n, maxPage)
					p.applied = append(p.applied, "odata.maxpagesize="+strconv.Itoa(p.pageSize))
				}
			case "odata.include-annotations":
				p.annotations = annotationMatcher(value)
				p.applied = append(p.applied, `odata.include-annotations="`+value+`"`)
			case "return":
				if value == "representation" {
					p.representation = true
					p.applied = append(p.applied, "return=representation")
				}
			case "odata.continue-on-error":
				p.continueOnError = true
			}
		}
	}
	return p
}

func annotationMatcher(list string) func(string) bool {
	var patterns []string
	for item := range strings.SplitSeq(list, ",") {
		patterns = append(patterns, strings.TrimSpace(item))
	}
	return func(name string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			if prefix, ok := strings.CutSuffix(p, "*"); ok {
				return strings.HasPrefix(name, prefix)
			}
			return p == name
		})
	}
}
