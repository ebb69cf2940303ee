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

// A quietNarrator narrates many scans in one log: informational messages become debug messages.
type quietNarrator struct{ *console.Console }

func (q quietNarrator) Log(level slog.Level, environment, message string, fields ...slog.Attr) {
	if level == slog.LevelInfo {
		level = slog.LevelDebug
	}
	q.Console.Log(level, environment, message, fields...)
}

// logger returns a logger for a component of serve or worker. Its messages appear among dbaudit's.
func logger(a *app, component string) *slog.Logger {
	return slog.New(&logHandler{quietNarrator: quietNarrator{a.Console}, component: component, recent: &recentMessages{at: map[string]time.Time{}}})
}

// A logHandler is a [slog.Handler] that narrates the records of a component's log. It omits a warning or an error that was
// logged within the last minute.
type logHandler struct {
	quietNarrator

	component string
	recent    *recentMessages
	attrs     []slog.Attr
}

// recentMessages holds when a message was last logged. While the database is lost, each part of the
// queue logs that every second.
type recentMessages struct {
	mu sync.Mutex
	at map[string]time.Time
}

// seenRecently reports whether a message was logged within the last minute. If not, it records that
// it is logged now.
func (r *recentMessages) seenRecently(message string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.at, func(_ string, at time.Time) bool { return now.Sub(at).Abs() > time.Minute })
	_, seen := r.at[message]
	if !seen {
		r.at[message] = now
	}
	return seen
}

func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || h.Verbose
}

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	attrs := slices.Clone(h.attrs)
	r.Attrs(func(attr slog.Attr) bool { attrs = append(attrs, attr); return true })
	message := h.component + ": " + r.Message
	for _, attr := range attrs {
		if attr.Key == "err" || attr.Key == "error" {
			message += ": " + attr.Value.String()
		}
	}
	if r.Level < slog.LevelWarn || !h.recent.seenRecently(message, h.Now()) {
		h.Log(r.Level, "", message, attrs...)
	}
	return nil
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *h
	more.attrs = slices.Concat(h.attrs, attrs)
	return &more
}

func (h *logHandler) WithGroup(string) slog.Handler { return h }
