package console

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Resolved follows a link, so that what it leads to is written and not the link.
func Resolved(name string) string {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		return target
	}
	return name
}

// SameFile reports whether two names are of one file, which need not exist.
func SameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	first, err := os.Stat(a)
	second, err2 := os.Stat(b)
	if err == nil && err2 == nil {
		return os.SameFile(first, second)
	}
	full := func(name string) string {
		if path, err := filepath.Abs(name); err == nil {
			name = path
		}
		return filepath.Join(Resolved(filepath.Dir(name)), filepath.Base(name))
	}
	return full(a) == full(b)
}

// device reports whether a name is of a device or a pipe, such as /dev/null: it is written to
// and never replaced, and to open it may have an effect.
func device(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// Writable refuses a file that could not be written.
func Writable(name string) error {
	name = Resolved(name)
	if device(name) {
		return nil
	}
	probe, err := beside(name)
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// beside makes the temporary file that becomes the named one.
func beside(name string) (*os.File, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil, errors.New("it is a folder: name a file in it")
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the folder %s does not exist: make it first", filepath.Dir(name))
	}
	return file, err
}

// WriteFile writes a file whole or not at all; see [WriteTo].
func WriteFile(name string, data []byte) error {
	return WriteTo(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteTo has a file written whole or not at all, readable by its owner alone: what
// dbaudit writes may hold the names of people. A link is followed.
func WriteTo(name string, write func(io.Writer) error) error {
	name = Resolved(name)
	put := replace
	if device(name) {
		put = writeDevice
	}
	if err := put(name, write); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// replace writes beside a file, and puts what is written in its place when it is whole.
func replace(name string, write func(io.Writer) error) (err error) {
	temporary, err := beside(name)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = temporary.Close()
			_ = os.Remove(temporary.Name())
		}
	}()
	buffered := bufio.NewWriter(temporary)
	for _, step := range []func() error{func() error { return write(buffered) }, buffered.Flush, temporary.Sync, temporary.Close} {
		if err := step(); err != nil {
			return err
		}
	}
	return os.Rename(temporary.Name(), name)
}

func writeDevice(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
