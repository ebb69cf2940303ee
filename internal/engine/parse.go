package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"golang.org/x/sync/errgroup"

	"github.com/dbaudit/dbaudit/internal/bounds"
)

// parse reads the policies of a tree, with their tests or without, by their names behind a
// prefix. Parsing is most of what a short run does, and each file is parsed for itself.
func parse(tree fs.FS, prefix string, tests bool) (map[string]*ast.Module, error) {
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
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range names {
		group.Go(func() error {
			modules[i], errs[i] = parseFile(tree, name)
			return nil
		})
	}
	_ = group.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("reading the policies: %w", err)
	}
	named := make(map[string]*ast.Module, len(names))
	for i, name := range names {
		named[prefix+name] = modules[i]
	}
	return named, nil
}

func parseFile(tree fs.FS, name string) (*ast.Module, error) {
	data, err := bounds.ReadFS(bounds.Policy, tree, name)
	if err != nil {
		return nil, err
	}
	m, err := ast.ParseModuleWithOpts(name, string(data), ast.ParserOptions{
		ProcessAnnotation: true,
		RegoVersion:       ast.RegoV1,
	})
	if faults := ast.Errors(nil); errors.As(err, &faults) {
		return nil, placed(faults)
	}
	return m, err
}

// placed are faults of policies, each with the column too, which OPA's own text leaves
// out.
func placed(faults ast.Errors) error {
	errs := make([]error, len(faults))
	for i, f := range faults {
		text := fmt.Sprintf("%s: %s: %s", place(f.Location), f.Code, f.Message)
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

// place is a position in a policy, as file:line:column.
func place(l *ast.Location) string {
	if l == nil {
		return "a policy"
	}
	return fmt.Sprintf("%s:%d:%d", l.File, l.Row, l.Col)
}
