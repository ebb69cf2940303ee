package run_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/run"
)

// A warningRecorder records warnings and discards everything else.
type warningRecorder struct {
	silent

	warnings *[]string
}

func (w warningRecorder) Warn(_, message string) { *w.warnings = append(*w.warnings, message) }

// TestUnusedVariables proves that a variable is not reported as unused for an environment that names
// it as the source of its secret.
func TestUnusedVariables(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dbaudit.yaml")
	if err := os.WriteFile(file, []byte(`environments:
  east: {url: "https://east.crm.dynamics.com", auth: {client_id: 11111111-1111-4111-8111-111111111111, secret: {env: DBAUDIT_CLIENT_SECRET}}}
  west: {url: "https://west.crm.dynamics.com", auth: {client_id: 11111111-1111-4111-8111-111111111111, secret: {env: OF_WEST}}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	r := &run.Runner{
		Host: run.Host{Getenv: func(name string) string {
			return map[string]string{"DBAUDIT_CLIENT_SECRET": "of all", "OF_WEST": "of west"}[name]
		}},
		Narrator: warningRecorder{warnings: &got}, ConfigFile: file,
	}
	if _, err := r.Targets(run.Connection{AllEnvs: true}, run.Overrides{}); err != nil {
		t.Fatal(err)
	}
	want := []string{"DBAUDIT_CLIENT_SECRET is not used for west, because its auth: in the configuration takes precedence over variables; it is used for east"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
