//go:build unix

package bench_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// measureWithoutFleet measures the cost of the fleet for other commands: it compares the CPU of short runs with a
// build without the fleet's commands, its store and their libraries.
func measureWithoutFleet(t *testing.T) []figure {
	t.Helper()
	with, without := filepath.Join(t.TempDir(), "with"), filepath.Join(t.TempDir(), "without")
	build(t, with)
	build(t, without, "-overlay", withoutFleetOverlay(t))
	with, without = copyProgram(t, with), copyProgram(t, without)
	s := newTestEnvironment(t)
	tree := t.TempDir()
	writeRoles(t, tree, 1)
	var figures []figure
	for _, c := range []struct {
		name string
		args []string
	}{
		{"check", []string{"check", "-q", filepath.Join("..", "..", "testdata", "cases", "shallow", "snapshot.json"), "-f", "json"}},
		{"lint", []string{"lint", "-q", tree, "-f", "json"}},
		{"scan", []string{"scan", "-q", "-c", s.configuration(t, 1), "--env", "e0", "-f", "json"}},
	} {
		measure := func(binary string) func() run {
			return func() run {
				r := start(t, s.env, binary, c.args...)
				if len(r.stdout) == 0 {
					t.Fatalf("%s %v judged nothing", binary, c.args)
				}
				return r
			}
		}
		withTime, withoutTime := alternate(101, measure(with), measure(without))
		t.Logf("%s: %v with the fleet, %v without", c.name, withTime, withoutTime)
		figures = append(figures, figure{c.name + " of one: CPU, of a build without the fleet", withTime.Seconds() / withoutTime.Seconds(), "", false, 1.03})
	}
	return figures
}

func build(t *testing.T, output string, args ...string) {
	t.Helper()
	args = append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", output}, args...)
	cmd := exec.CommandContext(t.Context(), "go", append(args, "github.com/dbaudit/dbaudit/cmd/dbaudit")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// withoutFleetOverlay writes the overlay of a build without the fleet, and returns its path. It replaces the functions
// of the store, and of the files of cli that import the fleet, by stubs, so that their imports are not linked.
func withoutFleetOverlay(t *testing.T) string {
	t.Helper()
	replace, dir := map[string]string{}, t.TempDir()
	for _, folder := range []string{"cli", "store"} {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text := string(data)
			fleet := strings.Contains(text, `/internal/fleet"`) || strings.Contains(text, `/internal/web"`) || strings.Contains(text, `/internal/alert"`)
			if strings.HasSuffix(file, "_test.go") || folder == "cli" && !fleet {
				continue
			}
			absolute, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			replace[absolute] = filepath.Join(dir, folder+filepath.Base(file))
			if err := os.WriteFile(replace[absolute], stubFile(t, text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// stubFile returns a file in which functions return zero values, without the declarations that use the fleet or the
// libraries of its store.
func stubFile(t *testing.T, source string) []byte {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	imports, isFleet := map[string]ast.Spec{}, map[string]bool{}
	for _, i := range file.Imports {
		address := strings.Trim(i.Path.Value, `"`)
		name := strings.TrimPrefix(path.Base(address), "go-")
		if i.Name != nil {
			name = i.Name.Name
		}
		imports[name] = i
		for _, part := range []string{"/internal/fleet", "/internal/web", "/internal/alert", "jackc/pgx", "riverqueue", "modernc.org"} {
			isFleet[name] = isFleet[name] || strings.Contains(address, part)
		}
	}
	used := map[string]bool{}
	// usesFleet records the packages that a node uses, and reports whether one of them is the fleet's.
	usesFleet := func(node ast.Node) bool {
		packages := map[string]bool{}
		ast.Inspect(node, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := s.X.(*ast.Ident); ok && imports[id.Name] != nil {
					packages[id.Name] = true
				}
			}
			return true
		})
		for name := range packages {
			if isFleet[name] {
				return true
			}
		}
		maps.Copy(used, packages)
		return false
	}
	var kept []ast.Decl
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if usesFleet(d.Type) {
				continue
			}
			zeros := &ast.ReturnStmt{}
			if d.Type.Results != nil {
				for _, result := range d.Type.Results.List {
					for range max(1, len(result.Names)) {
						zeros.Results = append(zeros.Results, &ast.StarExpr{X: &ast.CallExpr{Fun: ast.NewIdent("new"), Args: []ast.Expr{result.Type}}})
					}
				}
			}
			d.Body = &ast.BlockStmt{List: []ast.Stmt{zeros}}
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				continue
			}
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok && usesFleet(s.Type) {
					s.Type = &ast.StructType{Fields: &ast.FieldList{}}
				}
			}
			if usesFleet(d) {
				continue
			}
		}
		kept = append(kept, decl)
	}
	needed := &ast.GenDecl{Tok: token.IMPORT, Lparen: 1}
	for name, spec := range imports {
		if used[name] {
			needed.Specs = append(needed.Specs, spec)
		}
	}
	file.Decls = append([]ast.Decl{needed}, kept...)
	var b bytes.Buffer
	if err := printer.Fprint(&b, set, file); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
