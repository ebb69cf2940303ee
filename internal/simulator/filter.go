package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A predicate is a compiled $filter: it says whether a row belongs to the answer.
type predicate func(w *world, row any) bool

// maxFilterDepth bounds the nesting of an expression, as the platform bounds its own parser.
const maxFilterDepth = 100

// parseFilter compiles a $filter expression over rows of type t.
func parseFilter(t *entityType, text string) (predicate, error) {
	tokens, err := lexFilter(text)
	if err != nil {
		return nil, err
	}
	p := &filterParser{tokens: tokens, text: text}
	pred, err := p.or(scope{t: t})
	if err != nil {
		return nil, err
	}
	if tok := p.peek(); tok.kind != tokEnd {
		return nil, p.unexpected(tok)
	}
	return pred, nil
}

// A scope is what names in an expression mean: columns of t, inside a lambda only behind its variable.
type scope struct {
	t        *entityType
	variable string
}

type tokenKind int

const (
	tokEnd tokenKind = iota
	tokWord
	tokString
	tokOpen
	tokClose
	tokComma
	tokColon
	tokEquals
	tokList // a JSON array, as PropertyValues takes it
)

type token struct {
	kind tokenKind
	text string
	at   int
}

func lexFilter(text string) ([]token, error) {
	var tokens []token
	single := map[byte]tokenKind{'(': tokOpen, ')': tokClose, ',': tokComma, '=': tokEquals}
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t':
			i++
		case c == '\'':
			value, n, ok := quoted(text[i:])
			if !ok {
				return nil, badURL("There is an unterminated string literal at position %d in '%s'.", i, text)
			}
			tokens = append(tokens, token{tokString, value, i})
			i += n
		case c == '[':
			end := strings.IndexByte(text[i:], ']')
			if end < 0 {
				return nil, badURL("There is an unterminated list at position %d in '%s'.", i, text)
			}
			tokens = append(tokens, token{tokList, text[i : i+end+1], i})
			i += end + 1
		case single[c] != tokEnd:
			tokens = append(tokens, token{single[c], text[i : i+1], i})
			i++
		case c == ':' && lambdaColon(tokens):
			tokens = append(tokens, token{tokColon, ":", i})
			i++
		case wordByte(c):
			start := i
			for i < len(text) && wordByte(text[i]) && (text[i] != ':' || !lambdaWord(tokens, text[start:i])) {
				i++
			}
			tokens = append(tokens, token{tokWord, text[start:i], start})
		default:
			return nil, badURL("Syntax error: character '%c' is not valid at position %d in '%s'.", c, i, text)
		}
	}
	return append(tokens, token{tokEnd, "", len(text)}), nil
}

// A colon ends a word only where a lambda's variable may stand: behind any( or all(. Elsewhere it is
// part of a time.
func lambdaWord(tokens []token, word string) bool {
	n := len(tokens)
	return word != "" && n >= 2 && tokens[n-1].kind == tokOpen && tokens[n-2].kind == tokWord &&
		(strings.HasSuffix(tokens[n-2].text, "/any") || strings.HasSuffix(tokens[n-2].text, "/all"))
}

func lambdaColon(tokens []token) bool {
	n := len(tokens)
	return n >= 3 && tokens[n-1].kind == tokWord && lambdaWord(tokens[:n-1], "x")
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-./:@$+", c) >= 0
}

// quoted reads a string literal in single quotes; a quote inside it is written twice.
func quoted(text string) (value string, length int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

type filterParser struct {
	tokens []token
	next   int
	depth  int
	text   string
}

func (p *filterParser) peek() token { return p.tokens[p.next] }

func (p *filterParser) take() token {
	tok := p.tokens[p.next]
	if tok.kind != tokEnd {
		p.next++
	}
	return tok
}

func (p *filterParser) unexpected(tok token) error {
	if tok.kind == tokEnd {
		return badURL("Expression expected at position %d in '%s'.", tok.at, p.text)
	}
	return badURL("Syntax error at position %d in '%s': '%s' was not expected.", tok.at, p.text, tok.text)
}

func (p *filterParser) expect(kind tokenKind) error {
	if tok := p.take(); tok.kind != kind {
		return p.unexpected(tok)
	}
	return nil
}

func (p *filterParser) word(text string) bool {
	if tok := p.peek(); tok.kind == tokWord && tok.text == text {
		p.next++
		return true
	}
	return false
}

func (p *filterParser) or(s scope) (predicate, error) {
	if p.depth++; p.depth > maxFilterDepth {
		return nil, badURL("The expression is nested more than %d levels deep.", maxFilterDepth)
	}
	defer func() { p.depth-- }()
	left, err := p.and(s)
	for err == nil && p.word("or") {
		var right predicate
		if right, err = p.and(s); err == nil {
			a := left
			left = func(w *world, row any) bool { return a(w, row) || right(w, row) }
		}
	}
	return left, err
}

func (p *filterParser) and(s scope) (predicate, error) {
	left, err := p.unary(s)
	for err == nil && p.word("and") {
		var right predicate
		if right, err = p.unary(s); err == nil {
			a := left
			left = func(w *world, row any) bool { return a(w, row) && right(w, row) }
		}
	}
	return left, err
}

// unary reads a comparison, a function, a lambda, something in parentheses, or the negation of one of
// the latter three: not binds more tightly than a comparison does.
func (p *filterParser) unary(s scope) (predicate, error) {
	negations := 0
	for p.word("not") {
		negations++
	}
	pred, comparison, err := p.primary(s)
	if err != nil {
		return nil, err
	}
	if negations > 0 && comparison {
		return nil, badURL("A unary operator with an incompatible type was detected: 'not' needs parentheses around a comparison in '%s'.", p.text)
	}
	if negations%2 == 1 {
		inner := pred
		pred = func(w *world, row any) bool { return !inner(w, row) }
	}
	return pred, nil
}

func (p *filterParser) primary(s scope) (pred predicate, comparison bool, err error) {
	tok := p.take()
	if tok.kind == tokOpen {
		pred, err = p.or(s)
		if err != nil {
			return nil, false, err
		}
		return pred, false, p.expect(tokClose)
	}
	if tok.kind != tokWord {
		return nil, false, p.unexpected(tok)
	}
	if p.peek().kind == tokOpen {
		pred, err = p.call(s, tok)
		return pred, false, err
	}
	pred, err = p.comparison(s, tok)
	return pred, true, err
}

func (p *filterParser) call(s scope, name token) (predicate, error) {
	if path, ok := strings.CutSuffix(name.text, "/any"); ok {
		return p.lambda(s, path, false)
	}
	if path, ok := strings.CutSuffix(name.text, "/all"); ok {
		return p.lambda(s, path, true)
	}
	switch name.text {
	case "contains":
		return p.stringFunction(s, strings.Contains)
	case "startswith":
		return p.stringFunction(s, strings.HasPrefix)
	case "endswith":
		return p.stringFunction(s, strings.HasSuffix)
	case "Microsoft.Dynamics.CRM.In":
		return p.inFunction(s)
	default:
		return nil, badURL("An unknown function with name '%s' was found. This may also be a function import or a key lookup on a navigation property, which is not allowed.", name.text)
	}
}

// stringFunction reads (column,'text'). The platform's database compares without regard to case.
func (p *filterParser) stringFunction(s scope, match func(s, part string) bool) (predicate, error) {
	if err := p.expect(tokOpen); err != nil {
		return nil, err
	}
	tok := p.take()
	if tok.kind != tokWord {
		return nil, p.unexpected(tok)
	}
	v, err := s.value(tok.text)
	if err != nil {
		return nil, err
	}
	if v.kind != kindString {
		return nil, badURL("No function signature for the function matches the specified arguments: '%s' is no string.", tok.text)
	}
	if err := p.expect(tokComma); err != nil {
		return nil, err
	}
	lit := p.take()
	if lit.kind != tokString {
		return nil, p.unexpected(lit)
	}
	part := strings.ToLower(lit.text)
	return func(w *world, row any) bool {
		text, ok := v.get(w, row).(string)
		return ok && match(strings.ToLower(text), part)
	}, p.expect(tokClose)
}

// inFunction reads (PropertyName='column',PropertyValues=['a','b']).
func (p *filterParser) inFunction(s scope) (predicate, error) {
	var property string
	var values []string
	if err := p.expect(tokOpen); err != nil {
		return nil, err
	}
	for i := 0; ; i++ {
		name := p.take()
		if err := p.expect(tokEquals); err != nil {
			return nil, err
		}
		arg := p.take()
		switch {
		case name.text == "PropertyName" && arg.kind == tokString:
			property = arg.text
		case name.text == "PropertyValues" && arg.kind == tokList:
			list, err := stringList(arg.text)
			if err != nil {
				return nil, badURL("PropertyValues must be a list of strings: %s", arg.text)
			}
			values = list
		default:
			return nil, p.unexpected(arg)
		}
		if i == 1 {
			break
		}
		if err := p.expect(tokComma); err != nil {
			return nil, err
		}
	}
	if err := p.expect(tokClose); err != nil {
		return nil, err
	}
	if s.variable != "" {
		property = s.variable + "/" + property
	}
	v, err := s.value(property)
	if err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, value := range values {
		set[strings.ToLower(value)] = true
	}
	return func(w *world, row any) bool {
		have := v.get(w, row)
		return have != nil && set[strings.ToLower(fmt.Sprint(have))]
	}, nil
}

// stringList reads a JSON list of strings; the single quotes of OData literals are taken as well.
func stringList(text string) ([]string, error) {
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err == nil {
		return list, nil
	}
	inner := strings.TrimSpace(text[1 : len(text)-1])
	for inner != "" {
		if inner[0] != '\'' {
			return nil, fmt.Errorf("no string at %q", inner)
		}
		value, n, ok := quoted(inner)
		if !ok {
			return nil, fmt.Errorf("unterminated string")
		}
		list = append(list, value)
		inner = strings.TrimSpace(inner[n:])
		if inner == "" {
			break
		}
		if inner[0] != ',' {
			return nil, fmt.Errorf("no comma at %q", inner)
		}
		inner = strings.TrimSpace(inner[1:])
	}
	return list, nil
}

// lambda reads (x:x/column eq value) behind a collection's /any or /all; any() alone asks whether
// there is a related row.
func (p *filterParser) lambda(s scope, path string, all bool) (predicate, error) {
	steps, last, t, err := s.navigate(path)
	if err != nil {
		return nil, err
	}
	n := t.nav(last)
	if n == nil || !n.collection {
		return nil, noProperty(last, t.logicalName)
	}
	if err := p.expect(tokOpen); err != nil {
		return nil, err
	}
	inner := func(*world, any) bool { return true }
	if p.peek().kind != tokClose || all {
		variable := p.take()
		if variable.kind != tokWord {
			return nil, p.unexpected(variable)
		}
		if err := p.expect(tokColon); err != nil {
			return nil, err
		}
		body, err := p.or(scope{t: n.target, variable: variable.text})
		if err != nil {
			return nil, err
		}
		inner = body
	}
	return func(w *world, row any) bool {
		for _, step := range steps {
			if row = step.one(w, row); row == nil {
				return false
			}
		}
		for _, related := range n.follow(w, row) {
			if inner(w, related) != all {
				return !all
			}
		}
		return all
	}, p.expect(tokClose)
}

func (p *filterParser) comparison(s scope, name token) (predicate, error) {
	v, err := s.value(name.text)
	if err != nil {
		return nil, err
	}
	op := p.take()
	if op.kind != tokWord || !comparisonOperator(op.text) {
		if op.kind == tokWord && op.text == "in" {
			return nil, badURL("The query node In is not supported.")
		}
		return nil, p.unexpected(op)
	}
	lit := p.take()
	value, kind, ok := literal(lit)
	if !ok {
		return nil, p.unexpected(lit)
	}
	if value == nil {
		switch op.text {
		case "eq":
			return func(w *world, row any) bool { return v.get(w, row) == nil }, nil
		case "ne":
			return func(w *world, row any) bool { return v.get(w, row) != nil }, nil
		}
		return nil, badURL("The operator '%s' cannot be applied to null in '%s'.", op.text, p.text)
	}
	if v.kind != kind {
		return nil, badURL("A binary operator with incompatible types was detected. Found operand types '%s' and '%s' for operator kind '%s'.", v.kind.edm(), kind.edm(), op.text)
	}
	return func(w *world, row any) bool {
		have := v.get(w, row)
		if have == nil {
			return op.text == "ne"
		}
		return holds(op.text, compareValues(have, value))
	}, nil
}

func comparisonOperator(op string) bool {
	switch op {
	case "eq", "ne", "gt", "ge", "lt", "le":
		return true
	default:
		return false
	}
}

func holds(op string, order int) bool {
	switch op {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	default:
		return order <= 0
	}
}

// literal gives a literal's value and type; null has neither.
func literal(tok token) (value any, k kind, ok bool) {
	if tok.kind == tokString {
		return tok.text, kindString, true
	}
	if tok.kind != tokWord {
		return nil, 0, false
	}
	switch tok.text {
	case "null":
		return nil, 0, true
	case "true", "false":
		return tok.text == "true", kindBool, true
	}
	if id, ok := parseGUID(tok.text); ok {
		return id, kindGUID, true
	}
	if n, err := strconv.ParseInt(tok.text, 10, 64); err == nil {
		return n, kindInt, true
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, tok.text); err == nil {
			return at, kindTime, true
		}
	}
	return nil, 0, false
}

// compareValues orders two values of the same kind; strings without regard to case, false before true.
func compareValues(a, b any) int {
	switch a := a.(type) {
	case string:
		return cmp.Compare(strings.ToLower(a), strings.ToLower(b.(string)))
	case int64:
		return cmp.Compare(a, b.(int64))
	case bool:
		return cmp.Compare(asInt(a), asInt(b.(bool)))
	case time.Time:
		return a.Compare(b.(time.Time))
	default:
		return 0
	}
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A value is what a path in an expression stands for.
type value struct {
	kind kind
	get  func(w *world, row any) any
}

// navigate splits a path into the single-valued steps that lead to its last name, and the type that
// the last name belongs to.
func (s scope) navigate(path string) (steps []*nav, last string, t *entityType, err error) {
	names := strings.Split(path, "/")
	if s.variable != "" {
		if names[0] != s.variable || len(names) < 2 {
			return nil, "", nil, badURL("Could not find the lambda variable '%s' in '%s'.", s.variable, path)
		}
		names = names[1:]
	}
	t = s.t
	for _, name := range names[:len(names)-1] {
		n := t.nav(name)
		if n == nil || n.collection {
			return nil, "", nil, noProperty(name, t.logicalName)
		}
		steps = append(steps, n)
		t = n.target
	}
	return steps, names[len(names)-1], t, nil
}

// value resolves a path: a column, one behind lookups, a lookup itself, or the Value of a managed
// property.
func (s scope) value(path string) (value, error) {
	if base, ok := strings.CutSuffix(path, "/Value"); ok {
		return s.managedValue(base)
	}
	steps, last, t, err := s.navigate(path)
	if err != nil {
		return value{}, err
	}
	c := t.column(last)
	if c == nil {
		c = t.column("_" + last + "_value") // a lookup may be named without its value's decoration
	}
	if c == nil {
		return value{}, noProperty(last, t.logicalName)
	}
	if c.kind == kindManaged {
		return value{}, badURL("'%s' is a complex property: compare its Value.", last)
	}
	return value{c.kind, along(steps, c.get)}, nil
}

func (s scope) managedValue(path string) (value, error) {
	steps, last, t, err := s.navigate(path)
	if err != nil {
		return value{}, err
	}
	c := t.column(last)
	if c == nil || c.kind != kindManaged {
		return value{}, noProperty(last, t.logicalName)
	}
	return value{kindBool, along(steps, func(w *world, row any) any {
		m, _ := c.get(w, row).(managedProperty)
		return m.Value
	})}, nil
}

func along(steps []*nav, get func(*world, any) any) func(*world, any) any {
	if len(steps) == 0 {
		return get
	}
	return func(w *world, row any) any {
		for _, step := range steps {
			if row = step.one(w, row); row == nil {
				return nil
			}
		}
		return get(w, row)
	}
}
