package simulator

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

func (c *call) pattern() string {
	names := make([]string, len(c.path))
	for i, s := range c.path {
		names[i] = strings.TrimPrefix(s.name, "Microsoft.Dynamics.CRM.")
		if s.hasParens {
			names[i] += "()"
		}
	}
	return strings.Join(names, "/")
}

// get handles a GET: of a function, a collection, a row, or the rows of a navigation property.
func (c *call) get() (response, error) {
	if f, ok := functions()[c.pattern()]; ok {
		return f.invoke(c)
	}
	first := c.path[0]
	t := c.server.types[first.name]
	if t == nil {
		return response{}, resourceNotFound(first.name)
	}
	if !first.hasParens && len(c.path) == 1 {
		if err := c.checkContradictions(t); err != nil {
			return response{}, err
		}
		return c.collection(t, t.rows(c.db), c.serviceRoot+t.entitySet)
	}
	id, err := keyOf(t, first)
	if err != nil {
		return response{}, err
	}
	row, err := c.readableRow(t, id)
	if err != nil {
		return response{}, err
	}
	if len(c.path) == 1 {
		return c.single(t, row)
	}
	n := t.navigation(c.path[1].name)
	if n == nil || len(c.path) > 2 {
		return response{}, resourceNotFound(c.path[1].name)
	}
	return c.collection(n.target, n.follow(c.db, row), c.serviceRoot+t.entitySet+"("+id+")/"+n.name)
}

// keyOf returns the id in the key of a segment, which is ID or COLUMN=ID.
func keyOf(t *entityType, s segment) (string, error) {
	id, ok := parseGUID(strings.TrimPrefix(s.argument, t.key()+"="))
	if !ok {
		return "", querySyntaxError()
	}
	return id, nil
}

// checkReadPrivileges returns an error if the caller lacks a privilege that is required to read a table.
func (c *call) checkReadPrivileges(t *entityType) error {
	var first error
	for _, name := range t.privileges {
		err := c.requirePrivilege(name)
		if err == nil && t.anyPrivilegeSuffices {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// visibleRows returns the rows that the caller may read. The caller has the privileges that the table
// requires.
func (c *call) visibleRows(t *entityType, rows []any) []any {
	if t.isVisible != nil {
		return filterSlice(rows, func(row any) bool { return t.isVisible(c, row) })
	}
	if len(t.privileges) == 0 {
		return rows
	}
	assignments := c.assignmentsGranting(t.privileges[0])
	if slices.ContainsFunc(assignments, func(a assignment) bool { return a.depth == DepthGlobal }) {
		return rows
	}
	return filterSlice(rows, func(row any) bool { return c.covers(assignments, ownershipOf(row)) })
}

// readableRow returns the row of a table with an id. It is an error if the caller may not read it.
func (c *call) readableRow(t *entityType, id string) (any, error) {
	if err := c.checkReadPrivileges(t); err != nil {
		return nil, err
	}
	row := t.find(c.db, id)
	if row == nil {
		return nil, rowNotFound(t.logicalName, id)
	}
	if len(c.visibleRows(t, []any{row})) == 0 {
		return nil, c.accessDenied(ownershipOf(row), t.logicalName, id, "ReadAccess")
	}
	return row, nil
}

// readableRowOf is readableRow for the concrete row type T of an entity set.
func readableRowOf[T any](c *call, set, id string) (row T, err error) {
	found, err := c.readableRow(c.server.types[set], id)
	if err == nil {
		row = found.(T)
	}
	return row, err
}

func (c *call) single(t *entityType, row any) (response, error) {
	q, err := c.parseQuery(t)
	if err != nil {
		return response{}, err
	}
	body := object{{"@odata.context", c.context(&q) + "/$entity"}}
	return response{body: append(body, c.render(&q, row)...)}, nil
}

// collection returns a page of those rows that the caller may read. address is the one of the next pages.
func (c *call) collection(t *entityType, rows []any, address string) (response, error) {
	if err := c.checkReadPrivileges(t); err != nil {
		return response{}, err
	}
	q, err := c.parseQuery(t)
	if err != nil {
		return response{}, err
	}
	rows = filterSlice(c.visibleRows(t, rows), func(row any) bool { return q.filter(c.db, row) })
	body := object{{"@odata.context", c.context(&q)}}
	if q.count {
		body = body.with("@odata.count", min(maxPage, len(rows)))
	}
	page, more := c.page(&q, rows)
	body = body.with("value", c.renderAll(&q, page))
	if more {
		body = body.with("@odata.nextLink", address+"?"+nextPage(c.rawQuery, q.page+1))
	}
	return response{body: body}, nil
}

// nextPage returns the query of a page: the query of the first page with a paging cookie.
func nextPage(query string, page int) string {
	query, _, _ = strings.Cut(query, "&$skiptoken=")
	return strings.TrimPrefix(query+"&$skiptoken="+url.PathEscape(pagingCookie(page)), "&")
}

// page returns the requested page of the rows, and whether there are more rows. With $top there is only one
// page, and rows beyond maxPage are missing without notice.
func (c *call) page(q *query, rows []any) (page []any, more bool) {
	if q.top >= 0 {
		return rows[:min(len(rows), q.top, maxPage)], false
	}
	size := c.server.options.PageSize
	if preferred, _ := strconv.Atoi(c.preference("odata.maxpagesize")); preferred > 0 {
		size = min(size, preferred)
	}
	start := min(len(rows), (q.page-1)*size)
	end := min(len(rows), start+size)
	return rows[start:end], end < len(rows)
}

// parseQuery reads the request's query options, and checks the privileges for the tables of $expand.
func (c *call) parseQuery(t *entityType) (query, error) {
	q, err := parseQuery(t, c.query)
	for _, e := range q.expands {
		err = errors.Join(err, c.checkReadPrivileges(e.navigation.target))
	}
	return q, err
}

// context returns the @odata.context of a collection: the entity set and the selected columns.
func (c *call) context(q *query) string {
	var parts []string
	if q.selected != "" {
		parts = append(parts, q.selected)
	}
	for _, e := range q.expands {
		parts = append(parts, e.navigation.name+"("+e.query.selected+")")
	}
	context := c.serviceRoot + "$metadata#" + q.t.entitySet
	if len(parts) == 0 {
		return context
	}
	return context + "(" + strings.Join(parts, ",") + ")"
}

func (c *call) renderAll(q *query, rows []any) []object {
	return mapSlice(rows, func(row any) object { return c.render(q, row) })
}

// render returns a row: its etag, the selected columns, the key even if it is not selected, and expanded
// rows.
func (c *call) render(q *query, row any) object {
	t := q.t
	columns := q.columns
	if columns == nil {
		columns = pointers(t.columns)
	}
	o := object{{"@odata.etag", etag(t.stamp(c.db, row))}}
	for _, col := range columns {
		v := c.wireValue(t, col.get(c.db, row))
		if b, ok := v.(bool); ok && c.db.env.hasContradiction(MembersTwice) {
			o = o.with(col.name, !b)
		}
		o = o.with(col.name, v)
	}
	id := t.id(c.db, row)
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
	page, more := c.page(&e.query, c.visibleRows(e.navigation.target, e.navigation.follow(c.db, row)))
	o = o.with(e.navigation.name, c.renderAll(&e.query, page))
	if more {
		o = o.with(e.navigation.name+"@odata.nextLink", c.serviceRoot+t.entitySet+"("+id+")/"+e.navigation.name+"?"+nextPage("$select="+e.query.selected, 2))
	}
	return o
}
