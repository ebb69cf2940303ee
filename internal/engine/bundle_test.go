package engine_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/compile"
)

// Stock `opa build policy` makes a bundle of the policies.
func TestBundle(t *testing.T) {
	var b bytes.Buffer
	err := compile.New().
		WithRegoVersion(ast.RegoV1).
		WithPaths(filepath.Join("..", "..", "policy")).
		WithOutput(&b).
		Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b.Len() == 0 {
		t.Error("the bundle is empty")
	}
}
