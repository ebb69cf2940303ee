// Package console writes what people see: narration, progress and questions on standard error,
// and documents on standard output or in files.
package console

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Streams are the standard streams, guarded by [text.Stream].
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	StdinIsTerminal, StdoutIsTerminal, StderrIsTerminal bool
	// Width is the width of tables in columns; 0 for no limit.
	Width int
	// StderrWidth is the width of standard error in columns; 0 for no limit.
	StderrWidth int
}

// A Console narrates, asks questions and writes documents.
type Console struct {
	Streams

	Now    func() time.Time
	Getenv func(string) string

	Quiet, Verbose, NoColor, NoProgress bool
	// LogFormat is text or json.
	LogFormat string

	screen screen
	stdin  *bufio.Reader // reads Stdin; made for the first question
}

// Color reports whether standard output may have colors.
func (c *Console) Color() bool {
	return c.StdoutIsTerminal && !c.NoColor && c.Getenv("NO_COLOR") == ""
}

// Warn logs a warning about an environment; "" for none.
func (c *Console) Warn(environment, message string) {
	if c.LogFormat != "json" {
		message = "warning: " + message
	}
	c.Log(slog.LevelWarn, environment, message)
}

// Log writes a message to standard error: a line that begins with the environment or, with
// --log-format json, an object with time, level, msg, environment and the fields. With --quiet, it
// writes only warnings and errors; with --verbose, also debug messages.
func (c *Console) Log(level slog.Level, environment, message string, fields ...slog.Attr) {
	if level < slog.LevelWarn && c.Quiet || level < slog.LevelInfo && !c.Verbose {
		return
	}
	if c.LogFormat == "json" {
		c.logJSON(level, environment, message, fields)
		return
	}
	if environment != "" {
		message = text.Line(environment) + ": " + message
	}
	c.screen.write(c.Stderr, c.paragraph(message))
}

func (c *Console) logJSON(level slog.Level, environment, message string, fields []slog.Attr) {
	record := slog.NewRecord(c.Now().UTC(), level, text.Lines(message), 0)
	if environment != "" {
		record.AddAttrs(slog.String("environment", environment))
	}
	record.AddAttrs(fields...)
	var line bytes.Buffer
	handler := slog.NewJSONHandler(&line, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, f slog.Attr) slog.Attr {
		if f.Value.Kind() == slog.KindString {
			f.Value = slog.StringValue(text.Lines(f.Value.String()))
		}
		return f
	}})
	if err := handler.Handle(nil, record); err != nil { //nolint:staticcheck // the handler ignores the context
		return // a message that cannot be encoded must not fail the run
	}
	c.screen.write(c.Stderr, string(text.JSON(line.Bytes())))
}

// ReportError prints an error, even with --quiet.
func (c *Console) ReportError(err error) {
	message := err.Error()
	if errors.Is(err, context.Canceled) {
		// Replace the standard library's words for an interruption.
		message = strings.NewReplacer("interrupted: context canceled", "interrupted", "context canceled", "interrupted").Replace(message)
	}
	if c.LogFormat == "json" {
		c.Log(slog.LevelError, "", message)
		return
	}
	c.screen.write(c.Stderr, c.paragraph("dbaudit: "+message))
}

// paragraph returns a message as it is printed. Lines after the first are indented, so that they do
// not look like other messages. Lines are wrapped for a terminal, but not for a log, which people
// search.
func (c *Console) paragraph(message string) string {
	message = strings.ReplaceAll(text.Lines(strings.TrimRight(message, "\n")), "\n", "\n  ") + "\n"
	if !c.StderrIsTerminal {
		return message
	}
	return text.WrapLines(message, c.StderrWidth)
}
