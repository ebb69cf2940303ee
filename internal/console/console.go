// Package console is the side of the process that people see: narration and progress on
// standard error, questions, and documents that go to standard output or whole into files.
package console

import (
	"io"
	"time"
)

// Streams are the standard streams, behind the guard of package text.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	StdinIsTerminal, StdoutIsTerminal, StderrIsTerminal bool
	// Width is how wide tables may be, in columns; 0 for as wide as they come.
	Width int
	// StderrWidth is the same of standard error.
	StderrWidth int
}

// A Console narrates, asks and writes, as its flags say.
type Console struct {
	Streams

	Now    func() time.Time
	Getenv func(string) string

	Quiet, Verbose, NoColor, NoProgress bool
	// LogFormat is text or json.
	LogFormat string

	screen screen
}

// Color reports whether standard output may be coloured.
func (c *Console) Color() bool {
	return c.StdoutIsTerminal && !c.NoColor && c.Getenv("NO_COLOR") == ""
}
