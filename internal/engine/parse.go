package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbaudit/dbaudit/internal/bounds"
)

// parse reads the policies of a tree, with their tests or without, by their names behind a
// prefix. Parsing is most of what a short run does, and each file is parsed by itself.
func parse(tree fs.FS, prefix string, own, tests bool) (map[string]*ast.Module, error) {
	var names []string
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && path.Ext(name) == ".rego" && (tests || !strings.HasSuffix(name, "_test.rego")) {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the policies: %w", err)
	}
	modules := make([]*ast.Module, len(names))
	errs := make([]error, len(names))
	capabilities := ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(ast.RegoV1))
	var group sync.WaitGroup
	var taken atomic.Int64 // as many parsers as processors take the files in turn
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := taken.Add(1) - 1; i < int64(len(names)); i = taken.Add(1) - 1 {
				modules[i], errs[i] = parseFile(tree, names[i], ast.ParserOptions{
					RegoVersion:  ast.RegoV1,
					Capabilities: capabilities,
					// Of dbaudit's own METADATA only that of rules is read.
					ProcessAnnotation: !own || strings.HasPrefix(names[i], "dbaudit/rules/"),
				})
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("reading the policies: %w", err)
	}
	named := make(map[string]*ast.Module, len(names))
	for i, name := range names {
		named[prefix+name] = modules[i]
	}
	return named, nil
}

func parseFile(tree fs.FS, name string, options ast.ParserOptions) (*ast.Module, error) {
	data, err := bounds.ReadFS(bounds.Policy, tree, name)
	if err != nil {
		return nil, err
	}
	m, err := ast.ParseModuleWithOpts(name, string(data), options)
	if faults := ast.Errors(nil); errors.As(err, &faults) {
		return nil, policyErrors(faults)
	}
	return m, err
}

// policyErrors are faults of policies, each with the column too, which OPA's own text leaves
// out.
func policyErrors(faults ast.Errors) error {
	errs := make([]error, len(faults))
	for i, f := range faults {
		text := fmt.Sprintf("%s: %s: %s", position(f.Location), f.Code, f.Message)
		if f.Location == nil {
			text = fmt.Sprintf("%s: %s", f.Code, f.Message)
		}
		if f.Details != nil {
			for _, line := range f.Details.Lines() {
				text += "\n\t" + line
			}
		}
		errs[i] = errors.New(text)
	}
	return errors.Join(errs...)
}

// position is a position in a policy, as file:line:column.
func position(l *ast.Location) string {
	if l == nil {
		return "a policy"
	}
	return fmt.Sprintf("%s:%d:%d", l.File, l.Row, l.Col)
}
