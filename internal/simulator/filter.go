package simulator

import (
	"regexp"
	"strconv"
	"strings"
)

// A predicate is a compiled $filter: it says whether a row belongs to the answer.
type predicate func(w *world, row any) bool

// maxFilterDepth bounds the nesting of an expression, as the platform bounds its own parser.
const maxFilterDepth = 100

// parseFilter compiles a $filter expression over rows of type t: comparisons by eq and ne, contains,
// and, or, and parentheses. Anything else is refused.
func parseFilter(t *entityType, text string) (predicate, error) {
	// A token is a parenthesis, a comma, a string in single quotes in which a quote is written twice, or
	// a word: a name, a number or an id.
	tokens := regexp.MustCompile(`^[ \t]*([(),]|'(?:[^']|'')*'|[A-Za-z0-9_.-]+)`)
	p := &filterParser{t: t, text: text, rest: text, tokens: tokens}
	p.next()
	pred := p.or(0)
	if p.token != "" {
		p.fail("'%s' was not expected", p.token)
	}
	return pred, p.err
}

// A filterParser reads an expression token by token. Once it has failed, it has nothing more to read.
type filterParser struct {
	t      *entityType
	tokens *regexp.Regexp
	text   string
	rest   string
	token  string // "" at the end
	err    error
}

func (p *filterParser) fail(format string, args ...any) {
	if p.err == nil {
		at := len(p.text) - len(p.rest) - len(p.token)
		p.err = badURL("Syntax error at position %d in '%s': "+format+".", append([]any{at, p.text}, args...)...)
	}
	p.token, p.rest = "", ""
}

// next goes on to the next token.
func (p *filterParser) next() {
	if strings.TrimSpace(p.rest) == "" {
		p.token, p.rest = "", ""
		return
	}
	m := p.tokens.FindStringSubmatch(p.rest)
	if m == nil {
		p.fail("'%s' cannot be read", p.rest)
		return
	}
	p.token, p.rest = m[1], p.rest[len(m[0]):]
}

// take gives the current token, and goes on.
func (p *filterParser) take() string {
	token := p.token
	p.next()
	return token
}

// accept goes on if the current token is the one, and says so.
func (p *filterParser) accept(token string) bool {
	if p.token != token {
		return false
	}
	p.next()
	return true
}

func (p *filterParser) expect(token string) {
	if !p.accept(token) {
		p.fail("'%s' was expected", token)
	}
}

func (p *filterParser) or(depth int) predicate {
	if depth > maxFilterDepth {
		p.fail("the expression is nested more than %d levels deep", maxFilterDepth)
		return nil
	}
	all := []predicate{p.and(depth)}
	for p.accept("or") {
		all = append(all, p.and(depth))
	}
	return func(w *world, row any) bool {
		for _, pred := range all {
			if pred(w, row) {
				return true
			}
		}
		return false
	}
}

func (p *filterParser) and(depth int) predicate {
	all := []predicate{p.term(depth)}
	for p.accept("and") {
		all = append(all, p.term(depth))
	}
	return func(w *world, row any) bool {
		for _, pred := range all {
			if !pred(w, row) {
				return false
			}
		}
		return true
	}
}

// term reads something in parentheses, contains, or a comparison.
func (p *filterParser) term(depth int) predicate {
	switch {
	case p.accept("("):
		pred := p.or(depth + 1)
		p.expect(")")
		return pred
	case p.accept("contains"):
		return p.contains()
	default:
		return p.comparison()
	}
}

func (p *filterParser) column() *column {
	name := p.take()
	c := p.t.column(name)
	if c == nil && p.err == nil {
		p.err = noProperty(name, p.t.logicalName)
		p.fail("")
	}
	return c
}

// contains reads (column,'text'). The platform's database compares without regard to case.
func (p *filterParser) contains() predicate {
	p.expect("(")
	c := p.column()
	p.expect(",")
	part, kind := p.literal()
	p.expect(")")
	if p.err != nil || c.kind != kindString || kind != kindString {
		p.fail("contains takes a column of text, and a text")
		return nil
	}
	return func(w *world, row any) bool {
		text, ok := c.get(w, row).(string)
		return ok && strings.Contains(strings.ToLower(text), strings.ToLower(part.(string)))
	}
}

func (p *filterParser) comparison() predicate {
	c := p.column()
	operator := p.take()
	if operator != "eq" && operator != "ne" {
		p.fail("'%s' is not an operator that is supported here", operator)
	}
	value, kind := p.literal()
	if p.err == nil && kind != "" && c.kind != kind {
		p.fail("a binary operator with incompatible types was detected: '%s' and '%s'", c.kind, kind)
	}
	return func(w *world, row any) bool {
		return sameValue(c.get(w, row), value) == (operator == "eq")
	}
}

// literal gives a literal's value and type; null has neither.
func (p *filterParser) literal() (value any, k kind) {
	token := p.take()
	if inner, ok := strings.CutPrefix(token, "'"); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "'"), "''", "'"), kindString
	}
	switch token {
	case "null":
		return nil, ""
	case "true", "false":
		return token == "true", kindBool
	}
	if id, ok := parseGUID(token); ok {
		return id, kindGUID
	}
	if n, err := strconv.ParseInt(token, 10, 64); err == nil {
		return n, kindInt
	}
	p.fail("'%s' is not a value", token)
	return nil, ""
}

// sameValue compares two values of the same kind; strings without regard to case.
func sameValue(a, b any) bool {
	if text, ok := a.(string); ok {
		other, _ := b.(string)
		return b != nil && strings.EqualFold(text, other)
	}
	return a == b
}
