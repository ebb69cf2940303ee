package simulator

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// pattern is the request's path without keys and parameters.
func (c *call) pattern() string {
	steps := make([]string, len(c.path))
	for i, s := range c.path {
		steps[i] = strings.TrimPrefix(s.name, "Microsoft.Dynamics.CRM.")
		if s.hasParens {
			steps[i] += "()"
		}
	}
	return strings.Join(steps, "/")
}

// get answers a GET: of a function, a collection, a row, or the rows of a navigation property.
func (c *call) get() (answer, error) {
	if f, ok := functions()[c.pattern()]; ok {
		return f.call(c)
	}
	first := c.path[0]
	t := c.server.types[first.name]
	if t == nil {
		return answer{}, noSegment(first.name)
	}
	if !first.hasParens && len(c.path) == 1 {
		if err := c.contradicted(t); err != nil {
			return answer{}, err
		}
		return c.collection(t, t.rows(c.world), c.root+t.entitySet)
	}
	id, err := keyOf(t, first)
	if err != nil {
		return answer{}, err
	}
	row, err := c.rowFor(t, id)
	if err != nil {
		return answer{}, err
	}
	if len(c.path) == 1 {
		return c.single(t, row)
	}
	n := t.nav(c.path[1].name)
	if n == nil || len(c.path) > 2 {
		return answer{}, noSegment(c.path[1].name)
	}
	return c.collection(n.target, n.follow(c.world, row), c.root+t.entitySet+"("+id+")/"+n.name)
}

// keyOf reads the key of a segment: the id, or the key column's name and the id.
func keyOf(t *entityType, s segment) (string, error) {
	id, ok := parseGUID(strings.TrimPrefix(s.argument, t.key()+"="))
	if !ok {
		return "", badSyntax()
	}
	return id, nil
}

// mayRead checks the privileges that are required to read a table.
func (c *call) mayRead(t *entityType) error {
	var refusal error
	for _, name := range t.privileges {
		err := c.need(name)
		if err == nil && t.anyPrivilege {
			return nil
		}
		if refusal == nil {
			refusal = err
		}
	}
	return refusal
}

// seen returns the rows that the caller may read, after the privileges are checked.
func (c *call) seen(t *entityType, rows []any) []any {
	see := func(row any) bool { return t.visible(c, row) }
	if t.visible == nil {
		if len(t.privileges) == 0 {
			return rows
		}
		holdings := c.holdings(t.privileges[0])
		if slices.ContainsFunc(holdings, func(h holding) bool { return h.depth == DepthGlobal }) {
			return rows
		}
		see = func(row any) bool { return c.reaches(holdings, placeOf(row)) }
	}
	return pick(rows, see)
}

func (c *call) rowFor(t *entityType, id string) (any, error) {
	if err := c.mayRead(t); err != nil {
		return nil, err
	}
	row := t.find(c.world, id)
	if row == nil {
		return nil, noRow(t.logicalName, id)
	}
	if len(c.seen(t, []any{row})) == 0 {
		return nil, c.denied(placeOf(row), t.logicalName, id, "ReadAccess")
	}
	return row, nil
}

// find finds one row of a table that the caller may read.
func find[T any](c *call, set, id string) (row T, err error) {
	found, err := c.rowFor(c.server.types[set], id)
	if err == nil {
		row = found.(T)
	}
	return row, err
}

func (c *call) single(t *entityType, row any) (answer, error) {
	q, err := c.parseQuery(t)
	if err != nil {
		return answer{}, err
	}
	body := object{{"@odata.context", c.context(&q) + "/$entity"}}
	return answer{body: append(body, c.render(&q, row)...)}, nil
}

// collection answers with a page of the rows that the caller sees. self is the address of further pages.
func (c *call) collection(t *entityType, rows []any, self string) (answer, error) {
	if err := c.mayRead(t); err != nil {
		return answer{}, err
	}
	q, err := c.parseQuery(t)
	if err != nil {
		return answer{}, err
	}
	rows = pick(c.seen(t, rows), func(row any) bool { return q.filter(c.world, row) })
	body := object{{"@odata.context", c.context(&q)}}
	if q.count {
		body = body.with("@odata.count", min(maxPage, len(rows)))
	}
	page, more := c.page(&q, rows)
	body = body.with("value", c.renderAll(&q, page))
	if more {
		body = body.with("@odata.nextLink", self+"?"+nextPage(c.rawQuery, q.page+1))
	}
	return answer{body: body}, nil
}

// nextPage is the query of a further page: that of the first, with the page's number at its end.
func nextPage(query string, page int) string {
	query, _, _ = strings.Cut(query, "&$skiptoken=")
	return strings.TrimPrefix(query+"&$skiptoken="+url.PathEscape(cookie(page)), "&")
}

// page is the requested page of the rows. With $top there is only one, which the limit truncates
// without notice.
func (c *call) page(q *query, rows []any) (page []any, more bool) {
	if q.top >= 0 {
		return rows[:min(len(rows), q.top, maxPage)], false
	}
	size := c.server.options.PageSize
	if asked, _ := strconv.Atoi(c.prefers("odata.maxpagesize")); asked > 0 {
		size = min(size, asked)
	}
	start := min(len(rows), (q.page-1)*size)
	end := min(len(rows), start+size)
	return rows[start:end], end < len(rows)
}

// parseQuery reads the request's options, and checks the privileges for the tables of $expand.
func (c *call) parseQuery(t *entityType) (query, error) {
	q, err := parseQuery(t, c.query)
	for _, e := range q.expands {
		err = errors.Join(err, c.mayRead(e.nav.target))
	}
	return q, err
}

// context is the @odata.context of a collection: the set, and the selected columns.
func (c *call) context(q *query) string {
	var parts []string
	if q.selected != "" {
		parts = append(parts, q.selected)
	}
	for _, e := range q.expands {
		parts = append(parts, e.nav.name+"("+e.query.selected+")")
	}
	context := c.root + "$metadata#" + q.t.entitySet
	if len(parts) == 0 {
		return context
	}
	return context + "(" + strings.Join(parts, ",") + ")"
}

func (c *call) renderAll(q *query, rows []any) []object {
	return each(rows, func(row any) object { return c.render(q, row) })
}

// render writes a row: its etag, the selected columns, always the key, and expanded rows.
func (c *call) render(q *query, row any) object {
	t := q.t
	columns := q.columns
	if columns == nil {
		columns = pointers(t.columns)
	}
	o := object{{"@odata.etag", etag(t.stamp(c.world, row))}}
	for _, col := range columns {
		v := c.wireValue(t, col.get(c.world, row))
		if yes, ok := v.(bool); ok && c.world.env.has(MembersTwice) {
			o = o.with(col.name, !yes)
		}
		o = o.with(col.name, v)
	}
	id := t.id(c.world, row)
	if !slices.Contains(columns, &t.columns[0]) {
		o = o.with(t.key(), id)
	}
	for i := range q.expands {
		o = c.renderExpansion(o, q.t, &q.expands[i], row, id)
	}
	return o
}

func etag(s stamp) string { return `W/"` + strconv.FormatInt(s.version, 10) + `"` }

func (c *call) renderExpansion(o object, t *entityType, e *expansion, row any, id string) object {
	page, more := c.page(&e.query, c.seen(e.nav.target, e.nav.follow(c.world, row)))
	o = o.with(e.nav.name, c.renderAll(&e.query, page))
	if more {
		o = o.with(e.nav.name+"@odata.nextLink", c.root+t.entitySet+"("+id+")/"+e.nav.name+"?"+nextPage("$select="+e.query.selected, 2))
	}
	return o
}
