package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// checkNegations returns an error for each negated call with an operand that may be undefined. The
// compiler evaluates the operands before the "not". If one is undefined, the whole body is
// undefined, and the rule reports nothing, which looks like compliance. An operand may be
// undefined if it is
//
//   - the call of a function of the policies,
//   - a look-up in a rule or in the input by a key that may be missing,
//   - a rule that may be undefined.
//
// A look-up in an equality is safe, because the compiler does not move it.
//
// The modules must be those of the parser, because the compiler rewrites its own.
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

// undefinedOperand describes the part of an operand that may be undefined; empty if none may.
func (n negationChecker) undefinedOperand(operand *ast.Term) (found string) {
	ast.NewGenericVisitor(func(x any) bool {
		if found != "" {
			return true
		}
		switch x := x.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			return true // a comprehension has its own body
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

// undefinedRef describes a reference that may be undefined; empty if it may not.
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

func (n negationChecker) isTotal(rule *ast.Rule) bool {
	if rule.Default || rule.Head.RuleKind() == ast.MultiValue || len(rule.Head.Ref().GroundPrefix()) < len(rule.Head.Ref()) {
		return true
	}
	unconditional := len(rule.Body) == 1 && rule.Body[0].Equal(ast.NewExpr(ast.BooleanTerm(true)))
	return unconditional && negationChecker{rules: n.rules, module: rule.Module}.undefinedOperand(rule.Head.Value) == ""
}

// resolve returns the full reference for a name that the module imports, or for a rule of the
// module's package.
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
	local := n.module.Package.Path.Append(ast.StringTerm(string(head)))
	if len(n.rules[local.String()]) > 0 {
		return local.Concat(ref[1:])
	}
	return ref
}
