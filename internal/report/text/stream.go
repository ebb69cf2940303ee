package text

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A Stream wraps standard output or standard error, so that no output controls a terminal or a CI
// runner:
//
//   - Characters without a glyph become escapes, except color sequences on a terminal.
//   - A space breaks what a runner would obey: `::` at the start of a line (GitHub), and `##[`
//     (GitHub, Azure Pipelines) or `##vso[` (Azure Pipelines) anywhere.
//
// Only [WriteCommands] and [WriteControl] bypass it.
type Stream struct {
	w        io.Writer
	terminal bool
	keepTabs bool

	mu sync.Mutex // guards the fields below

	// The state of the current line.
	lineIsBlank bool // only white space so far
	afterColon  bool // the first character of the line that is not white space was a colon
	hashes      int  // number signs in a row
	afterHashes bool // letters follow two or more number signs

	partial []byte       // an incomplete character at the end of the last write
	out     bytes.Buffer // the escaped bytes of one write
}

// NewStream returns a Stream that writes to w. If w is a terminal, colors pass.
func NewStream(w io.Writer, terminal bool) *Stream {
	return &Stream{w: w, terminal: terminal, lineIsBlank: true}
}

// KeepTabs makes s write tabs unchanged: they separate shell completions from their descriptions.
func (s *Stream) KeepTabs() { s.keepTabs = true }

// Write writes p with escapes. It holds an incomplete character at the end of p until the next call.
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
		n := s.plainLength(data)
		if n == 0 && s.terminal {
			n = colorLength(data)
		}
		if n > 0 {
			out.Write(data[:n])
			data = data[n:]
			continue
		}
		if !utf8.FullRune(data) {
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

// colorLength returns the length of the color (SGR) sequence at the start of data, or 0.
func colorLength(data []byte) int {
	numbers, ok := bytes.CutPrefix(data, []byte("\x1b["))
	if rest := bytes.TrimLeft(numbers, "0123456789;"); ok && bytes.HasPrefix(rest, []byte("m")) {
		return len(data) - len(rest) + 1
	}
	return 0
}

// plainLength returns the number of bytes at the start of data that need no check: printable ASCII
// that cannot be part of a command. Most of a document is such text.
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

// writeRune writes r, with a space before it if it would complete a command.
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
	case s.hashes >= 2 && isASCIILetter(r):
		s.afterHashes = true
	default:
		s.hashes, s.afterHashes = 0, false
	}
	if r == '\t' && s.keepTabs {
		out.WriteByte('\t')
		return
	}
	out.WriteString(escapeRune(r))
}

// Sanitize returns s as a [Stream] without a terminal writes it.
func Sanitize(s string) string {
	var b strings.Builder
	_, _ = NewStream(&b, false).Write([]byte(s)) // a builder's writes do not fail
	return b.String()
}

// Commands is a list of workflow commands for a GitHub runner. Foreign text in it cannot add
// commands. The zero value is empty.
type Commands struct{ b strings.Builder }

// A Property is a property of a workflow command, such as its title.
type Property struct{ Name, Value string }

// Add adds a command. Each element of message is a line of the annotation.
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

// AddLine adds a line of the log.
func (c *Commands) AddLine(line string) { c.b.WriteString(Sanitize(escapeCommandData(line)) + "\n") }

// String returns the commands as the runner reads them.
func (c *Commands) String() string { return c.b.String() }

// escapeCommandData escapes s as the data of a command. It also breaks commands in the old form, which
// the runner finds anywhere in a line.
func escapeCommandData(s string) string {
	_, s, _ = strings.Cut(Sanitize("="+Line(s)), "=") // the data does not start a line
	return strings.ReplaceAll(s, "%", "%25")
}

// WriteCommands writes commands to w. If w is a [Stream], they bypass its escaping.
func WriteCommands(w io.Writer, c *Commands) error { return writeUnguarded(w, c.String()) }

// WriteControl writes a terminal's control sequence to w. If w is a [Stream], the sequence bypasses
// its escaping, so pass foreign text through [Line] first.
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
