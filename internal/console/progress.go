package console

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A progress shows how far the reading of one environment is: in a line that is redrawn on a terminal,
// and in debug messages.
type progress struct {
	console *Console
	name    string
	live    bool
	started time.Time

	// These are guarded by the screen's lock.
	reading    map[snapshot.Section]int  // number of readings in progress
	done       map[snapshot.Section]bool // finished, successfully or not
	requests   int
	rows       int
	throttled  int
	task       string    // work other than sections
	waitReason string    // why a request waits
	waitUntil  time.Time // until when
}

// Progress shows the progress of reading an environment until its Stop method is called.
func (c *Console) Progress(environment string) run.Progress {
	p := &progress{console: c, name: environment, live: c.showsProgress(), reading: map[snapshot.Section]int{}, done: map[snapshot.Section]bool{}}
	if p.live {
		p.started = c.Now()
		c.screen.add(p)
	}
	return p
}

// showsProgress reports whether to draw progress: standard error is a capable terminal, and no flag
// forbids it.
func (c *Console) showsProgress() bool {
	return c.StderrIsTerminal && !c.NoProgress && !c.Quiet && c.LogFormat != "json" && c.Getenv("TERM") != "dumb"
}

// Stop removes the line from the terminal.
func (p *progress) Stop() {
	if p.live {
		p.console.screen.remove(p)
	}
}

// Task shows a task other than reading sections.
func (p *progress) Task(title string) {
	p.update(func() { p.task = title })
}

// Exchange records an event of a request.
func (p *progress) Exchange(e dataverse.Event) {
	p.update(func() {
		switch e.Kind {
		case dataverse.RequestStarted:
			p.requests++
		case dataverse.PageRead:
			p.rows += e.Rows
		case dataverse.RequestThrottled:
			p.throttled++
			p.noteWait("throttled by the environment", e.Wait)
		case dataverse.RequestRetried:
			p.noteWait("trying again after "+e.Reason.String(), e.Wait)
		case dataverse.UnknownEvent, dataverse.RequestFinished, dataverse.RequestFailed, dataverse.TokenRenewed:
		}
	})
	p.console.Log(slog.LevelDebug, p.name, exchangeText(e), exchangeFields(e)...)
}

// noteWait records that a request waits. The caller holds the lock.
func (p *progress) noteWait(reason string, wait time.Duration) {
	if end := p.console.Now().Add(wait); end.After(p.waitUntil) {
		p.waitReason, p.waitUntil = reason, end
	}
}

func exchangeText(e dataverse.Event) string {
	message := e.Kind.String()
	if e.Label != "" {
		message = e.Label + ": " + message
	}
	switch e.Kind {
	case dataverse.PageRead:
		message += fmt.Sprintf(" (page %d, %s)", e.Page, text.Count(e.Rows, "row"))
	case dataverse.RequestThrottled, dataverse.RequestRetried:
		message += fmt.Sprintf(" (%s; again after %s)", e.Reason, e.Wait.Round(time.Millisecond))
	case dataverse.RequestFailed:
		message += fmt.Sprintf(" (%s)", e.Reason)
	case dataverse.UnknownEvent, dataverse.RequestStarted, dataverse.RequestFinished, dataverse.TokenRenewed:
	}
	return message
}

func exchangeFields(e dataverse.Event) []slog.Attr {
	reason := ""
	if e.Reason != dataverse.Unknown {
		reason = e.Reason.String()
	}
	fields := []slog.Attr{
		slog.String("event", e.Kind.String()), slog.String("request", e.Label), slog.String("reason", reason),
		slog.Int("attempt", e.Attempt), slog.Int("status", e.Status), slog.Int("page", e.Page), slog.Int("rows", e.Rows),
		slog.Int("bytes", e.Bytes), slog.Int64("wait_ms", e.Wait.Milliseconds()),
	}
	return slices.DeleteFunc(fields, func(f slog.Attr) bool { return f.Value.Equal(slog.IntValue(0)) || f.Value.Equal(slog.StringValue("")) })
}

// Section records an event of reading a section.
func (p *progress) Section(e collector.Event) {
	p.update(func() {
		switch {
		case e.Done:
			p.reading[e.Section] = max(0, p.reading[e.Section]-1)
			p.done[e.Section] = true
		case e.Attempt <= 1: // another attempt continues the same reading
			p.reading[e.Section]++
		}
	})
	message, field := "reading "+sectionName(e.Section), slog.Int("attempt", e.Attempt)
	if e.Done {
		message, field = sectionName(e.Section)+": "+e.State.String(), slog.String("state", e.State.String())
	}
	p.console.Log(slog.LevelDebug, p.name, message, slog.String("section", string(e.Section)), field)
}

func sectionName(s snapshot.Section) string { return strings.ReplaceAll(string(s), "_", " ") }

// update changes the progress under the screen's lock. The next drawing shows the change.
func (p *progress) update(change func()) {
	if !p.live {
		return
	}
	p.console.screen.mu.Lock()
	defer p.console.screen.mu.Unlock()
	change()
}

// line returns the live line: the progress, duration and size of the reading, and what it reads or
// waits for. The caller holds the lock.
func (p *progress) line() string {
	now := p.console.Now()
	var active []string
	finished := 0
	for _, s := range snapshot.Sections() {
		switch {
		case p.reading[s] > 0:
			active = append(active, sectionName(s))
		case p.done[s]:
			finished++
		}
	}
	total := len(snapshot.Sections())
	bar := fmt.Sprintf("[%s%s] %d/%d  ", strings.Repeat("#", finished), strings.Repeat("-", total-finished), finished, total)
	activity := "signing in"
	switch {
	case p.task != "":
		bar, activity = "", p.task
	case len(active) > 0:
		activity = "reading " + strings.Join(active, ", ")
	case finished > 0:
		activity = "reading"
	}
	if rest := p.waitUntil.Sub(now); rest > 0 {
		activity = fmt.Sprintf("%s, %s more", p.waitReason, rest.Round(time.Second))
	}
	counts := ""
	if p.requests > 0 || p.task == "" {
		counts = text.Count(p.requests, "request") + ", " + text.Count(p.rows, "row")
		if p.throttled > 0 {
			counts += fmt.Sprintf(", %d throttled", p.throttled)
		}
		counts += "  "
	}
	line := text.Line(fmt.Sprintf("%s  %s%.1f s  %s%s", p.name, bar, now.Sub(p.started).Seconds(), counts, activity))
	if runes := []rune(line); p.console.StderrWidth > 1 && len(runes) >= p.console.StderrWidth {
		return string(runes[:p.console.StderrWidth-2]) + "…"
	}
	return line
}

// A screen is standard error: permanent lines and, on a terminal, below them a live line for each
// environment that is being read. The live lines are redrawn. The zero value is ready to use.
type screen struct {
	mu    sync.Mutex
	live  []*progress
	drawn int // live lines on the terminal
	stop  chan struct{}
}

// Escape sequences of every terminal since the VT100. With noWrapping, the terminal cuts a line that
// is too long, so that each live line takes one row, even in a window that became narrower.
const (
	eraseDown  = "\x1b[J"
	lineUp     = "\x1b[A"
	noWrapping = "\x1b[?7l"
	wrapping   = "\x1b[?7h"
)

// write writes permanent lines above the live lines.
func (s *screen) write(w io.Writer, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeControl(w, s.erase())
	_, _ = io.WriteString(w, message)
	s.redraw(w)
}

// redraw removes the live lines and draws them again. The caller holds the lock.
func (s *screen) redraw(w io.Writer) { s.writeControl(w, s.erase()+s.render()) }

// writeControl writes text with control sequences to the terminal.
func (s *screen) writeControl(w io.Writer, sequence string) {
	if sequence != "" {
		_ = text.WriteControl(w, sequence) // the run continues without live lines
	}
}

// erase returns the sequence that removes the live lines. The caller holds the lock.
func (s *screen) erase() string {
	if s.drawn == 0 {
		return ""
	}
	up := s.drawn - 1
	s.drawn = 0
	return "\r" + strings.Repeat(lineUp, up) + eraseDown
}

// render returns the live lines. The cursor then is at their end. The caller holds the lock.
func (s *screen) render() string {
	if len(s.live) == 0 {
		return ""
	}
	lines := make([]string, len(s.live))
	for i, p := range s.live {
		lines[i] = p.line()
	}
	s.drawn = len(lines)
	return noWrapping + strings.Join(lines, "\n") + wrapping
}

// redrawEvery is the time between two drawings of the live lines.
const redrawEvery = 100 * time.Millisecond

// draw redraws the live lines.
func (s *screen) draw(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.redraw(w)
}

// add adds a live line. The first one starts the ticker that redraws all.
func (s *screen) add(p *progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = append(s.live, p)
	if s.stop == nil {
		s.stop = make(chan struct{})
		go s.tick(p.console.Stderr, s.stop)
	}
	s.redraw(p.console.Stderr)
}

// remove removes a live line. The last one stops the ticker.
func (s *screen) remove(p *progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = slices.DeleteFunc(s.live, func(q *progress) bool { return q == p })
	s.redraw(p.console.Stderr)
	if len(s.live) == 0 && s.stop != nil {
		close(s.stop)
		s.stop = nil
	}
}

func (s *screen) tick(w io.Writer, stop chan struct{}) {
	ticker := time.NewTicker(redrawEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			s.draw(w)
		}
	}
}
