package cli

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/dbaudit/dbaudit/internal/console"
)

// quietNarrator narrates for a log that many scans share: informational messages become debug messages.
type quietNarrator struct{ *console.Console }

// Log implements [run.Narrator].
func (q quietNarrator) Log(level slog.Level, environment, message string, fields ...slog.Attr) {
	if level == slog.LevelInfo {
		level = slog.LevelDebug
	}
	q.Console.Log(level, environment, message, fields...)
}

// logger is the log of a part of a process that runs for long, among dbaudit's own.
func logger(a *app, of string) *slog.Logger {
	return slog.New(&logHandler{quietNarrator: quietNarrator{a.Console}, component: of, recent: &recentMessages{at: map[string]time.Time{}}})
}

// A logHandler narrates the warnings and errors of a log.
type logHandler struct {
	quietNarrator

	component string
	recent    *recentMessages
	attrs     []slog.Attr
}

// recentMessages keeps what was said lately: each part of the queue reports a lost database each second.
type recentMessages struct {
	mu sync.Mutex
	at map[string]time.Time
}

// seenRecently reports whether a message was logged within the last minute, and records it as logged now.
func (r *recentMessages) seenRecently(message string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.at, func(_ string, at time.Time) bool { return now.Sub(at).Abs() > time.Minute })
	_, said := r.at[message]
	if !said {
		r.at[message] = now
	}
	return said
}

// Enabled implements [slog.Handler].
func (n *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || n.Verbose
}

// Handle implements [slog.Handler].
func (n *logHandler) Handle(_ context.Context, r slog.Record) error {
	attrs := slices.Clone(n.attrs)
	r.Attrs(func(attr slog.Attr) bool { attrs = append(attrs, attr); return true })
	message := n.component + ": " + r.Message
	for _, attr := range attrs {
		if attr.Key == "err" || attr.Key == "error" {
			message += ": " + attr.Value.String()
		}
	}
	if r.Level < slog.LevelWarn || !n.recent.seenRecently(message, n.Now()) {
		n.Log(r.Level, "", message, attrs...)
	}
	return nil
}

// WithAttrs implements [slog.Handler].
func (n *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *n
	more.attrs = slices.Concat(n.attrs, attrs)
	return &more
}

// WithGroup implements [slog.Handler].
func (n *logHandler) WithGroup(string) slog.Handler { return n }
