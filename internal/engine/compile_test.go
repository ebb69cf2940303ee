package engine

import (
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbaudit/dbaudit/policy"
)

// checkedBuiltin parses the built-in policies and compiles them with every check.
func checkedBuiltin(t *testing.T) (map[string]*ast.Module, *ast.Compiler) {
	t.Helper()
	modules, err := parsePolicies(policy.Files, parseOptions{}) // with all METADATA, as for custom policies
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := compileChecked(policy.Files, modules)
	if err != nil {
		t.Fatal(err)
	}
	return modules, compiler
}

// TestBuiltinPolicies proves that the built-in policies pass every check, and that the stages that
// [Load] skips change nothing in them.
func TestBuiltinPolicies(t *testing.T) {
	t.Parallel()
	modules, checked := checkedBuiltin(t)
	own, err := compileBuiltin(modules)
	if err != nil {
		t.Fatal(err)
	}
	if len(own.Modules) != len(modules) {
		t.Fatalf("%d of %d modules were compiled", len(own.Modules), len(modules))
	}
	for name, module := range checked.Modules {
		if full, quick := module.String(), own.Modules[name].String(); full != quick {
			t.Errorf("%s is compiled to something else without the stages of skippedStages: bind each variable before it is used, "+
				"or take the stage out of the list\nwith them:\n%s\nwithout:\n%s", name, full, quick)
		}
	}
}
