package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// IsStdout reports whether a name of an output means standard output.
func IsStdout(file string) bool {
	switch file {
	case "", "-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		return true
	}
	return false
}

// Stream is the guarded stream that a name of an output means; nil for a file. The system's
// own names would lead past the guard, and replace a log that a shell adds to.
func (c *Console) Stream(file string) io.Writer {
	switch {
	case IsStdout(file):
		return c.Stdout
	case file == "/dev/stderr" || file == "/dev/fd/2" || file == "/proc/self/fd/2":
		return c.Stderr
	}
	return nil
}

// IsFolder reports whether a file's name is that of a folder.
func IsFolder(name string) bool {
	return strings.HasSuffix(name, "/") || strings.HasSuffix(name, string(filepath.Separator))
}

// PutJSON writes a document that is not a report of a result.
func (c *Console) PutJSON(file string, document any) error { return c.putJSON(file, document, true) }

// PutPlainJSON is PutJSON without the escapes that keep JSON harmless in HTML.
func (c *Console) PutPlainJSON(file string, document any) error {
	return c.putJSON(file, document, false)
}

func (c *Console) putJSON(file string, document any, escapeHTML bool) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(escapeHTML)
	enc.SetIndent("", "  ")
	if err := enc.Encode(document); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return c.PutData(file, b.Bytes())
}

// PutData writes JSON: to a file byte for byte, to standard output as what may be printed.
func (c *Console) PutData(file string, data []byte) error {
	if c.Stream(file) != nil {
		data = text.JSON(data)
	}
	return c.Put(file, data)
}

// PutTable writes what draw prints to standard output, or to a file as it would be without
// a terminal. It wraps the sentences beside a table to the table's width.
func (c *Console) PutTable(file string, draw func(w io.Writer, width int) error) error {
	width := c.Width
	if !IsStdout(file) {
		width = 0
	}
	var b bytes.Buffer
	if err := draw(text.NewStream(&b, false), width); err != nil {
		return err
	}
	return c.Put(file, []byte(text.WrapLines(b.String(), width)))
}

// Put writes data to a file, or to standard output where the name is empty.
func (c *Console) Put(file string, data []byte) error {
	if stream := c.Stream(file); stream != nil {
		if _, err := stream.Write(data); err != nil {
			return fmt.Errorf("writing to a standard stream: %w", err)
		}
		return nil
	}
	return WriteFile(file, data)
}
