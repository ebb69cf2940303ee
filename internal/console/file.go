package console

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// ResolveLink returns the target of a symbolic link, so that writing replaces the target and not the
// link. It returns other names unchanged.
func ResolveLink(name string) string {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		return target
	}
	return name
}

// SameFile reports whether two names are of the same file, even if it does not exist.
func SameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB) || canonical(a) == canonical(b)
}

// canonical returns the absolute path of a file without symbolic links. The file may not exist.
func canonical(name string) string {
	if path, err := filepath.Abs(name); err == nil {
		name = path
	}
	return ResolveLink(filepath.Join(ResolveLink(filepath.Dir(name)), filepath.Base(name)))
}

// isDevice reports whether a name is of a device or a pipe, such as /dev/null. A device must not be
// replaced by a file, and merely opening it may have an effect.
func isDevice(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// CheckWritable returns an error if a file could not be written.
func CheckWritable(name string) error {
	name = ResolveLink(name)
	if isDevice(name) {
		return nil
	}
	probe, err := createTemporary(name)
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// CheckFolder returns an error if files could not be written to a folder. It does not make the folder.
func CheckFolder(name string) error {
	existing := filepath.Clean(name)
	info, err := os.Stat(existing)
	for err != nil && existing != filepath.Dir(existing) {
		existing = filepath.Dir(existing)
		info, err = os.Stat(existing)
	}
	if err == nil && !info.IsDir() {
		return fmt.Errorf("writing to %s: %s is not a folder", name, existing)
	}
	return CheckWritable(filepath.Join(existing, "page"))
}

// createTemporary creates a temporary file next to the named file.
func createTemporary(name string) (*os.File, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil, errors.New("it is a folder: name a file in it")
	}
	file, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the folder %s does not exist: make it first", filepath.Dir(name))
	}
	return file, err
}

// WriteFile writes data to a file; see [WriteTo].
func WriteFile(name string, data []byte) error {
	return WriteTo(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteTo writes a file completely or not at all. Only its owner can read the file, because it may
// contain names of people. If the name is of a symbolic link, WriteTo writes its target.
func WriteTo(name string, write func(io.Writer) error) error {
	name = ResolveLink(name)
	writeFile := replaceFile
	if isDevice(name) {
		writeFile = writeDevice
	}
	if err := writeFile(name, write); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// replaceFile writes a temporary file and renames it when it is complete.
func replaceFile(name string, write func(io.Writer) error) (err error) {
	temporary, err := createTemporary(name)
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

// IsStdout reports whether the name of an output means standard output.
func IsStdout(file string) bool {
	switch file {
	case "", "-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		return true
	}
	return false
}

// StandardStream returns the guarded stream that the name of an output means; nil for a file. Opening
// /dev/stdout as a file would bypass the guard, and truncate a log that a shell appends to.
func (c *Console) StandardStream(file string) io.Writer {
	switch {
	case IsStdout(file):
		return c.Stdout
	case file == "/dev/stderr" || file == "/dev/fd/2" || file == "/proc/self/fd/2":
		return c.Stderr
	}
	return nil
}

// IsFolder reports whether the name of an output means a folder: it ends in a separator.
func IsFolder(name string) bool {
	return strings.HasSuffix(name, "/") || strings.HasSuffix(name, string(filepath.Separator))
}

// WriteJSON writes a value as indented JSON. As in a result, the characters <, > and & are unchanged.
func (c *Console) WriteJSON(file string, document any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return c.WriteEncodedJSON(file, b.Bytes())
}

// WriteEncodedJSON writes JSON: unchanged to a file, and escaped to a standard stream, so that it is
// safe to print.
func (c *Console) WriteEncodedJSON(file string, data []byte) error {
	if c.StandardStream(file) != nil {
		data = text.JSON(data)
	}
	return c.WriteOutput(file, data)
}

// WriteTable writes the output of draw to standard output, or to a file without a limit of the width.
// It also wraps the sentences next to a table.
func (c *Console) WriteTable(file string, draw func(w io.Writer, width int) error) error {
	width := c.Width
	if !IsStdout(file) {
		width = 0
	}
	var b bytes.Buffer
	if err := draw(text.NewStream(&b, false), width); err != nil {
		return err
	}
	return c.WriteOutput(file, []byte(text.WrapLines(b.String(), width)))
}

// WriteOutput writes data to a file, or to the standard stream that the name means.
func (c *Console) WriteOutput(file string, data []byte) error {
	if stream := c.StandardStream(file); stream != nil {
		if _, err := stream.Write(data); err != nil {
			return fmt.Errorf("writing to a standard stream: %w", err)
		}
		return nil
	}
	return WriteFile(file, data)
}
