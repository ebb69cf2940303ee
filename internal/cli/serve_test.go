package cli

import (
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/run"
)

// TestAlertSecretsAreHidden checks that programs that a scan runs do not get the secrets of the
// alerts.
func TestAlertSecretsAreHidden(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "alerts.yaml")
	text := "routes:\n  ops: {teams: {url: {env: WORKFLOW_URL}}}\nrules:\n  - {name: all, events: [new], route: ops}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := newApp(Env{Host: run.Host{
		Getenv:    func(string) string { return "https://hooks.contoso.com/x" },
		Transport: func(*x509.CertPool) http.RoundTripper { return nil },
	}})
	if _, err := readAlerts(a, serveFlags{alerts: file}); err != nil {
		t.Fatal(err)
	}
	if got := newScanner(a, nil, nil).Runner.SecretVariables; !slices.Equal(got, []string{"WORKFLOW_URL"}) {
		t.Errorf("hidden: %q", got)
	}
}
