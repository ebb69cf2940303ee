//go:build unix

package sessions_test

import (
	"os"
	"syscall"
	"testing"
)

func TestLintFixKeepsTheOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("to give a file away takes the superuser")
	}
	t.Chdir(t.TempDir())
	put(t, "Roles/a.xml", lintRole("Demandbase", lintMinimum()[1:]))
	if err := os.Chown("Roles/a.xml", 4711, 4712); err != nil {
		t.Skip(err)
	}
	if out := lintIn(t, "", "Roles", "--fix"); out.code != 0 {
		t.Errorf("exit code %d\n%s", out.code, out.stderr)
	}
	info, err := os.Stat("Roles/a.xml")
	if err != nil {
		t.Fatal(err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != 4711 || stat.Gid != 4712 || info.Mode().Perm() != 0o640 {
		t.Errorf("the file is another's now: %+v", info.Sys())
	}
}
