package console

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A virtualTerminal interprets the control sequences of the progress display, and holds what a
// person would see.
type virtualTerminal struct {
	tb       testing.TB
	lines    []string
	row, col int
	wrap     bool
}

func (v *virtualTerminal) feed(text string) {
	for len(text) > 0 {
		switch {
		case strings.HasPrefix(text, eraseDown):
			v.lines = append(v.lines[:v.row], string([]rune(v.lines[v.row])[:v.col]))
			text = text[len(eraseDown):]
		case strings.HasPrefix(text, lineUp):
			v.row--
			text = text[len(lineUp):]
		case strings.HasPrefix(text, noWrapping), strings.HasPrefix(text, wrapping):
			v.wrap = strings.HasPrefix(text, wrapping)
			text = text[len(wrapping):]
		case text[0] == '\x1b':
			v.tb.Fatalf("unknown sequence %q", text[:min(8, len(text))])
		case text[0] == '\r':
			v.col = 0
			text = text[1:]
		case text[0] == '\n':
			v.row, v.col = v.row+1, 0
			for len(v.lines) <= v.row {
				v.lines = append(v.lines, "")
			}
			text = text[1:]
		default:
			r := []rune(text)[0]
			line := []rune(v.lines[v.row])
			line = append(line[:v.col], r)
			v.lines[v.row] = string(line)
			v.col++
			text = text[len(string(r)):]
		}
	}
}

func (v *virtualTerminal) screen() string {
	return strings.TrimRight(strings.Join(v.lines, "\n"), "\n")
}

// newTerminalConsole returns a console with a terminal as standard error, and the buffer that it
// writes to. The clock is *now.
func newTerminalConsole(now *time.Time) (*Console, *bytes.Buffer) {
	var b bytes.Buffer
	return &Console{
		Streams: Streams{Stderr: &b, StderrIsTerminal: true, StderrWidth: 110}, LogFormat: "text",
		Now: func() time.Time { return *now }, Getenv: func(string) string { return "" },
	}, &b
}

func TestProgress(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	a, b := newTerminalConsole(&now)
	// Without the ticker, only the test redraws.
	a.screen.stop = make(chan struct{})
	shown := func() string {
		t.Helper()
		a.screen.draw(b)
		v := &virtualTerminal{tb: t, lines: []string{""}, wrap: true}
		v.feed(b.String())
		if !v.wrap {
			t.Error("the terminal is left without wrapping")
		}
		return v.screen()
	}
	step := func(d time.Duration) { now = now.Add(d) }
	expect := func(want ...string) {
		t.Helper()
		if got := shown(); got != strings.Join(want, "\n") {
			t.Errorf("shown:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
		}
	}

	north := a.Progress("north").(*progress)
	expect("north  [-----------] 0/11  0.0 s  0 requests, 0 rows  signing in")
	south := a.Progress("south").(*progress)
	a.Log(slog.LevelInfo, "south", "something to keep")
	expect("south: something to keep",
		"north  [-----------] 0/11  0.0 s  0 requests, 0 rows  signing in",
		"south  [-----------] 0/11  0.0 s  0 requests, 0 rows  signing in")
	step(time.Second)
	north.Exchange(dataverse.Event{Kind: dataverse.RequestStarted})
	step(time.Second)
	north.Section(collector.Event{Section: snapshot.SectionRolePrivileges, Attempt: 1})
	step(time.Second)
	north.Section(collector.Event{Section: snapshot.SectionUsers, Attempt: 1})
	north.Section(collector.Event{Section: snapshot.SectionUsers, Done: true, State: snapshot.StateCollected})
	north.Exchange(dataverse.Event{Kind: dataverse.PageRead, Rows: 40})
	step(500 * time.Millisecond)
	south.Task("TLS")
	expect("south: something to keep",
		"north  [#----------] 1/11  3.5 s  1 request, 40 rows  reading role privileges",
		"south  3.5 s  TLS")
	// Throttling is shown while it lasts, and counted afterwards.
	step(time.Second)
	north.Exchange(dataverse.Event{Kind: dataverse.RequestThrottled, Wait: 12 * time.Second})
	expect("south: something to keep",
		"north  [#----------] 1/11  4.5 s  1 request, 40 rows, 1 throttled  throttled by the environment, 12s more",
		"south  4.5 s  TLS")
	step(13 * time.Second)
	south.Stop()
	expect("south: something to keep",
		"north  [#----------] 1/11  17.5 s  1 request, 40 rows, 1 throttled  reading role privileges")
	north.Stop()
	expect("south: something to keep")
}

func TestProgressIsHidden(t *testing.T) {
	for name, change := range map[string]func(*Console){
		"no terminal":   func(a *Console) { a.StderrIsTerminal = false },
		"--no-progress": func(a *Console) { a.NoProgress = true },
		"--quiet":       func(a *Console) { a.Quiet = true },
		"json":          func(a *Console) { a.LogFormat = "json" },
		"TERM=dumb":     func(a *Console) { a.Getenv = func(string) string { return "dumb" } },
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(0, 0)
			a, b := newTerminalConsole(&now)
			change(a)
			p := a.Progress("north").(*progress)
			p.Exchange(dataverse.Event{Kind: dataverse.RequestStarted})
			p.Section(collector.Event{Section: snapshot.SectionUsers, Attempt: 1})
			p.Stop()
			if b.Len() > 0 {
				t.Errorf("written: %q", b.String())
			}
		})
	}
}

func TestLogLines(t *testing.T) {
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	a, b := newTerminalConsole(&now)
	a.StderrIsTerminal, a.Verbose = false, true
	p := a.Progress("north").(*progress)
	p.Section(collector.Event{Section: snapshot.SectionSystemViews, Attempt: 1})
	p.Exchange(dataverse.Event{Kind: dataverse.RequestThrottled, Label: "users", Reason: dataverse.Throttled, Wait: 3 * time.Second, Status: 429})
	want := "north: reading system views\nnorth: users: throttled (throttled; again after 3s)\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}

	b.Reset()
	a.LogFormat = "json"
	p.Exchange(dataverse.Event{Kind: dataverse.RequestThrottled, Label: "users", Reason: dataverse.Throttled, Wait: 3 * time.Second, Status: 429})
	a.Log(slog.LevelInfo, "north\x1b[31m", "two\nlines\u202e", slog.String("name", "\x1b[0m"))
	a.ReportError(stringError("it failed"))
	var lines []map[string]any
	for line := range strings.Lines(b.String()) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if object["time"] != "2026-03-01T12:00:00Z" || object["level"] == nil || object["msg"] == nil {
			t.Errorf("a line lacks time, level or msg: %s", line)
		}
		lines = append(lines, object)
	}
	if len(lines) != 3 {
		t.Fatalf("%d lines:\n%s", len(lines), b.String())
	}
	if l := lines[0]; l["environment"] != "north" || l["request"] != "users" || l["wait_ms"] != 3000.0 || l["status"] != 429.0 || l["level"] != "DEBUG" {
		t.Errorf("%v", l)
	}
	if l := lines[1]; strings.ContainsAny(l["environment"].(string)+l["name"].(string)+l["msg"].(string), "\x1b\u202e") {
		t.Errorf("%v", l)
	}
	if l := lines[2]; l["level"] != "ERROR" || l["msg"] != "it failed" {
		t.Errorf("%v", l)
	}
}

type stringError string

func (e stringError) Error() string { return string(e) }
