package bounds_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/bounds"
)

func hasPrefix(err error, prefix string) bool {
	return err != nil && strings.HasPrefix(err.Error(), prefix)
}

// TestReadFile reads files of a kind with each maximum size: one of that size is accepted, and one with
// one byte more is refused.
func TestReadFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "input")
	for _, k := range []bounds.Kind{bounds.Configuration, bounds.Page, bounds.Plan, bounds.Result, bounds.Snapshot} {
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Truncate(k.Max()+1), f.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := bounds.ReadFile(k, name); !hasPrefix(err, "it is too large: ") {
			t.Errorf("%s of a byte too many: %v", k, err)
		}
		if _, _, err := bounds.OpenSection(k, name); !hasPrefix(err, "it is too large: ") {
			t.Errorf("%s of a byte too many, in parts: %v", k, err)
		}
		if err := os.Truncate(name, min(k.Max(), 1<<20)); err != nil {
			t.Fatal(err)
		}
		if data, err := bounds.ReadFile(k, name); err != nil || int64(len(data)) != min(k.Max(), 1<<20) {
			t.Errorf("%s: %d bytes, %v", k, len(data), err)
		}
	}
	if file, closer, err := bounds.OpenSection(bounds.Plan, name); err != nil || file.Size() != 1<<20 || closer.Close() != nil {
		t.Errorf("in parts: %v", err)
	}
	if _, err := bounds.ReadFile(bounds.Plan, name+".not"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestRegularFilesOnly(t *testing.T) {
	t.Parallel()
	names := []string{t.TempDir()}
	if runtime.GOOS != "windows" {
		names = append(names, "/dev/zero")
	}
	for _, name := range names {
		if _, err := bounds.ReadFile(bounds.Plan, name); !hasPrefix(err, "it is not a regular file: ") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := bounds.ReadFS(bounds.Plan, os.DirFS(filepath.Dir(name)), filepath.Base(name)); !hasPrefix(err, "it is not a regular file: ") {
			t.Errorf("%s in a tree: %v", name, err)
		}
	}
}
