package apply

import (
	"errors"
	"fmt"
	"os"

	"github.com/gofrs/flock"
)

// lock prevents other processes from using a journal, until release is called or this process
// ends. The lock is on a separate file, because Windows cannot write to a locked file.
func lock(journal string) (release func() error, err error) {
	name := journal + ".lock"
	for {
		l := flock.New(name, flock.SetPermissions(0o600))
		held, err := l.TryLock()
		if err != nil {
			return nil, fmt.Errorf("locking the journal: %w", err)
		}
		if !held {
			return nil, fmt.Errorf("another run is using the journal %s: wait until it ends", journal)
		}
		release := func() error {
			// Removing can fail while the file is open. A file that stays does no harm.
			_ = os.Remove(name)
			return l.Unlock()
		}
		current, err := isCurrentFile(l)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("locking the journal: %w", err), release())
		}
		if current {
			return release, nil
		}
		// Another process removed the file after this one opened it and before it was locked.
		if err := l.Unlock(); err != nil {
			return nil, fmt.Errorf("locking the journal: %w", err)
		}
	}
}

// isCurrentFile reports whether the locked file is still the one with the name.
func isCurrentFile(l *flock.Flock) (bool, error) {
	locked, err := l.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(l.Path())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(locked, named), err
}
