package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// coverage is what tests evaluate, by file, as opa test --coverage counts it.
type coverage map[string]map[span]bool

// A span is a part of a file.
type span struct{ row, column, endRow, endColumn int }

func spanOf(l *ast.Location) span {
	row, column := l.End()
	return span{l.Row, l.Col, row, column}
}

func (s span) contains(other span) bool {
	return cmp.Or(cmp.Compare(s.row, other.row), cmp.Compare(s.column, other.column)) <= 0 &&
		cmp.Or(cmp.Compare(s.endRow, other.endRow), cmp.Compare(s.endColumn, other.endColumn)) >= 0
}

// Enabled is for [topdown.QueryTracer].
func (coverage) Enabled() bool { return true }

// Config is for [topdown.QueryTracer].
func (coverage) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

// TraceEvent records an expression that is evaluated, and a rule that has a value.
func (c coverage) TraceEvent(e topdown.Event) {
	var at *ast.Location
	switch node := e.Node.(type) {
	case *ast.Rule:
		if e.Op == topdown.ExitOp {
			at = node.Head.Location
		}
	case *ast.Expr:
		if e.Op == topdown.EvalOp {
			at = node.Location
		}
	}
	if at == nil || !at.HasFile() {
		return
	}
	if c[at.File] == nil {
		c[at.File] = map[span]bool{}
	}
	c[at.File][spanOf(at)] = true
}

// of is the coverage of modules in percent of their lines, without the tests themselves, and
// the places that are not covered, as file:line.
func (c coverage) of(modules map[string]*ast.Module) (percent float64, uncovered []string) {
	covered, missed := 0, 0
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if strings.HasSuffix(name, "_test.rego") {
			continue
		}
		evaluated, missing := slices.Collect(maps.Keys(c[name])), map[span]bool{}
		look := func(at *ast.Location) bool {
			contains := func(s span) bool { return s.contains(spanOf(at)) }
			if at.HasFile() && !slices.ContainsFunc(evaluated, contains) {
				missing[spanOf(at)] = true
			}
			return false
		}
		ast.WalkRules(modules[name], func(r *ast.Rule) bool { return look(r.Head.Location) })
		ast.WalkExprs(modules[name], func(e *ast.Expr) bool {
			if _, declares := e.Terms.(*ast.SomeDecl); declares {
				return false
			}
			return look(e.Location)
		})
		covered += lines(c[name])
		missed += lines(missing)
		for s := range missing {
			uncovered = append(uncovered, fmt.Sprintf("%s:%d", name, s.row))
		}
	}
	slices.Sort(uncovered)
	if covered+missed > 0 {
		percent = 100 * float64(covered) / float64(covered+missed)
	}
	return percent, slices.Compact(uncovered)
}

// lines counts the lines of parts of a file.
func lines(spans map[span]bool) int {
	rows := map[int]bool{}
	for s := range spans {
		for row := s.row; row <= s.endRow; row++ {
			rows[row] = true
		}
	}
	return len(rows)
}
