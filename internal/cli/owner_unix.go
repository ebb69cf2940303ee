//go:build unix

package cli

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// linkCount returns the number of hard links to a file.
func linkCount(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Nlink) //nolint:unconvert // it is narrower on other systems
	}
	return 1
}

// keepOwner gives a file the owner and the group that it had before, if that is permitted.
func keepOwner(name string, before fs.FileInfo) error {
	stat, ok := before.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if err := os.Chown(name, int(stat.Uid), int(stat.Gid)); !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}
