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

// compileChecked compiles policies strictly, against the schema of the input, and
// refuses what OPA lets pass.
func compileChecked(own fs.FS, modules map[string]*ast.Module) (*ast.Compiler, error) {
	compiler, err := compileStrictly(own, modules)
	if err != nil {
		return nil, err
	}
	if err := checkReferences(compiler); err != nil {
		return nil, err
	}
	return compiler, checkNegations(modules)
}

func compileStrictly(own fs.FS, modules map[string]*ast.Module) (*ast.Compiler, error) {
	compiler, err := strictCompiler(own)
	if err != nil {
		return nil, err
	}
	if compiler.Compile(modules); compiler.Failed() {
		return nil, policyErrors(compiler.Errors)
	}
	return compiler, nil
}

func strictCompiler(own fs.FS) (*ast.Compiler, error) {
	schemas, err := inputSchema(own)
	if err != nil {
		return nil, err
	}
	return ast.NewCompiler().
		WithCapabilities(Capabilities()).
		WithSchemas(schemas).
		WithUseTypeCheckAnnotations(true).
		WithStrict(true), nil
}

// compileBuiltin compiles dbaudit's own policies, which compileChecked is known to accept,
// in less than half the time.
func compileBuiltin(modules map[string]*ast.Module) (*ast.Compiler, error) {
	compiler := ast.NewCompiler().WithCapabilities(Capabilities()).WithSkipStages(skippedStages()...)
	if compiler.Compile(modules); compiler.Failed() {
		return nil, policyErrors(compiler.Errors)
	}
	return compiler, nil
}

// skippedStages are the stages of the compiler that leave dbaudit's own policies as they are: the
// checks that they pass, and what they do not use. Their bodies are written in an order in
// which each variable is bound before it is used, and no comprehension needs an index.
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

// checkReferences refuses references to rules that do not exist. OPA takes them for data
// that may come later, and so for undefined; but of data there are only the profiles and
// what the platform grants.
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
					return false // of a rule's value anything may be asked
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

func inputSchema(tree fs.FS) (*ast.SchemaSet, error) {
	const name = "schema/snapshot.json"
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, fmt.Errorf("reading the schema of the input: %w", err)
	}
	var document any
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	// Anywhere but at the root, the schema would be silently ignored.
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, document)
	return schemas, nil
}
