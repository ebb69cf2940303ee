package simulator

import (
	"regexp"
	"strconv"
	"strings"
)

// A predicate is a compiled $filter. It reports whether a row matches.
type predicate func(db *database, row any) bool

// parseFilter compiles a $filter expression for the rows of type t. It supports eq, ne, contains, and, or
// and parentheses. Anything else is an error.
func parseFilter(t *entityType, text string) (predicate, error) {
	// A token is a string in single quotes, in which a quote is doubled, or a name, a number or an id, or a
	// single character.
	tokens := regexp.MustCompile(`'(?:[^']|'')*'|[A-Za-z0-9_.-]+|\S`)
	p := &filterParser{t: t, tokens: tokens.FindAllString(text, -1)}
	pred := p.or()
	if len(p.tokens) > 0 {
		p.fail(badURL("Syntax error in '%s': '%s' was not expected.", text, p.tokens[0]))
	}
	return pred, p.err
}

// A filterParser reads an expression token by token. After an error it has no more tokens.
type filterParser struct {
	t      *entityType
	tokens []string
	err    error
}

func (p *filterParser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
	p.tokens = nil
}

func (p *filterParser) take() string {
	if len(p.tokens) == 0 {
		return ""
	}
	token := p.tokens[0]
	p.tokens = p.tokens[1:]
	return token
}

func (p *filterParser) accept(token string) bool {
	if len(p.tokens) == 0 || p.tokens[0] != token {
		return false
	}
	p.take()
	return true
}

func (p *filterParser) expect(token string) {
	if !p.accept(token) {
		p.fail(badURL("Syntax error in $filter: '%s' was expected.", token))
	}
}

func (p *filterParser) or() predicate {
	pred := p.and()
	for p.accept("or") {
		a, b := pred, p.and()
		pred = func(db *database, row any) bool { return a(db, row) || b(db, row) }
	}
	return pred
}

func (p *filterParser) and() predicate {
	pred := p.term()
	for p.accept("and") {
		a, b := pred, p.term()
		pred = func(db *database, row any) bool { return a(db, row) && b(db, row) }
	}
	return pred
}

// term reads an expression in parentheses, contains(column,'text') or a comparison. Like Dataverse, it
// ignores the case of strings.
func (p *filterParser) term() predicate {
	if p.accept("(") {
		pred := p.or()
		p.expect(")")
		return pred
	}
	if p.accept("contains") {
		p.expect("(")
		c := p.column()
		p.expect(",")
		part, ok := p.literal(c.kind).(string)
		p.expect(")")
		if !ok || c.kind != kindString {
			p.fail(badURL("Syntax error in $filter: contains takes a column of text, and a text."))
		}
		return func(db *database, row any) bool {
			text, _ := c.get(db, row).(string)
			return strings.Contains(strings.ToLower(text), strings.ToLower(part))
		}
	}
	c := p.column()
	equal := p.accept("eq")
	if !equal {
		p.expect("ne")
	}
	value := p.literal(c.kind)
	return func(db *database, row any) bool { return sameValue(c.get(db, row), value) == equal }
}

func (p *filterParser) column() *column {
	name := p.take()
	if c := p.t.column(name); c != nil {
		return c
	}
	p.fail(propertyNotFound(name, p.t.logicalName))
	return new(column)
}

// literal reads a value of a kind, or null, for which it returns nil.
func (p *filterParser) literal(of kind) any {
	token := p.take()
	inner, quoted := strings.CutPrefix(token, "'")
	number, notNumber := strconv.ParseInt(token, 10, 64)
	id, isID := parseGUID(token)
	switch {
	case token == "null":
		return nil
	case of == kindString && quoted:
		return strings.ReplaceAll(strings.TrimSuffix(inner, "'"), "''", "'")
	case of == kindGUID && isID:
		return id
	case of == kindInt && notNumber == nil:
		return number
	case of == kindBool && (token == "true" || token == "false"):
		return token == "true"
	}
	p.fail(badURL("A binary operator with incompatible types was detected: '%s' is not of the type '%s'.", token, of))
	return nil
}

// sameValue reports whether two values of a kind are equal. It ignores the case of strings.
func sameValue(a, b any) bool {
	text, ok := a.(string)
	other, both := b.(string)
	if ok && both {
		return strings.EqualFold(text, other)
	}
	return a == b
}
