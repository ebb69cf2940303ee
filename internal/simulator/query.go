package simulator

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxPage is the largest page size, and the largest value of @odata.count.
const maxPage = 5000

// A query has a request's system query options, resolved against the type of its rows.
type query struct {
	t        *entityType
	columns  []*column // nil: all
	filter   predicate
	expands  []expansion
	top      int // -1: no limit
	count    bool
	page     int    // 1 for the first
	selected string // the value of $select, for @odata.context
}

type expansion struct {
	navigation *navigation
	query      query
}

// parseQuery reads the system query options of a request for rows of type t.
func parseQuery(t *entityType, options url.Values) (query, error) {
	q := query{t: t, top: -1, page: 1, filter: func(*database, any) bool { return true }}
	for _, option := range knownOptions() {
		if options.Has(option) {
			if err := q.parse(option, options.Get(option)); err != nil {
				return query{}, err
			}
		}
	}
	return q, nil
}

func (q *query) parse(option, text string) (err error) {
	switch option {
	case "$select":
		return q.parseSelect(text)
	case "$filter":
		q.filter, err = parseFilter(q.t, text)
	case "$expand":
		return q.parseExpand(text)
	case "$top":
		q.top, err = parsePositive(option, text)
	case "$count":
		if q.count, err = strconv.ParseBool(text); err != nil {
			err = badURL("Invalid value '%s' for $count query option found. Valid values are 'true' or 'false'.", text)
		}
	case "$skiptoken":
		number := regexp.MustCompile(`^<cookie pagenumber="([0-9]{1,6})" istracking="False" />$`).FindStringSubmatch(text)
		if number == nil {
			return badURL("Malformed XML in the Paging Cookie")
		}
		q.page, err = parsePositive("pagenumber", number[1])
	}
	return err
}

func parsePositive(name, text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		return 0, badURL("Invalid value '%s' for %s query option found. It requires a positive integer value.", text, name)
	}
	return n, nil
}

func (q *query) parseSelect(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		c := q.t.column(strings.TrimSpace(name))
		if c == nil {
			return propertyNotFound(name, q.t.logicalName)
		}
		if !slices.Contains(q.columns, c) {
			q.columns = append(q.columns, c)
		}
	}
	q.selected = strings.ReplaceAll(text, " ", "")
	return nil
}

// parseExpand reads a list of navigation properties. Each must select columns: otherwise the response would
// have all columns of the related table.
func (q *query) parseExpand(text string) error {
	item := regexp.MustCompile(`^(\w+)\(\$select=([\w,]+)\)(?:,|$)`)
	for text != "" {
		m := item.FindStringSubmatch(text)
		if m == nil {
			return badURL("Term '%s' is not valid in a $select or $expand expression.", text)
		}
		n := q.t.navigation(m[1])
		if n == nil {
			return propertyNotFound(m[1], q.t.logicalName)
		}
		nested := query{t: n.target, top: -1, page: 1}
		if err := nested.parseSelect(m[2]); err != nil {
			return err
		}
		q.expands = append(q.expands, expansion{n, nested})
		text = text[len(m[0]):]
	}
	return nil
}

// pagingCookie returns the cookie in the $skiptoken of a page.
func pagingCookie(page int) string {
	return `<cookie pagenumber="` + strconv.Itoa(page) + `" istracking="False" />`
}
