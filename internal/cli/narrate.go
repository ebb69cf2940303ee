package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// logger writes narration to standard error: plain lines for people, JSON for
// machines.
func (a *app) logger() *slog.Logger {
	if a.global.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.Stderr, nil))
	}
	return nil
}

// say narrates what is being done.
func (a *app) say(format string, args ...any) {
	if a.global.quiet {
		return
	}
	a.write(slog.LevelInfo, fmt.Sprintf(format, args...))
}

// detail narrates what only --verbose asks for.
func (a *app) detail(format string, args ...any) {
	if a.global.verbose {
		a.write(slog.LevelDebug, fmt.Sprintf(format, args...))
	}
}

// warn says what a reader should not overlook, --quiet or not.
func (a *app) warn(format string, args ...any) {
	a.write(slog.LevelWarn, "warning: "+fmt.Sprintf(format, args...))
}

func (a *app) write(level slog.Level, text string) {
	text = printable(text)
	if log := a.logger(); log != nil {
		log.Log(nil, level, text) //nolint:staticcheck // the handler ignores the context
		return
	}
	fmt.Fprintln(a.Stderr, text)
}

// complain prints the error that ends a run, with advice where there is any.
func (a *app) complain(err error) {
	text := err.Error()
	var advised interface{ Advice() string }
	if errors.As(err, &advised) {
		if advice := advised.Advice(); advice != "" && !strings.Contains(text, advice) {
			text += "\n" + advice
		}
	}
	if a.global.logFormat == "json" {
		a.write(slog.LevelError, text)
		return
	}
	for i, line := range strings.Split(text, "\n") {
		if i == 0 {
			line = "dbaudit: " + line
		}
		fmt.Fprintln(a.Stderr, printable(line))
	}
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

var _ interface{ Advice() string } = (*dataverse.Error)(nil)
