package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// negations refuses what OPA evaluates before a "not" and a reader takes for part of
// it. The compiler moves the operands of a negated call in front of the "not". Where
// one of them is undefined the whole body is undefined, and the rule reports nothing:
// a fault that looks like compliance. So the operands of a negated call must not be
//
//   - the call of a function that the policies define,
//   - a look-up in a rule or in the input by a key that may be missing,
//   - a rule that may be undefined.
//
// A look-up in an equality is safe: OPA keeps it where it is.
//
// The modules are as they were parsed: the compiler's own have been rewritten.
func negations(parsed map[string]*ast.Module) error {
	rules := map[string][]*ast.Rule{}
	for _, module := range parsed {
		for _, rule := range module.Rules {
			ref := rule.Ref().GroundPrefix().String()
			rules[ref] = append(rules[ref], rule)
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(parsed)) {
		module := parsed[name]
		ast.WalkExprs(module, func(e *ast.Expr) bool {
			if !e.Negated || !e.IsCall() {
				return false
			}
			n := negation{rules: rules, module: module, equality: e.IsEquality() || e.Operator().Equal(ast.Equal.Ref())}
			for _, operand := range e.Operands() {
				if fault := n.fault(operand); fault != "" {
					errs = append(errs, fmt.Errorf("%s: %s within a \"not\" is evaluated first, and if it is undefined, "+
						"the rule reports nothing: move it into a separate rule or function and negate that", place(e.Location), fault))
				}
			}
			return false
		})
	}
	return errors.Join(errs...)
}

type negation struct {
	rules    map[string][]*ast.Rule // by their full reference
	module   *ast.Module
	equality bool
}

// fault names what may be undefined in an operand; "" for nothing.
func (n negation) fault(operand *ast.Term) (found string) {
	ast.NewGenericVisitor(func(x any) bool {
		if found != "" {
			return true
		}
		switch x := x.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			return true // it has a body of its own
		case ast.Call:
			if function, ok := x[0].Value.(ast.Ref); ok && !n.builtin(function) {
				found = fmt.Sprintf("the call of the function %s", function)
			}
			for _, argument := range x[1:] {
				if found == "" {
					found = n.fault(argument)
				}
			}
			return true
		case ast.Ref:
			found = n.missing(x)
		case ast.Var:
			found = n.missing(ast.Ref{ast.NewTerm(x)})
		}
		return false
	}).Walk(operand)
	return found
}

func (n negation) builtin(function ast.Ref) bool {
	return len(n.rules[n.resolve(function).String()]) == 0
}

// missing says that a reference may be undefined.
func (n negation) missing(ref ast.Ref) string {
	full := n.resolve(ref)
	dynamic := slices.ContainsFunc(full[1:], func(t *ast.Term) bool { return !t.IsGround() })
	switch {
	case n.equality:
		return ""
	case full.HasPrefix(ast.InputRootRef):
		if dynamic {
			return fmt.Sprintf("the look-up %s", ref)
		}
		return ""
	case !full.HasPrefix(ast.DefaultRootRef):
		return "" // a local variable
	}
	for length := len(full); length > 1; length-- {
		rules := n.rules[full[:length].String()]
		switch {
		case len(rules) == 0:
			continue
		case length < len(full):
			return fmt.Sprintf("the look-up %s", ref)
		case slices.ContainsFunc(rules, n.total):
			return ""
		}
		return fmt.Sprintf("the rule %s, which may be undefined,", ref)
	}
	return ""
}

// total says that a rule always has a value.
func (n negation) total(rule *ast.Rule) bool {
	if rule.Default || rule.Head.RuleKind() == ast.MultiValue || len(rule.Head.Ref().GroundPrefix()) < len(rule.Head.Ref()) {
		return true
	}
	unconditional := len(rule.Body) == 1 && rule.Body[0].Equal(ast.NewExpr(ast.BooleanTerm(true)))
	return unconditional && negation{rules: n.rules, module: rule.Module}.fault(rule.Head.Value) == ""
}

// resolve is a reference in full: through the module's imports, or to a rule of its
// own package.
func (n negation) resolve(ref ast.Ref) ast.Ref {
	head, ok := ref[0].Value.(ast.Var)
	if !ok {
		return ref
	}
	for _, i := range n.module.Imports {
		if i.Name().Equal(head) {
			return i.Path.Value.(ast.Ref).Concat(ref[1:])
		}
	}
	own := n.module.Package.Path.Append(ast.StringTerm(string(head)))
	if len(n.rules[own.String()]) > 0 {
		return own.Concat(ref[1:])
	}
	return ref
}
