package console

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A progress shows how far the reading of one environment is: live on a
// terminal, else line by line with --verbose.
type progress struct {
	console *Console
	name    string
	live    bool
	began   time.Time

	// These are guarded by the screen's lock.
	reading   map[snapshot.Section]int  // parts under way
	done      map[snapshot.Section]bool // read to the end, well or not
	requests  int
	rows      int
	throttled int
	doing     string    // what is done beside sections
	waiting   string    // why nothing moves
	until     time.Time // until when
}

// Progress begins to show the reading of an environment, until it is stopped.
func (c *Console) Progress(environment string) run.Progress { return c.Doing(environment, "") }

// Doing shows work other than reading sections, until it is stopped.
func (c *Console) Doing(name, doing string) *progress {
	p := &progress{
		console: c, name: name, doing: doing, live: c.showsProgress(),
		reading: map[snapshot.Section]int{}, done: map[snapshot.Section]bool{},
	}
	if p.live {
		p.began = c.Now()
		c.screen.add(p)
	}
	return p
}

// showsProgress reports whether there is a terminal to draw on, and no flag against it.
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
	p.change(func() { p.doing = title })
}

// Exchange receives requests.
func (p *progress) Exchange(e dataverse.Event) {
	p.change(func() {
		switch e.Kind {
		case dataverse.RequestStarted:
			p.requests++
		case dataverse.PageRead:
			p.rows += e.Rows
		case dataverse.RequestThrottled:
			p.throttled++
			p.wait("throttled by the environment", e.Wait)
		case dataverse.RequestRetried:
			p.wait("trying again after "+e.Reason.String(), e.Wait)
		case dataverse.UnknownEvent, dataverse.RequestFinished, dataverse.RequestFailed, dataverse.TokenRenewed:
		}
	})
	p.console.Log(slog.LevelDebug, p.name, exchangeText(e), exchangeFields(e)...)
}

// wait notes that a request waits. It is called with the lock held.
func (p *progress) wait(why string, wait time.Duration) {
	if until := p.console.Now().Add(wait); until.After(p.until) {
		p.waiting, p.until = why, until
	}
}

func exchangeText(e dataverse.Event) string {
	text := e.Kind.String()
	if e.Label != "" {
		text = e.Label + ": " + text
	}
	switch e.Kind {
	case dataverse.PageRead:
		text += fmt.Sprintf(" (page %d, %d rows)", e.Page, e.Rows)
	case dataverse.RequestThrottled, dataverse.RequestRetried:
		text += fmt.Sprintf(" (%s; again after %s)", e.Reason, e.Wait.Round(time.Millisecond))
	case dataverse.RequestFailed:
		text += fmt.Sprintf(" (%s)", e.Reason)
	case dataverse.UnknownEvent, dataverse.RequestStarted, dataverse.RequestFinished, dataverse.TokenRenewed:
	}
	return text
}

func exchangeFields(e dataverse.Event) []slog.Attr {
	fields := []slog.Attr{slog.String("event", e.Kind.String())}
	if e.Label != "" {
		fields = append(fields, slog.String("request", e.Label))
	}
	if e.Reason != dataverse.Unknown {
		fields = append(fields, slog.String("reason", e.Reason.String()))
	}
	for _, n := range []struct {
		key   string
		value int
	}{
		{"attempt", e.Attempt},
		{"status", e.Status},
		{"page", e.Page},
		{"rows", e.Rows},
		{"bytes", e.Bytes},
		{"wait_ms", int(e.Wait.Milliseconds())},
	} {
		if n.value != 0 {
			fields = append(fields, slog.Int(n.key, n.value))
		}
	}
	return fields
}

// Section receives sections.
func (p *progress) Section(e collector.Event) {
	p.change(func() {
		if !e.Done {
			// A repetition goes on with what the first attempt began.
			if e.Attempt <= 1 {
				p.reading[e.Section]++
			}
			return
		}
		p.reading[e.Section] = max(0, p.reading[e.Section]-1)
		p.done[e.Section] = true
	})
	fields := []slog.Attr{slog.String("section", string(e.Section))}
	if e.Done {
		fields = append(fields, slog.String("state", e.State.String()))
		p.console.Log(slog.LevelDebug, p.name, words(e.Section)+": "+e.State.String(), fields...)
		return
	}
	p.console.Log(slog.LevelDebug, p.name, "reading "+words(e.Section), append(fields, slog.Int("attempt", e.Attempt))...)
}

func words(s snapshot.Section) string { return strings.ReplaceAll(string(s), "_", " ") }

// change changes what is shown, and shows it.
func (p *progress) change(do func()) {
	if !p.live {
		return
	}
	p.console.screen.mu.Lock()
	defer p.console.screen.mu.Unlock()
	do()
	p.console.screen.draw(p.console.Stderr, p.console.Now())
}

// line is the state of a reading: how far, how long, how much, and what is being
// read or waited for. It is called with the lock held.
func (p *progress) line() string {
	now := p.console.Now()
	var under []string
	finished := 0
	for _, s := range snapshot.Sections() {
		switch {
		case p.reading[s] > 0:
			under = append(under, words(s))
		case p.done[s]:
			finished++
		}
	}
	total := len(snapshot.Sections())
	done := fmt.Sprintf("[%s%s] %d/%d  ", strings.Repeat("#", finished), strings.Repeat("-", total-finished), finished, total)
	doing := "signing in"
	switch {
	case p.doing != "":
		done, doing = "", p.doing
	case len(under) > 0:
		doing = "reading " + strings.Join(under, ", ")
	case finished > 0:
		doing = "reading"
	}
	if left := p.until.Sub(now); left > 0 {
		doing = fmt.Sprintf("%s, %s more", p.waiting, left.Round(time.Second))
	}
	counts := ""
	if p.requests > 0 || p.doing == "" {
		counts = fmt.Sprintf("%d requests, %d rows", p.requests, p.rows)
	}
	if p.throttled > 0 {
		counts += fmt.Sprintf(", %d throttled", p.throttled)
	}
	if counts != "" {
		counts += "  "
	}
	line := fmt.Sprintf("%s  %s%.1f s  %s%s", p.name, done, now.Sub(p.began).Seconds(), counts, doing)
	return clipped(text.Line(line), p.console.StderrWidth)
}

// clipped cuts a line to a terminal's width, if it is known.
func clipped(line string, width int) string {
	if runes := []rune(line); width > 1 && len(runes) >= width {
		return string(runes[:width-2]) + "…"
	}
	return line
}
