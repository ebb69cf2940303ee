package dataverse

import (
	"fmt"
	"strconv"
	"strings"
)

// An Expr is a condition on rows.
type Expr struct {
	text string
	op   string // the operator between its parts, "" for a single comparison
	err  error
}

// Eq matches rows with this text in the column.
func Eq(column, value string) Expr { return compare(column, "eq", quote(value)) }

// EqID matches rows with this id in the column.
func EqID(column string, id GUID) Expr {
	key, err := ParseGUID(string(id))
	return compare(column, "eq", string(key)).withError(err)
}

// EqInt matches rows with this number in the column.
func EqInt(column string, n int) Expr { return compare(column, "eq", strconv.Itoa(n)) }

// EqBool matches rows with this boolean in the column.
func EqBool(column string, b bool) Expr { return compare(column, "eq", strconv.FormatBool(b)) }

// EqNull matches rows without a value in the column.
func EqNull(column string) Expr { return compare(column, "eq", "null") }

// NeNull matches rows with a value in the column.
func NeNull(column string) Expr { return compare(column, "ne", "null") }

// Contains matches rows with a text in the column that contains value. Dataverse ignores case.
func Contains(column, value string) Expr {
	return Expr{text: "contains(" + column + "," + quote(value) + ")", err: nameError("column", column)}
}

// And matches rows that meet all conditions.
func And(parts ...Expr) Expr { return joinExprs("and", parts) }

// Or matches rows that meet at least one condition.
func Or(parts ...Expr) Expr { return joinExprs("or", parts) }

func compare(column, operator, literal string) Expr {
	return Expr{text: column + " " + operator + " " + literal, err: nameError("column", column)}
}

// joinExprs refuses an empty list, because without a condition every row would match.
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
