package cli

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// say narrates what is being done. Names among the arguments stay on its line.
func (a *app) say(format string, args ...any) {
	a.Log(slog.LevelInfo, "", text.Linef(format, args...))
}

// warn says what a reader should not overlook, --quiet or not.
func (a *app) warn(format string, args ...any) {
	a.Warn("", text.Linef(format, args...))
}

// Warn warns of an environment. An object has a level; a line says it in words.
func (a *app) Warn(environment, message string) {
	if a.global.logFormat != "json" {
		message = "warning: " + message
	}
	a.Log(slog.LevelWarn, environment, message)
}

// Log narrates on standard error: a line for people, or with --log-format json an
// object with time, level, msg and the fields. An environment, where one is
// named, is the line's beginning or a field. --quiet leaves warnings and errors,
// --verbose adds what is for debugging.
func (a *app) Log(level slog.Level, environment, message string, fields ...slog.Attr) {
	if level < slog.LevelWarn && a.global.quiet || level < slog.LevelInfo && !a.global.verbose {
		return
	}
	if a.global.logFormat == "json" {
		a.logJSON(level, environment, message, fields)
		return
	}
	if environment != "" {
		message = text.Line(environment) + ": " + message
	}
	a.screen.write(a.Stderr, paragraph(message))
}

func (a *app) logJSON(level slog.Level, environment, message string, fields []slog.Attr) {
	record := slog.NewRecord(a.Now().UTC(), level, text.Lines(message), 0)
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
		return // what cannot be narrated must not fail what is narrated
	}
	a.screen.write(a.Stderr, string(text.JSON(line.Bytes())))
}

// complain prints the error that ends a run. Errors say themselves what to do.
func (a *app) complain(err error) {
	message := err.Error()
	if errors.Is(err, context.Canceled) {
		// In the words of who pressed Ctrl-C, not of the library that noticed.
		message = strings.NewReplacer("interrupted: context canceled", "interrupted", "context canceled", "interrupted").Replace(message)
	}
	if a.global.logFormat == "json" {
		a.Log(slog.LevelError, "", message)
		return
	}
	a.screen.write(a.Stderr, paragraph("dbaudit: "+message))
}

// paragraph is a message that may have several lines, such as several faults: what
// follows the first is set in, so that none passes for a message of its own.
func paragraph(message string) string {
	return strings.ReplaceAll(text.Lines(strings.TrimRight(message, "\n")), "\n", "\n  ") + "\n"
}
