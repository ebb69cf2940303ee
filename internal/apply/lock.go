package apply

import (
	"errors"
	"fmt"
	"os"

	"github.com/gofrs/flock"
)

// lock makes this process the only one that uses a journal, until release is called or it
// ends. The lock is on a separate file: Windows cannot write to a locked one.
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
			// If an open file cannot be removed, it stays, and does no harm.
			_ = os.Remove(name)
			return l.Unlock()
		}
		ours, err := isCurrentFile(l)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("locking the journal: %w", err), release())
		}
		if ours {
			return release, nil
		}
		// The previous holder removed the file after we opened it and before we locked it.
		if err := l.Unlock(); err != nil {
			return nil, fmt.Errorf("locking the journal: %w", err)
		}
	}
}

// isCurrentFile reports whether the locked file is the one that the next process will find.
func isCurrentFile(l *flock.Flock) (bool, error) {
	held, err := l.Stat()
	if err != nil {
		return false, err
	}
	found, err := os.Stat(l.Path())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(held, found), err
}
