package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// say narrates what is being done.
func (a *app) say(format string, args ...any) {
	a.log(slog.LevelInfo, "", fmt.Sprintf(format, args...))
}

// warn says what a reader should not overlook, --quiet or not.
func (a *app) warn(format string, args ...any) {
	a.log(slog.LevelWarn, "", "warning: "+fmt.Sprintf(format, args...))
}

// log narrates on standard error: a line for people, or with --log-format json an
// object with time, level, msg and the fields. An environment, where one is
// named, is the line's beginning or a field. --quiet leaves warnings and errors,
// --verbose adds what is for debugging.
func (a *app) log(level slog.Level, environment, text string, fields ...slog.Attr) {
	if level < slog.LevelWarn && a.global.quiet || level < slog.LevelInfo && !a.global.verbose {
		return
	}
	if a.global.logFormat == "json" {
		a.logJSON(level, environment, text, fields)
		return
	}
	if environment != "" {
		text = environment + ": " + text
	}
	a.screen.print(a.Stderr, printable(text)+"\n")
}

func (a *app) logJSON(level slog.Level, environment, text string, fields []slog.Attr) {
	record := slog.NewRecord(a.Now().UTC(), level, printable(text), 0)
	if environment != "" {
		record.AddAttrs(slog.String("environment", printable(environment)))
	}
	record.AddAttrs(fields...)
	var line strings.Builder
	handler := slog.NewJSONHandler(&line, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, f slog.Attr) slog.Attr {
		if f.Value.Kind() == slog.KindString {
			f.Value = slog.StringValue(printable(f.Value.String()))
		}
		return f
	}})
	if err := handler.Handle(nil, record); err != nil { //nolint:staticcheck // the handler ignores the context
		return // what cannot be narrated must not fail what is narrated
	}
	a.screen.print(a.Stderr, line.String())
}

// complain prints the error that ends a run. Errors say themselves what to do.
func (a *app) complain(err error) {
	text := err.Error()
	if errors.Is(err, context.Canceled) {
		// In the words of who pressed Ctrl-C, not of the library that noticed.
		text = strings.NewReplacer("interrupted: context canceled", "interrupted", "context canceled", "interrupted").Replace(text)
	}
	if a.global.logFormat == "json" {
		a.log(slog.LevelError, "", text)
		return
	}
	a.screen.print(a.Stderr, "dbaudit: "+printable(text)+"\n")
}

// printable makes text harmless for a terminal: names out of an environment may
// hold escape sequences and marks that reorder what is read.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0),
			r == 0x061c, r >= 0x200b && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfeff:
			return '\ufffd'
		}
		return r
	}, text)
}
