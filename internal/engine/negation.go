package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// checkNegations refuses what OPA evaluates before a "not" and a reader takes for part of
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
func checkNegations(parsed map[string]*ast.Module) error {
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
			n := negationChecker{rules: rules, module: module, equality: e.IsEquality() || e.Operator().Equal(ast.Equal.Ref())}
			for _, operand := range e.Operands() {
				if fault := n.undefinedOperand(operand); fault != "" {
					errs = append(errs, fmt.Errorf("%s: %s within a \"not\" is evaluated first, and if it is undefined, "+
						"the rule reports nothing: move it into a separate rule or function and negate that", position(e.Location), fault))
				}
			}
			return false
		})
	}
	return errors.Join(errs...)
}

type negationChecker struct {
	rules    map[string][]*ast.Rule // by their full reference
	module   *ast.Module
	equality bool
}

// undefinedOperand names what may be undefined in an operand; "" for nothing.
func (n negationChecker) undefinedOperand(operand *ast.Term) (found string) {
	ast.NewGenericVisitor(func(x any) bool {
		if found != "" {
			return true
		}
		switch x := x.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			return true // it has a body of its own
		case ast.Call:
			if function, ok := x[0].Value.(ast.Ref); ok && !n.isBuiltin(function) {
				found = fmt.Sprintf("the call of the function %s", function)
			}
			for _, argument := range x[1:] {
				if found == "" {
					found = n.undefinedOperand(argument)
				}
			}
			return true
		case ast.Ref:
			found = n.undefinedRef(x)
		case ast.Var:
			found = n.undefinedRef(ast.Ref{ast.NewTerm(x)})
		}
		return false
	}).Walk(operand)
	return found
}

func (n negationChecker) isBuiltin(function ast.Ref) bool {
	return len(n.rules[n.resolve(function).String()]) == 0
}

// undefinedRef says that a reference may be undefined.
func (n negationChecker) undefinedRef(ref ast.Ref) string {
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
		case slices.ContainsFunc(rules, n.isTotal):
			return ""
		}
		return fmt.Sprintf("the rule %s, which may be undefined,", ref)
	}
	return ""
}

// isTotal says that a rule always has a value.
func (n negationChecker) isTotal(rule *ast.Rule) bool {
	if rule.Default || rule.Head.RuleKind() == ast.MultiValue || len(rule.Head.Ref().GroundPrefix()) < len(rule.Head.Ref()) {
		return true
	}
	unconditional := len(rule.Body) == 1 && rule.Body[0].Equal(ast.NewExpr(ast.BooleanTerm(true)))
	return unconditional && negationChecker{rules: n.rules, module: rule.Module}.undefinedOperand(rule.Head.Value) == ""
}

// resolve is a reference in full: through the module's imports, or to a rule of its
// own package.
func (n negationChecker) resolve(ref ast.Ref) ast.Ref {
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
