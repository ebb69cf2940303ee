//go:build unix

package sessions_test

import (
	"errors"
	"os"
	"syscall"
	"testing"
)

func TestLintFixKeepsTheOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("to give a file away takes the superuser")
	}
	p := newProcess(t)
	p.write("Roles/a.xml", lintRole("Demandbase", lintMinimum()[1:]))
	if err := errors.Join(os.Chown("Roles/a.xml", 4711, 4712), os.Chmod("Roles/a.xml", 0o640)); err != nil {
		t.Skip(err)
	}
	p.run("lint", "Roles", "--fix").must(t, 0)
	info, err := os.Stat("Roles/a.xml")
	if err != nil {
		t.Fatal(err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != 4711 || stat.Gid != 4712 || info.Mode().Perm() != 0o640 {
		t.Errorf("the file is another's now: %+v", info.Sys())
	}
}
