package dataverse

import (
	"fmt"
	"strconv"
	"strings"
)

// Expr is a condition on rows.
type Expr struct {
	text string
	op   string // what joins its parts, "" for a single comparison
	err  error
}

// Eq is true if the column equals a text.
func Eq(column, value string) Expr { return compare(column, "eq", quote(value)) }

// EqID is true if the column equals an id.
func EqID(column string, id GUID) Expr {
	key, err := ParseGUID(string(id))
	return compare(column, "eq", string(key)).withError(err)
}

// EqInt is true if the column equals a number.
func EqInt(column string, n int) Expr { return compare(column, "eq", strconv.Itoa(n)) }

// EqBool is true if the column has this value.
func EqBool(column string, b bool) Expr { return compare(column, "eq", strconv.FormatBool(b)) }

// EqNull is true if the column is empty.
func EqNull(column string) Expr { return compare(column, "eq", "null") }

// NeNull is true if the column is not empty.
func NeNull(column string) Expr { return compare(column, "ne", "null") }

// Contains is true if value is part of the column's text. Dataverse ignores case.
func Contains(column, value string) Expr {
	return Expr{text: "contains(" + column + "," + quote(value) + ")", err: nameError("column", column)}
}

// And is true if all parts are.
func And(parts ...Expr) Expr { return joinExprs("and", parts) }

// Or is true if one of the parts is.
func Or(parts ...Expr) Expr { return joinExprs("or", parts) }

func compare(column, operator, literal string) Expr {
	return Expr{text: column + " " + operator + " " + literal, err: nameError("column", column)}
}

// joinExprs refuses an empty list: without a condition, every row would fit.
func joinExprs(operator string, parts []Expr) Expr {
	if len(parts) == 0 {
		return Expr{err: fmt.Errorf("condition %q without a part", operator)}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	joined := Expr{op: operator}
	texts := make([]string, len(parts))
	for i, p := range parts {
		joined = joined.withError(p.err)
		texts[i] = p.text
		if p.op != "" && p.op != operator {
			texts[i] = "(" + p.text + ")"
		}
	}
	joined.text = strings.Join(texts, " "+operator+" ")
	return joined
}

func (e Expr) withError(err error) Expr {
	if e.err == nil {
		e.err = err
	}
	return e
}
