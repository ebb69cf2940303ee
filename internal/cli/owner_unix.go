//go:build unix

package cli

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// linkCount is the number of names (hard links) of a file.
func linkCount(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink) //nolint:unconvert // it is narrower on other systems
	}
	return 1
}

// keepOwner restores the owner and the group of a file, if that is permitted.
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
