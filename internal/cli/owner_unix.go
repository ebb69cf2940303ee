//go:build unix

package cli

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// names is how many names a file has.
func names(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink) //nolint:unconvert // it is narrower on other systems
	}
	return 1
}

// keepOwner gives a file to the owner and the group that it had, if that is permitted.
func keepOwner(name string, had fs.FileInfo) error {
	stat, ok := had.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if err := os.Chown(name, int(stat.Uid), int(stat.Gid)); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
