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

// A progress shows the reading of one environment: live, or line by line with --verbose.
type progress struct {
	console *Console
	name    string
	live    bool
	started time.Time

	// These are guarded by the screen's lock.
	reading    map[snapshot.Section]int  // requests in progress
	done       map[snapshot.Section]bool // ended, read or not
	requests   int
	rows       int
	throttled  int
	task       string    // work other than sections
	waitReason string    // why a request waits
	waitUntil  time.Time // until when
}

// Progress begins to show the reading of an environment, until it is stopped.
func (c *Console) Progress(environment string) run.Progress {
	p := &progress{console: c, name: environment, live: c.showsProgress(), reading: map[snapshot.Section]int{}, done: map[snapshot.Section]bool{}}
	if p.live {
		p.started = c.Now()
		c.screen.add(p)
	}
	return p
}

// showsProgress reports whether progress can be drawn on a terminal, and no flag forbids it.
func (c *Console) showsProgress() bool {
	return c.StderrIsTerminal && !c.NoProgress && !c.Quiet && c.LogFormat != "json" && c.Getenv("TERM") != "dumb"
}

// Stop ends what is shown.
func (p *progress) Stop() {
	if p.live {
		p.console.screen.remove(p)
	}
}

// Task receives work other than reading sections.
func (p *progress) Task(title string) {
	p.update(func() { p.task = title })
}

// Exchange receives requests.
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

// noteWait notes that a request waits. It is called with the lock held.
func (p *progress) noteWait(why string, wait time.Duration) {
	if until := p.console.Now().Add(wait); until.After(p.waitUntil) {
		p.waitReason, p.waitUntil = why, until
	}
}

func exchangeText(e dataverse.Event) string {
	said := e.Kind.String()
	if e.Label != "" {
		said = e.Label + ": " + said
	}
	switch e.Kind {
	case dataverse.PageRead:
		said += fmt.Sprintf(" (page %d, %s)", e.Page, text.Count(e.Rows, "row"))
	case dataverse.RequestThrottled, dataverse.RequestRetried:
		said += fmt.Sprintf(" (%s; again after %s)", e.Reason, e.Wait.Round(time.Millisecond))
	case dataverse.RequestFailed:
		said += fmt.Sprintf(" (%s)", e.Reason)
	case dataverse.UnknownEvent, dataverse.RequestStarted, dataverse.RequestFinished, dataverse.TokenRenewed:
	}
	return said
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

// Section receives sections.
func (p *progress) Section(e collector.Event) {
	p.update(func() {
		switch {
		case e.Done:
			p.reading[e.Section] = max(0, p.reading[e.Section]-1)
			p.done[e.Section] = true
		case e.Attempt <= 1: // a repetition continues the first attempt
			p.reading[e.Section]++
		}
	})
	said, field := "reading "+sectionName(e.Section), slog.Int("attempt", e.Attempt)
	if e.Done {
		said, field = sectionName(e.Section)+": "+e.State.String(), slog.String("state", e.State.String())
	}
	p.console.Log(slog.LevelDebug, p.name, said, slog.String("section", string(e.Section)), field)
}

func sectionName(s snapshot.Section) string { return strings.ReplaceAll(string(s), "_", " ") }

// update changes what the screen shows the next time that it is drawn.
func (p *progress) update(do func()) {
	if !p.live {
		return
	}
	p.console.screen.mu.Lock()
	defer p.console.screen.mu.Unlock()
	do()
}

// line is the state of a reading: its progress, duration and size, and what it reads or waits
// for. It is called with the lock held.
func (p *progress) line() string {
	now := p.console.Now()
	var under []string
	finished := 0
	for _, s := range snapshot.Sections() {
		switch {
		case p.reading[s] > 0:
			under = append(under, sectionName(s))
		case p.done[s]:
			finished++
		}
	}
	total := len(snapshot.Sections())
	done := fmt.Sprintf("[%s%s] %d/%d  ", strings.Repeat("#", finished), strings.Repeat("-", total-finished), finished, total)
	doing := "signing in"
	switch {
	case p.task != "":
		done, doing = "", p.task
	case len(under) > 0:
		doing = "reading " + strings.Join(under, ", ")
	case finished > 0:
		doing = "reading"
	}
	if left := p.waitUntil.Sub(now); left > 0 {
		doing = fmt.Sprintf("%s, %s more", p.waitReason, left.Round(time.Second))
	}
	counts := ""
	if p.requests > 0 || p.task == "" {
		counts = text.Count(p.requests, "request") + ", " + text.Count(p.rows, "row")
		if p.throttled > 0 {
			counts += fmt.Sprintf(", %d throttled", p.throttled)
		}
		counts += "  "
	}
	line := text.Line(fmt.Sprintf("%s  %s%.1f s  %s%s", p.name, done, now.Sub(p.started).Seconds(), counts, doing))
	if runes := []rune(line); p.console.StderrWidth > 1 && len(runes) >= p.console.StderrWidth {
		return string(runes[:p.console.StderrWidth-2]) + "…"
	}
	return line
}

// A screen is standard error: lines that stay and, on a terminal, below them one line for each
// environment that is being read, which is redrawn. The zero value is ready.
type screen struct {
	mu    sync.Mutex
	live  []*progress
	drawn int // live lines on the terminal
	stop  chan struct{}
}

// Escape sequences of every terminal since the VT100. Without wrapping, a line that is too long
// for a narrower window is cut, and stays one line.
const (
	eraseDown  = "\x1b[J"
	lineUp     = "\x1b[A"
	noWrapping = "\x1b[?7l"
	wrapping   = "\x1b[?7h"
)

// write writes what stays, above the live lines.
func (s *screen) write(w io.Writer, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeControl(w, s.erase())
	_, _ = io.WriteString(w, message)
	s.writeControl(w, s.render())
}

// writeControl writes control sequences for the terminal; without a terminal, it writes nothing.
func (s *screen) writeControl(w io.Writer, sequence string) {
	if sequence != "" {
		_ = text.WriteControl(w, sequence) // the run goes on without its picture
	}
}

// erase removes the live lines. It is called with the lock held.
func (s *screen) erase() string {
	if s.drawn == 0 {
		return ""
	}
	up := s.drawn - 1
	s.drawn = 0
	return "\r" + strings.Repeat(lineUp, up) + eraseDown
}

// render is the live lines, the cursor at their end. It is called with the lock held.
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

// redrawEvery is how often the live lines are drawn.
const redrawEvery = 100 * time.Millisecond

// draw shows the live lines as they are now.
func (s *screen) draw(w io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeControl(w, s.erase()+s.render())
}

// add begins a live line. The first one starts the clock that redraws them all.
func (s *screen) add(p *progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = append(s.live, p)
	if s.stop == nil {
		s.stop = make(chan struct{})
		go s.tick(p.console.Stderr, s.stop)
	}
	s.writeControl(p.console.Stderr, s.erase()+s.render())
}

// remove ends a live line. The last one ends the clock.
func (s *screen) remove(p *progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = slices.DeleteFunc(s.live, func(q *progress) bool { return q == p })
	s.writeControl(p.console.Stderr, s.erase()+s.render())
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
