package simulator

import (
	"net/url"
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
	filter   predicate
	expands  []expansion
	top      int // -1: no limit
	count    bool
	page     int    // 1 for the first
	selected string // the projection, for @odata.context
}

type expansion struct {
	nav   *nav
	query query
	raw   string // the nested options, for a link to further rows
}

// parseQuery resolves options for a collection of rows of t.
func parseQuery(t *entityType, options url.Values) (query, error) {
	q := query{t: t, top: -1, page: 1, filter: func(*world, any) bool { return true }}
	steps := []struct {
		option string
		parse  func(text string) error
	}{
		{"$select", q.parseSelect},
		{"$filter", func(text string) (err error) { q.filter, err = parseFilter(t, text); return err }},
		{"$expand", q.parseExpand},
		{"$top", func(text string) error { return positive("$top", text, &q.top) }},
		{"$count", func(text string) (err error) {
			if q.count, err = strconv.ParseBool(text); err != nil {
				return badURL("Invalid value '%s' for $count query option found. Valid values are 'true' or 'false'.", text)
			}
			return nil
		}},
		{"$skiptoken", func(text string) error {
			number := cookiePattern().FindStringSubmatch(text)
			if number == nil {
				return badURL("Malformed XML in the Paging Cookie")
			}
			return positive("pagenumber", number[1], &q.page)
		}},
	}
	for _, s := range steps {
		if options.Has(s.option) {
			if err := s.parse(options.Get(s.option)); err != nil {
				return query{}, err
			}
		}
	}
	return q, nil
}

func positive(name, text string, into *int) error {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return badURL("Invalid value '%s' for %s query option found. It requires a positive integer value.", text, name)
	}
	*into = n
	return nil
}

func (q *query) parseSelect(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		c := q.t.column(strings.TrimSpace(name))
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

// parseExpand reads a list of navigation properties, each with the columns that it selects: one that
// names none would bring all that the related table has.
func (q *query) parseExpand(text string) error {
	item := regexp.MustCompile(`^(\w+)\((\$select=([\w,]+))\)(?:,|$)`)
	for text != "" {
		m := item.FindStringSubmatch(text)
		if m == nil {
			return badURL("Term '%s' is not valid in a $select or $expand expression.", text)
		}
		n := q.t.nav(m[1])
		if n == nil {
			return noProperty(m[1], q.t.logicalName)
		}
		nested, err := parseQuery(n.target, url.Values{"$select": {m[3]}})
		if err != nil {
			return err
		}
		q.expands = append(q.expands, expansion{n, nested, m[2]})
		text = text[len(m[0]):]
	}
	return nil
}

func cookiePattern() *regexp.Regexp {
	return regexp.MustCompile(`^<cookie pagenumber="([0-9]{1,6})" istracking="False" />$`)
}

func cookie(page int) string {
	return `<cookie pagenumber="` + strconv.Itoa(page) + `" istracking="False" />`
}

// choose applies the filter to rows.
func (q *query) choose(w *world, rows []any) []any {
	chosen := make([]any, 0, len(rows))
	for _, row := range rows {
		if q.filter(w, row) {
			chosen = append(chosen, row)
		}
	}
	return chosen
}
