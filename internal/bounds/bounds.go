// Package bounds limits the size of each kind of input, and is the only package that reads
// inputs. It reads regular files, standard input and inherited pipes up to their limit, so that a
// device, a named pipe or a growing file can neither block a run nor fill the memory.
package bounds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// A Kind is a kind of input, as messages name it.
type Kind string

// The kinds of input.
const (
	// Configuration is dbaudit.yaml.
	Configuration Kind = "configuration"
	Profile       Kind = "profile"
	// Waivers is a file of accepted findings.
	Waivers Kind = "file of waivers"
	// Alerts is a file that configures the alerts of a fleet.
	Alerts Kind = "file of alerts"
	// Policy is one file of Rego.
	Policy Kind = "policy"
	// Page is a page of a vendor's documentation.
	Page       Kind = "page"
	Simulation Kind = "simulated environment"
	Snapshot   Kind = "snapshot"
	// Result is a file of saved results.
	Result Kind = "result"
	Plan   Kind = "plan"
	// Journal is a journal of apply.
	Journal Kind = "journal"
	// Role is a file of security roles that lint corrects.
	Role Kind = "role's file"
	// Recording is a recording of the exchanges with an environment.
	Recording  Kind = "recording"
	Credential Kind = "certificate, token or secret"
)

const (
	kibi = 1 << 10
	mebi = 1 << 20
)

// Max returns the maximum size of an input of the kind, in bytes. It is 0 for an unknown kind.
// Files that people write are small; files that dbaudit writes may be large.
func (k Kind) Max() int64 {
	switch k {
	case Configuration, Profile, Waivers, Alerts, Policy, Credential:
		return mebi
	case Page, Simulation:
		return 16 * mebi
	case Plan, Journal:
		return 64 * mebi
	case Role, Result, Recording:
		return 128 * mebi
	case Snapshot:
		return 256 * mebi
	}
	return 0
}

// A notFoundError is the error for a file that does not exist; its value is the file's name.
type notFoundError string

func (name notFoundError) Error() string {
	return "the file " + string(name) + " does not exist: check the path, which is relative to the working directory"
}

func (notFoundError) Unwrap() error { return fs.ErrNotExist }

// Open opens a regular file and returns its size. Its errors wrap those of the file system.
func Open(name string) (*os.File, int64, error) {
	// Without O_NONBLOCK, opening a pipe waits for a writer.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, notFoundError(name)
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil {
		err = checkRegular(info, name)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// ReadFile reads a regular file of a kind.
func ReadFile(k Kind, name string) ([]byte, error) {
	f, size, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return read(k, name, f, size)
}

// OpenSection opens a regular file for reading in parts. It reads a file without a size, such as
// a pipe, into memory.
func OpenSection(k Kind, name string) (*io.SectionReader, io.Closer, error) {
	f, size, err := Open(name)
	switch {
	case err != nil:
		return nil, nil, err
	case size > k.Max():
		return nil, nil, errors.Join(k.tooLargeError(name), f.Close())
	case size > 0:
		return io.NewSectionReader(f, 0, size), f, nil
	}
	data, err := read(k, name, f, 0)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))), f, nil
}

// ReadFS reads a regular file of a file system.
func ReadFS(k Kind, tree fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(tree, name)
	if err != nil {
		return nil, err
	}
	if err := checkRegular(info, name); err != nil {
		return nil, err
	}
	f, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	return read(k, name, f, info.Size())
}

func checkRegular(info fs.FileInfo, name string) error {
	switch {
	case info.IsDir():
		return fmt.Errorf("it is not a regular file: %s is a folder: name a file in it", name)
	case info.Mode()&fs.ModeNamedPipe != 0 && isInheritedPipe(name):
	case !info.Mode().IsRegular():
		return fmt.Errorf("it is not a regular file: %s is a device or a pipe: name a file, or - for standard input if the command accepts it", name)
	}
	return nil
}

// isInheritedPipe reports whether this process inherited the pipe, for example from a shell's
// <(command). Such a pipe has a writer, so reading it does not block for ever.
func isInheritedPipe(name string) bool {
	return name == "/dev/stdin" || strings.HasPrefix(name, "/dev/fd/")
}

// ReadAll reads an input of unknown size, such as standard input.
func ReadAll(k Kind, name string, r io.Reader) ([]byte, error) { return read(k, name, r, 0) }

// read allocates the expected size at once, so that the buffer is not copied as it grows.
func read(k Kind, name string, r io.Reader, size int64) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(size, k.Max())) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(r, k.Max()+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > k.Max() {
		return nil, k.tooLargeError(name)
	}
	return b.Bytes(), nil
}

func (k Kind) tooLargeError(name string) error {
	return fmt.Errorf("it is too large: %s has more than %s, the maximum for a %s: check the path, or split the file", name, FormatSize(k.Max()), k)
}

// FormatSize formats a number of bytes for people.
func FormatSize(n int64) string {
	switch {
	case n >= mebi && n%mebi == 0:
		return fmt.Sprintf("%d MiB", n/mebi)
	case n >= kibi && n%kibi == 0:
		return fmt.Sprintf("%d KiB", n/kibi)
	}
	return fmt.Sprintf("%d bytes", n)
}
