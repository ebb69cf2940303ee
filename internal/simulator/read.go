package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// get answers a GET: a collection, a row, what a row leads to, or a function.
func (c *call) get() (answer, error) {
	first := c.path[0]
	switch first.name {
	case "$metadata":
		return c.metadataDocument(), nil
	case "EntityDefinitions":
		return c.entityDefinitions()
	}
	if len(c.path) == 1 {
		if f := unboundFunction(first.name); f != nil {
			return f(c, first)
		}
	}
	t := c.server.schema.bySet[first.name]
	if t == nil {
		return answer{}, noSegment(first.name)
	}
	if !first.hasParens {
		return c.getSet(t)
	}
	id, err := keyOf(t, first)
	if err != nil {
		return answer{}, err
	}
	if len(c.path) == 1 {
		return c.getRow(t, id)
	}
	return c.getBelow(t, id)
}

func (c *call) getSet(t *entityType) (answer, error) {
	switch {
	case len(c.path) == 1:
		if err := c.contradicted(t); err != nil {
			return answer{}, err
		}
		rows, err := c.visible(t, t.rows(c.world))
		if err != nil {
			return answer{}, err
		}
		return c.collection(t, rows, c.root+t.entitySet)
	case len(c.path) == 2 && c.path[1].name == "$count":
		rows, err := c.visible(t, t.rows(c.world))
		if err != nil {
			return answer{}, err
		}
		return c.countOf(t, rows)
	default:
		return answer{}, noSegment(c.path[1].name)
	}
}

func (c *call) countOf(t *entityType, rows []any) (answer, error) {
	if err := c.query.allow("$filter"); err != nil {
		return answer{}, err
	}
	q, err := parseQuery(t, c.query.options)
	if err != nil {
		return answer{}, err
	}
	return answer{plain: strconv.Itoa(min(maxPage, len(q.choose(c.world, rows))))}, nil
}

// keyOf reads the key of a segment: the id alone, or with the key column's name.
func keyOf(t *entityType, s segment) (string, error) {
	if len(s.args) == 1 && (s.args[0].name == "" || s.args[0].name == t.key) {
		if id, ok := parseGUID(s.args[0].value); ok {
			return id, nil
		}
	}
	return "", badURL("Bad Request - Error in query syntax.")
}

// visible narrows rows to those that the caller may read; a missing privilege is an error.
func (c *call) visible(t *entityType, rows []any) ([]any, error) {
	if err := c.mayRead(t); err != nil {
		return nil, err
	}
	see := c.sees(t)
	out := make([]any, 0, len(rows))
	for _, row := range rows {
		if see(row) {
			out = append(out, row)
		}
	}
	return out, nil
}

// mayRead checks the privileges that reading a table needs at all.
func (c *call) mayRead(t *entityType) error {
	var refusal error
	for _, name := range t.privileges {
		err := c.caller.need(c.world, name)
		if err == nil && t.anyPrivilege {
			return nil
		}
		if refusal == nil {
			refusal = err
		}
	}
	return refusal
}

// sees gives the test for single rows, once the privileges are there.
func (c *call) sees(t *entityType) func(row any) bool {
	if t.visible != nil {
		return func(row any) bool { return t.visible(c.world, c.caller, row) }
	}
	if len(t.privileges) == 0 {
		return func(any) bool { return true }
	}
	holdings := c.caller.holdings(c.world.cat.privilege(t.privileges[0]))
	if slices.ContainsFunc(holdings, func(h holding) bool { return h.depth == DepthGlobal }) {
		return func(any) bool { return true }
	}
	return func(row any) bool { return c.caller.reaches(holdings, t.place(c.world, row)) }
}

// rowFor finds one row that the caller may read.
func (c *call) rowFor(t *entityType, id string) (any, error) {
	if err := c.mayRead(t); err != nil {
		return nil, err
	}
	row := t.find(c.world, id)
	if row == nil {
		return nil, noRow(t.logicalName, id)
	}
	if !c.sees(t)(row) {
		at := placement{}
		if t.place != nil {
			at = t.place(c.world, row)
		}
		return nil, accessDenied(c.world, c.caller.user, at, t.logicalName, id, "ReadAccess")
	}
	return row, nil
}

func (c *call) getRow(t *entityType, id string) (answer, error) {
	if err := c.query.allow("$select", "$expand"); err != nil {
		return answer{}, err
	}
	q, err := parseQuery(t, c.query.options)
	if err != nil {
		return answer{}, err
	}
	row, err := c.rowFor(t, id)
	if err != nil {
		return answer{}, err
	}
	return c.single(&q, row)
}

func (c *call) single(q *query, row any) (answer, error) {
	if err := c.mayExpand(q); err != nil {
		return answer{}, err
	}
	body := object{{"@odata.context", c.context(q) + "/$entity"}}
	return answer{body: append(body, c.render(q, row)...)}, nil
}

// getBelow answers for what stands behind a row: a navigation property, a column, a function.
func (c *call) getBelow(t *entityType, id string) (answer, error) {
	second := c.path[1]
	if name, ok := strings.CutPrefix(second.name, "Microsoft.Dynamics.CRM."); ok && len(c.path) == 2 {
		f := boundFunction(t.logicalName, name)
		if f == nil || !second.hasParens {
			return answer{}, noSegment(second.name)
		}
		row, err := c.rowFor(t, id)
		if err != nil {
			return answer{}, err
		}
		return f(c, second, row)
	}
	if second.hasParens || len(c.path) > 3 {
		return answer{}, noSegment(second.name)
	}
	if n := t.nav(second.name); n != nil {
		row, err := c.rowFor(t, id)
		if err != nil {
			return answer{}, err
		}
		return c.related(n, row, c.root+t.entitySet+"("+id+")/"+n.name)
	}
	if column := t.column(second.name); column != nil && len(c.path) == 2 {
		row, err := c.rowFor(t, id)
		if err != nil {
			return answer{}, err
		}
		return answer{body: object{
			{"@odata.context", c.root + "$metadata#" + t.entitySet + "(" + id + ")/" + column.name},
			{"value", column.get(c.world, row)},
		}}, nil
	}
	return answer{}, noSegment(second.name)
}

// related answers for the rows behind a navigation property.
func (c *call) related(n *nav, row any, self string) (answer, error) {
	rows := n.follow(c.world, row)
	tail := ""
	if len(c.path) == 3 {
		tail = c.path[2].name
	}
	if !n.collection {
		if tail != "" {
			return answer{}, noSegment(tail)
		}
		if len(rows) == 0 {
			return answer{}, nil
		}
		q, err := parseQuery(n.target, c.query.options)
		if err != nil {
			return answer{}, err
		}
		if _, err := c.rowFor(n.target, n.target.id(c.world, rows[0])); err != nil {
			return answer{}, err
		}
		return c.single(&q, rows[0])
	}
	rows, err := c.visible(n.target, rows)
	if err != nil {
		return answer{}, err
	}
	switch tail {
	case "":
		return c.collection(n.target, rows, self)
	case "$count":
		return c.countOf(n.target, rows)
	case "$ref":
		refs := make([]object, len(rows))
		for i, r := range rows {
			refs[i] = object{{"@odata.id", c.root + n.target.entitySet + "(" + n.target.id(c.world, r) + ")"}}
		}
		return answer{body: object{{"@odata.context", c.root + "$metadata#Collection($ref)"}, {"value", refs}}}, nil
	default:
		return answer{}, noSegment(tail)
	}
}

// collection answers with a page of rows. self is the address that further pages are below.
func (c *call) collection(t *entityType, rows []any, self string) (answer, error) {
	q, err := parseQuery(t, c.query.options)
	if err != nil {
		return answer{}, err
	}
	if err := c.mayExpand(&q); err != nil {
		return answer{}, err
	}
	rows = q.choose(c.world, rows)
	if q.apply != "" {
		return answer{body: object{
			{"@odata.context", c.root + "$metadata#" + t.entitySet + "(" + q.apply + ")"},
			{"value", []object{{{q.apply, len(rows)}}}},
		}}, nil
	}
	body := object{{"@odata.context", c.context(&q)}}
	if q.count {
		body = body.with("@odata.count", min(maxPage, len(rows)))
		if c.prefer.annotations("Microsoft.Dynamics.CRM.totalrecordcount") {
			body = body.with("@Microsoft.Dynamics.CRM.totalrecordcount", min(maxPage, len(rows)))
		}
		if c.prefer.annotations("Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded") {
			body = body.with("@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded", len(rows) > maxPage)
		}
	}
	page, more := c.page(&q, rows)
	values := make([]object, len(page))
	for i, row := range page {
		values[i] = c.render(&q, row)
	}
	body = body.with("value", values)
	if more {
		query := append(slices.Clone(c.query.order), "$skiptoken="+url.PathEscape(cookie(q.page+1)))
		body = body.with("@odata.nextLink", self+"?"+strings.Join(query, "&"))
	}
	return answer{body: body}, nil
}

// page cuts the page out of the rows. With $top there is one page only, cut silently at the limit.
func (c *call) page(q *query, rows []any) (page []any, more bool) {
	size := c.pageSize()
	if q.top >= 0 {
		return rows[:min(len(rows), q.top, maxPage)], false
	}
	start := min(len(rows), (q.page-1)*size)
	end := min(len(rows), start+size)
	return rows[start:end], end < len(rows)
}

func (c *call) pageSize() int {
	if c.prefer.pageSize > 0 {
		return min(c.prefer.pageSize, c.server.options.PageSize)
	}
	return c.server.options.PageSize
}

// mayExpand checks the privileges for the tables that $expand reaches.
func (c *call) mayExpand(q *query) error {
	for i := range q.expands {
		e := &q.expands[i]
		if err := c.mayRead(e.nav.target); err != nil {
			return err
		}
		if err := c.mayExpand(&e.query); err != nil {
			return err
		}
	}
	return nil
}

// context is the @odata.context of a collection: the set, and what of it was asked for.
func (c *call) context(q *query) string {
	return c.root + "$metadata#" + q.t.entitySet + projection(q)
}

func projection(q *query) string {
	var parts []string
	if q.selected != "" {
		parts = append(parts, q.selected)
	}
	for i := range q.expands {
		inner := projection(&q.expands[i].query)
		if inner == "" {
			inner = "()"
		}
		parts = append(parts, q.expands[i].nav.name+inner)
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ",") + ")"
}

// render writes a row: its etag, the columns asked for with the annotations asked for, the key in any
// case, and what is expanded.
func (c *call) render(q *query, row any) object {
	t := q.t
	id := t.id(c.world, row)
	o := object{{"@odata.etag", etag(t.stamp(c.world, row))}}
	if q.columns == nil {
		for i := range t.columns {
			o = c.renderColumn(o, t, &t.columns[i], row)
		}
	} else {
		for _, col := range q.columns {
			o = c.renderColumn(o, t, col, row)
		}
		if key := t.column(t.key); !slices.Contains(q.columns, key) {
			o = o.with(t.key, id)
		}
	}
	for i := range q.expands {
		o = c.renderExpansion(o, q, &q.expands[i], row, id)
	}
	return o
}

func etag(s stamp) string { return `W/"` + strconv.FormatInt(s.version, 10) + `"` }

func (c *call) renderColumn(o object, t *entityType, col *column, row any) object {
	v := c.wireValue(t, col.get(c.world, row))
	if yes, ok := v.(bool); ok && c.world.env.has(MembersTwice) {
		o = o.with(col.name, !yes)
	}
	o = o.with(col.name, v)
	if v == nil {
		return o
	}
	const formatted, associated, logical = "OData.Community.Display.V1.FormattedValue",
		"Microsoft.Dynamics.CRM.associatednavigationproperty", "Microsoft.Dynamics.CRM.lookuplogicalname"
	if col.lookup != nil {
		table, label := col.lookup(c.world, row)
		if c.prefer.annotations(formatted) {
			o = o.with(col.name+"@"+formatted, label)
		}
		if c.prefer.annotations(associated) && col.nav != "" {
			o = o.with(col.name+"@"+associated, col.nav)
		}
		if c.prefer.annotations(logical) {
			o = o.with(col.name+"@"+logical, table)
		}
	}
	if b, ok := v.(bool); ok && c.prefer.annotations(formatted) {
		o = o.with(col.name+"@"+formatted, map[bool]string{true: "Yes", false: "No"}[b])
	}
	return o
}

func (c *call) renderExpansion(o object, q *query, e *expansion, row any, id string) object {
	see := c.sees(e.nav.target)
	var rows []any
	for _, r := range e.nav.follow(c.world, row) {
		if see(r) {
			rows = append(rows, r)
		}
	}
	if !e.nav.collection {
		if len(rows) == 0 {
			return o.with(e.nav.name, nil)
		}
		return o.with(e.nav.name, c.render(&e.query, rows[0]))
	}
	rows = e.query.choose(c.world, rows)
	page, more := c.page(&e.query, rows)
	values := make([]object, len(page))
	for i, r := range page {
		values[i] = c.render(&e.query, r)
	}
	o = o.with(e.nav.name, values)
	if more {
		var parts []string
		for _, option := range splitOutside(e.raw, ';') {
			if name, value, ok := strings.Cut(strings.TrimSpace(option), "="); ok {
				parts = append(parts, name+"="+url.QueryEscape(value))
			}
		}
		parts = append(parts, "$skiptoken="+url.PathEscape(cookie(2)))
		o = o.with(e.nav.name+"@odata.nextLink", c.root+q.t.entitySet+"("+id+")/"+e.nav.name+"?"+strings.Join(parts, "&"))
	}
	return o
}

func (c *call) metadataDocument() answer {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices><Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">`)
	for _, t := range c.server.schema.types {
		b.WriteString(`<EntityType Name="` + t.logicalName + `"><Key><PropertyRef Name="` + t.key + `"/></Key>`)
		for _, col := range t.columns {
			b.WriteString(`<Property Name="` + col.name + `" Type="` + strings.Replace(col.kind.edm(), "Microsoft.Dynamics.CRM.", "mscrm.", 1) + `"/>`)
		}
		for _, n := range t.navs {
			kind := "mscrm." + n.targetName
			if n.collection {
				kind = "Collection(" + kind + ")"
			}
			b.WriteString(`<NavigationProperty Name="` + n.name + `" Type="` + kind + `"/>`)
		}
		b.WriteString(`</EntityType>`)
	}
	b.WriteString(`<EntityContainer Name="System">`)
	for _, t := range c.server.schema.types {
		b.WriteString(`<EntitySet Name="` + t.entitySet + `" EntityType="Microsoft.Dynamics.CRM.` + t.logicalName + `"/>`)
	}
	b.WriteString(`</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>`)
	return answer{plain: b.String(), header: http.Header{"Content-Type": {"application/xml"}}}
}
