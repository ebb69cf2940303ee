package text

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A Stream wraps standard output or standard error, so that no command's output controls a
// terminal or a CI runner:
//
//   - Characters without a glyph become escapes, except colors on a terminal.
//   - A blank breaks the commands of runners: `::` at the start of a line (GitHub), `##[`
//     (GitHub, Azure Pipelines) and `##vso[` (Azure Pipelines) anywhere.
//
// Only [WriteCommands] and [WriteControl] bypass it.
type Stream struct {
	w        io.Writer
	terminal bool
	tabs     bool

	mu sync.Mutex // guards what follows

	// What precedes the next byte of the same line.
	blank   bool // nothing but white space
	colon   bool // a first colon at the line's start
	numbers int  // number signs in a row
	letters bool // letters after two or more number signs
	rest    []byte

	out bytes.Buffer // what a write comes to
}

// NewStream returns the guard of a standard stream.
func NewStream(w io.Writer, terminal bool) *Stream {
	return &Stream{w: w, terminal: terminal, blank: true}
}

// KeepTabs keeps tabs, which separate a shell's completions from their descriptions.
func (s *Stream) KeepTabs() { s.tabs = true }

// Write writes p in a harmless form.
func (s *Stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := p
	if len(s.rest) > 0 {
		data = append(s.rest, p...)
		s.rest = nil
	}
	out := &s.out
	out.Reset()
	out.Grow(len(data) + 16)
	for len(data) > 0 {
		if n := s.plain(data); n > 0 {
			out.Write(data[:n])
			data = data[n:]
			continue
		}
		if s.terminal && data[0] == 0x1b {
			if n := color(data); n > 0 {
				out.Write(data[:n])
				data = data[n:]
				continue
			}
		}
		if !utf8.FullRune(data) { // the write ends within a character
			s.rest = bytes.Clone(data)
			break
		}
		r, n := utf8.DecodeRune(data)
		s.put(out, r)
		data = data[n:]
	}
	if _, err := s.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// color is the length of the SGR sequence at the start of data, or 0.
func color(data []byte) int {
	numbers, ok := bytes.CutPrefix(data, []byte("\x1b["))
	if rest := bytes.TrimLeft(numbers, "0123456789;"); ok && bytes.HasPrefix(rest, []byte("m")) {
		return len(data) - len(rest) + 1
	}
	return 0
}

// plain is how many bytes at the start of data are printable ASCII in lines, and not in a command:
// nearly all of a document.
func (s *Stream) plain(data []byte) int {
	if s.colon || s.numbers > 0 {
		return 0
	}
	blank := s.blank
	for i, c := range data {
		switch {
		case c > '#' && c <= '~' && c != ':', c == '!', c == '"', c == ':' && !blank:
			blank = false
		case c == ' ':
		case c == '\n':
			blank = true
		default:
			s.blank = blank
			return i
		}
	}
	s.blank = blank
	return len(data)
}

// put writes a character, after a blank if it would complete a command.
func (s *Stream) put(out *bytes.Buffer, r rune) {
	if r == '\n' {
		out.WriteByte('\n')
		s.blank, s.colon, s.numbers, s.letters = true, false, 0, false
		return
	}
	if r == ':' && s.colon || r == '[' && s.numbers >= 2 {
		out.WriteByte(' ')
	}
	s.colon = r == ':' && s.blank
	s.blank = s.blank && unicode.IsSpace(r)
	switch {
	case r == '#' && !s.letters:
		s.numbers++
	case r == '#':
		s.numbers, s.letters = 1, false
	case s.numbers >= 2 && r < utf8.RuneSelf && letter(byte(r)):
		s.letters = true
	default:
		s.numbers, s.letters = 0, false
	}
	if r == '\t' && s.tabs {
		out.WriteByte('\t')
		return
	}
	out.WriteString(seen(r))
}

// Sanitize is what a [Stream] without a terminal makes of a whole text.
func Sanitize(s string) string {
	var b strings.Builder
	_, _ = NewStream(&b, false).Write([]byte(s)) // a builder's writes do not fail
	return b.String()
}

// Commands are commands for a GitHub runner, in which names are only data. The zero value is empty.
type Commands struct{ b strings.Builder }

// A Property is one of a command's properties, such as its title.
type Property struct{ Name, Value string }

// Add adds a command. Each message is a line of the annotation.
func (c *Commands) Add(name string, properties []Property, message ...string) {
	c.b.WriteString("::" + name)
	separator := " "
	for _, p := range properties {
		c.b.WriteString(separator + p.Name + "=" + strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandData(p.Value)))
		separator = ","
	}
	for i, line := range message {
		message[i] = commandData(line)
	}
	c.b.WriteString("::" + strings.Join(message, "%0A") + "\n")
}

// AddLine adds a line that is not a command.
func (c *Commands) AddLine(line string) { c.b.WriteString(Sanitize(commandData(line)) + "\n") }

// String is the commands as the runner reads them.
func (c *Commands) String() string { return c.b.String() }

// commandData escapes the data of a command as one line without commands in the old form, which
// the runner finds anywhere in a line. The data is not at the start of a line.
func commandData(s string) string {
	_, s, _ = strings.Cut(Sanitize("="+Line(s)), "=")
	return strings.ReplaceAll(s, "%", "%25")
}

// WriteCommands writes commands to w, and bypasses a [Stream].
func WriteCommands(w io.Writer, c *Commands) error { return past(w, c.String()) }

// WriteControl writes a control sequence to w, and bypasses a [Stream]: pass foreign text through
// [Line] first.
func WriteControl(w io.Writer, sequence string) error { return past(w, sequence) }

func past(w io.Writer, s string) error {
	if stream, ok := w.(*Stream); ok {
		stream.mu.Lock()
		defer stream.mu.Unlock()
		w = stream.w
		stream.blank = stream.blank || strings.HasSuffix(s, "\n")
	}
	_, err := io.WriteString(w, s)
	return err
}
