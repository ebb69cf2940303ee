package run

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/plan"
)

// TestEnvironmentsOfOneAddress proves that of several environments of one address, a plan and a snapshot
// belong to the one with their name, and that a name alone does not lead to another address.
func TestEnvironmentsOfOneAddress(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dbaudit.yaml")
	text := []byte(`environments:
  a: {url: "https://northwind.crm.dynamics.com"}
  b: {url: "HTTPS://NorthWind.crm.dynamics.com/"}
  c: {url: "https://northwind.crm.dynamics.com"}
  d: {url: "https://fabrikam.crm.dynamics.com"}
`)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	parsed, err := config.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	r := &Runner{Host: Host{Getenv: func(string) string { return "" }}, ConfigFile: file}
	for name, want := range map[string]string{"a": "a", "b": "b", "c": "c", "d": "a", "other": "a", "": "a"} {
		env := audit.Environment{Name: name, URL: "https://northwind.crm.dynamics.com"}
		target, err := r.PlanTarget(plan.Plan{Environment: env}, Connection{}, "")
		if err != nil || target.Env.Name != want {
			t.Errorf("a plan for %q is for %q (%v), want %q", name, target.Env.Name, err, want)
		}
		if got := environmentOf(parsed, name, env.URL).Name; got != want {
			t.Errorf("a snapshot of %q is of %q, want %q", name, got, want)
		}
	}
	if got := environmentOf(parsed, "b", "https://elsewhere.crm.dynamics.com").Name; got != "b" {
		t.Errorf("a snapshot of an address that the configuration does not have is of %q, want b", got)
	}
}
