package sessions_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestProseIsNotParsed checks that the program does not parse texts that it writes for people: what
// it needs is a field. The exceptions convert results that were saved before a field existed, and
// avoid repetitions in a report.
func TestProseIsNotParsed(t *testing.T) {
	root := filepath.Join("..", "..", "..", "internal")
	excepted := []string{"report/grouping.go: groupByReason", "report/read.go: splitUnjudged", "report/wording.go: depthGap"}
	var found []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, data, 0)
		if err != nil {
			return err
		}
		for _, declared := range file.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && parsesProse(f, data) {
				found = append(found, name+": "+f.Name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found, excepted) {
		t.Errorf("these functions parse notes, reasons or messages: %v, want only %v", found, excepted)
	}
}

// parsesProse reports whether a function searches a note, or a result's reason or message.
func parsesProse(f *ast.FuncDecl, source []byte) bool {
	prose := regexp.MustCompile(`(?i)^(\w+\.)*(notes?|remarks?|notes\[.*\])$|^(c|control|f|finding|was|now)\.(Reason|Message)$`)
	parses := false
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		function := string(source[call.Fun.Pos()-1 : call.Fun.End()-1])
		first := string(source[call.Args[0].Pos()-1 : call.Args[0].End()-1])
		if regexp.MustCompile(`^strings\.(HasPrefix|HasSuffix|Contains|Cut|CutPrefix|CutSuffix|Trim\w+|Split\w*|Index)$`).MatchString(function) {
			parses = parses || prose.MatchString(first)
		}
		return true
	})
	return parses
}
