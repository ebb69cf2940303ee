package cli

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/dbaudit/dbaudit/internal/console"
)

// rewrite replaces the content of somebody's file, whole or not at all, and leaves
// its permissions and its owner as they are. A file of several names is written in
// its place, so that all of them go on to mean it.
func rewrite(name string, data []byte) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o200 == 0 {
		return errors.New("the file is read-only: check it out, or make it writable, and run again")
	}
	if names(info) > 1 {
		return os.WriteFile(name, data, info.Mode().Perm())
	}
	if err := console.WriteFile(name, data); err != nil {
		return err
	}
	if err := keepOwner(name, info); err != nil {
		return err
	}
	return os.Chmod(name, info.Mode().Perm())
}
