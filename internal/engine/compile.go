package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// compileChecked compiles policies as compileStrictly does, and runs the checks that OPA does not
// have.
func compileChecked(builtin fs.FS, modules map[string]*ast.Module) (*ast.Compiler, error) {
	compiler, err := compileStrictly(builtin, modules)
	if err != nil {
		return nil, err
	}
	if err := checkReferences(compiler); err != nil {
		return nil, err
	}
	return compiler, checkNegations(modules)
}

// compileStrictly compiles policies in strict mode, against the schema of the input.
func compileStrictly(builtin fs.FS, modules map[string]*ast.Module) (*ast.Compiler, error) {
	compiler, err := strictCompiler(builtin)
	if err != nil {
		return nil, err
	}
	if compiler.Compile(modules); compiler.Failed() {
		return nil, policyErrors(compiler.Errors)
	}
	return compiler, nil
}

func strictCompiler(builtin fs.FS) (*ast.Compiler, error) {
	schemas, err := inputSchema(builtin)
	if err != nil {
		return nil, err
	}
	return ast.NewCompiler().
		WithCapabilities(Capabilities()).
		WithSchemas(schemas).
		WithUseTypeCheckAnnotations(true).
		WithStrict(true), nil
}

// compileBuiltin compiles the built-in policies without checks, in less than half the time.
func compileBuiltin(modules map[string]*ast.Module) (*ast.Compiler, error) {
	compiler := ast.NewCompiler().WithCapabilities(Capabilities()).WithSkipStages(skippedStages()...)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, policyErrors(compiler.Errors)
	}
	return compiler, nil
}

// skippedStages returns the stages of the compiler that change nothing in the built-in policies:
// checks that they pass, and rewrites of what they do not use. In their rule bodies each variable
// is bound before it is used, and no comprehension needs an index.
func skippedStages() []ast.StageID {
	return []ast.StageID{
		ast.StageCheckUnusedImports,
		ast.StageCheckKeywordOverrides,
		ast.StageCheckDuplicateImports,
		ast.StageRewriteTemplateStrings,
		ast.StageCheckVoidCalls,
		ast.StageRewritePrintCalls,
		ast.StageParseMetadataBlocks,
		ast.StageSetGraph,
		ast.StageRewriteWithValues,
		ast.StageCheckRuleConflicts,
		ast.StageCheckUndefinedFuncs,
		ast.StageCheckSafetyRuleHeads,
		ast.StageCheckSafetyRuleBodies,
		ast.StageRewriteTestRulesForTracing,
		ast.StageCheckRecursion,
		ast.StageCheckTypes,
		ast.StageCheckUnsafeBuiltins,
		ast.StageCheckDeprecatedBuiltins,
		ast.StageBuildRequiredCapabilities,
		ast.StageBuildComprehensionIndices,
	}
}

// checkReferences returns an error for each reference to a rule that does not exist. OPA treats
// such a reference as data that is undefined, but the only data are the profiles and the
// platform's grants.
func checkReferences(c *ast.Compiler) error {
	var errs []error
	profiles, platform := ast.MustParseRef("data.profiles"), ast.MustParseRef("data.platform")
	for _, name := range slices.Sorted(maps.Keys(c.Modules)) {
		ast.WalkRefs(c.Modules[name], func(ref ast.Ref) bool {
			if !ref.HasPrefix(ast.DefaultRootRef) || ref.HasPrefix(profiles) || ref.HasPrefix(platform) {
				return false
			}
			node := c.RuleTree.Child(ref[0].Value)
			for _, term := range ref[1:] {
				if !term.IsGround() || len(node.Values) > 0 {
					return false // a member of a rule's value
				}
				if node = node.Child(term.Value); node == nil {
					errs = append(errs, fmt.Errorf("%s: there is no %s in the policies (files of data are not read)", position(term.Location), ref))
					return false
				}
			}
			return false
		})
	}
	return errors.Join(errs...)
}

func inputSchema(policies fs.FS) (*ast.SchemaSet, error) {
	const name = "schema/snapshot.json"
	data, err := fs.ReadFile(policies, name)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of the input: %w", err)
	}
	var document any
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	// OPA silently ignores a schema that is not at the root.
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, document)
	return schemas, nil
}
