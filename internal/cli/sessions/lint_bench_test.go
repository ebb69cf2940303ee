package sessions_test

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/cli"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/run"
)

// BenchmarkLintAllRoles judges each of 100 roles of about 50 privileges, in files of
// their own: what --all-roles costs grows with their number.
func BenchmarkLintAllRoles(b *testing.B) {
	dir := b.TempDir()
	for i := range 100 {
		name := fmt.Sprintf("Role %d", i)
		put(b, filepath.Join(dir, "Roles", name+".xml"), lintRole(name, lintMinimum()))
	}
	for b.Loop() {
		var stderr strings.Builder
		code := cli.Main(b.Context(), []string{"lint", "--all-roles", "--fail-on", "none", "-f", "csv", dir}, cli.Env{
			Streams: console.Streams{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &stderr},
			Host:    run.Host{Getenv: func(string) string { return "" }, Now: func() time.Time { return time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC) }},
		})
		if code != 0 {
			b.Fatalf("exit code %d, %s", code, stderr.String())
		}
	}
}
