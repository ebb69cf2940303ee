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
	lineIsBlank bool // nothing but white space
	afterColon  bool // a first colon at the line's start
	hashes      int  // number signs in a row
	afterHashes bool // letters after two or more number signs
	partial     []byte

	out bytes.Buffer // what a write comes to
}

// NewStream returns the guard of a standard stream.
func NewStream(w io.Writer, terminal bool) *Stream {
	return &Stream{w: w, terminal: terminal, lineIsBlank: true}
}

// KeepTabs keeps tabs, which separate a shell's completions from their descriptions.
func (s *Stream) KeepTabs() { s.tabs = true }

// Write writes p in a harmless form.
func (s *Stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := p
	if len(s.partial) > 0 {
		data = append(s.partial, p...)
		s.partial = nil
	}
	out := &s.out
	out.Reset()
	out.Grow(len(data) + 16)
	for len(data) > 0 {
		if n := s.plainLength(data); n > 0 {
			out.Write(data[:n])
			data = data[n:]
			continue
		}
		if s.terminal && data[0] == 0x1b {
			if n := colorLength(data); n > 0 {
				out.Write(data[:n])
				data = data[n:]
				continue
			}
		}
		if !utf8.FullRune(data) { // the write ends within a character
			s.partial = bytes.Clone(data)
			break
		}
		r, n := utf8.DecodeRune(data)
		s.writeRune(out, r)
		data = data[n:]
	}
	if _, err := s.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// colorLength is the length of the SGR sequence at the start of data, or 0.
func colorLength(data []byte) int {
	numbers, ok := bytes.CutPrefix(data, []byte("\x1b["))
	if rest := bytes.TrimLeft(numbers, "0123456789;"); ok && bytes.HasPrefix(rest, []byte("m")) {
		return len(data) - len(rest) + 1
	}
	return 0
}

// plainLength is how many bytes at the start of data are printable ASCII in lines, and not in a command:
// nearly all of a document.
func (s *Stream) plainLength(data []byte) int {
	if s.afterColon || s.hashes > 0 {
		return 0
	}
	blank := s.lineIsBlank
	for i, c := range data {
		switch {
		case c > '#' && c <= '~' && c != ':', c == '!', c == '"', c == ':' && !blank:
			blank = false
		case c == ' ':
		case c == '\n':
			blank = true
		default:
			s.lineIsBlank = blank
			return i
		}
	}
	s.lineIsBlank = blank
	return len(data)
}

// writeRune writes a character, after a blank if it would complete a command.
func (s *Stream) writeRune(out *bytes.Buffer, r rune) {
	if r == '\n' {
		out.WriteByte('\n')
		s.lineIsBlank, s.afterColon, s.hashes, s.afterHashes = true, false, 0, false
		return
	}
	if r == ':' && s.afterColon || r == '[' && s.hashes >= 2 {
		out.WriteByte(' ')
	}
	s.afterColon = r == ':' && s.lineIsBlank
	s.lineIsBlank = s.lineIsBlank && unicode.IsSpace(r)
	switch {
	case r == '#' && !s.afterHashes:
		s.hashes++
	case r == '#':
		s.hashes, s.afterHashes = 1, false
	case s.hashes >= 2 && r < utf8.RuneSelf && isASCIILetter(byte(r)):
		s.afterHashes = true
	default:
		s.hashes, s.afterHashes = 0, false
	}
	if r == '\t' && s.tabs {
		out.WriteByte('\t')
		return
	}
	out.WriteString(escapeRune(r))
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
		c.b.WriteString(separator + p.Name + "=" + strings.NewReplacer(":", "%3A", ",", "%2C").Replace(escapeCommandData(p.Value)))
		separator = ","
	}
	for i, line := range message {
		message[i] = escapeCommandData(line)
	}
	c.b.WriteString("::" + strings.Join(message, "%0A") + "\n")
}

// AddLine adds a line that is not a command.
func (c *Commands) AddLine(line string) { c.b.WriteString(Sanitize(escapeCommandData(line)) + "\n") }

// String is the commands as the runner reads them.
func (c *Commands) String() string { return c.b.String() }

// escapeCommandData escapes the data of a command as one line without commands in the old form, which
// the runner finds anywhere in a line. The data is not at the start of a line.
func escapeCommandData(s string) string {
	_, s, _ = strings.Cut(Sanitize("="+Line(s)), "=")
	return strings.ReplaceAll(s, "%", "%25")
}

// WriteCommands writes commands to w, and bypasses a [Stream].
func WriteCommands(w io.Writer, c *Commands) error { return writeUnguarded(w, c.String()) }

// WriteControl writes a control sequence to w, and bypasses a [Stream]: pass foreign text through
// [Line] first.
func WriteControl(w io.Writer, sequence string) error { return writeUnguarded(w, sequence) }

func writeUnguarded(w io.Writer, s string) error {
	if stream, ok := w.(*Stream); ok {
		stream.mu.Lock()
		defer stream.mu.Unlock()
		w = stream.w
		stream.lineIsBlank = stream.lineIsBlank || strings.HasSuffix(s, "\n")
	}
	_, err := io.WriteString(w, s)
	return err
}
