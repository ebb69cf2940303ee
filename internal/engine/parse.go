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

type parseOptions struct {
	prefix  string // of the names of the modules
	builtin bool   // the policies are dbaudit's own
	tests   bool   // include the tests
}

// parsePolicies returns the modules of a folder by name. It parses files in parallel, because
// parsing takes most of the time of a short run.
func parsePolicies(policies fs.FS, o parseOptions) (map[string]*ast.Module, error) {
	var names []string
	err := fs.WalkDir(policies, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && path.Ext(name) == ".rego" && (o.tests || !strings.HasSuffix(name, "_test.rego")) {
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
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
				modules[i], errs[i] = parseFile(policies, names[i], ast.ParserOptions{
					RegoVersion:  ast.RegoV1,
					Capabilities: capabilities,
					// Of the built-in policies, only the METADATA of rules is used.
					ProcessAnnotation: !o.builtin || strings.HasPrefix(names[i], "dbaudit/rules/"),
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
		named[o.prefix+name] = modules[i]
	}
	return named, nil
}

func parseFile(policies fs.FS, name string, options ast.ParserOptions) (*ast.Module, error) {
	data, err := bounds.ReadFS(bounds.Policy, policies, name)
	if err != nil {
		return nil, err
	}
	m, err := ast.ParseModuleWithOpts(name, string(data), options)
	if errs := ast.Errors(nil); errors.As(err, &errs) {
		return nil, policyErrors(errs)
	}
	return m, err
}

// policyErrors joins OPA's errors. It adds the column, which OPA's own text leaves out.
func policyErrors(opaErrors ast.Errors) error {
	errs := make([]error, len(opaErrors))
	for i, e := range opaErrors {
		text := fmt.Sprintf("%s: %s: %s", position(e.Location), e.Code, e.Message)
		if e.Location == nil {
			text = fmt.Sprintf("%s: %s", e.Code, e.Message)
		}
		if e.Details != nil {
			for _, line := range e.Details.Lines() {
				text += "\n\t" + line
			}
		}
		errs[i] = errors.New(text)
	}
	return errors.Join(errs...)
}

// position returns a position in a policy as file:line:column.
func position(l *ast.Location) string {
	if l == nil {
		return "a policy"
	}
	return fmt.Sprintf("%s:%d:%d", l.File, l.Row, l.Col)
}
