package console

import (
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// A screen is standard error: lines that stay and, on a terminal, below them one line for
// each environment that is being read, redrawn as it progresses. The zero value is ready.
type screen struct {
	mu    sync.Mutex
	live  []*progress
	drawn int // live lines on the terminal
	last  time.Time
	stop  chan struct{}
}

// Escape sequences of every terminal since the VT100. Without wrapping, a line
// that is too long for a window made narrower is cut and not broken in two.
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
	s.show(w, s.erasure())
	_, _ = io.WriteString(w, message)
	s.show(w, s.picture())
}

// show writes control sequences for the terminal; without a terminal, it writes nothing.
func (s *screen) show(w io.Writer, sequence string) {
	if sequence != "" {
		_ = text.WriteControl(w, sequence) // the run goes on without its picture
	}
}

// erasure takes the live lines away. It is called with the lock held.
func (s *screen) erasure() string {
	if s.drawn == 0 {
		return ""
	}
	up := s.drawn - 1
	s.drawn = 0
	return "\r" + strings.Repeat(lineUp, up) + eraseDown
}

// picture is the live lines, the cursor at their end. It is called with the lock held.
func (s *screen) picture() string {
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

// redrawEvery keeps a terminal from flickering.
const redrawEvery = 100 * time.Millisecond

// draw shows the live lines, unless it did just now.
func (s *screen) draw(w io.Writer, now time.Time) {
	if s.stop == nil || now.Sub(s.last) < redrawEvery {
		return
	}
	s.last = now
	s.show(w, s.erasure()+s.picture())
}

// add begins a live line. The first one starts the clock that moves them all.
func (s *screen) add(p *progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = append(s.live, p)
	if s.stop == nil {
		s.stop = make(chan struct{})
		go s.tick(p.console.Stderr, p.console.Now, s.stop)
	}
	s.show(p.console.Stderr, s.erasure()+s.picture())
}

// remove ends a live line; with the last one nothing is left of them.
func (s *screen) remove(p *progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = slices.DeleteFunc(s.live, func(q *progress) bool { return q == p })
	s.show(p.console.Stderr, s.erasure()+s.picture())
	if len(s.live) == 0 && s.stop != nil {
		close(s.stop)
		s.stop = nil
	}
}

func (s *screen) tick(w io.Writer, now func() time.Time, stop chan struct{}) {
	ticker := time.NewTicker(redrawEvery)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			s.mu.Lock()
			if s.stop == stop {
				s.draw(w, now())
			}
			s.mu.Unlock()
		}
	}
}
