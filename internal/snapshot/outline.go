package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"unicode/utf8"
)

// maxToken is the longest line or member that an outline has; longer ones are read whole.
const maxToken = 16 << 20

// An outline is what a document consists of, without the members of its catalogues: these
// are found by the layout that Encode writes, and not decoded.
type outline struct {
	file         io.ReaderAt
	seed         maphash.Seed
	skeleton     bytes.Buffer
	members      map[string][]member
	canonical    bool // the layout is that of Encode
	statedDigest string
	actualDigest string // the digest of the lines as they are
}

// A member is where a catalogue has a member, and a sum by which it is known again.
type member struct {
	key    string
	offset int64
	length int
	sum    uint64
}

// isSealed reports whether the document is, to the byte, what Encode wrote and Seal sealed.
// Then the layout of its lines can be relied on.
func (o *outline) isSealed() bool { return o.canonical && o.statedDigest == o.actualDigest }

// readOutline reads a document once, from its start to its end, in little memory.
func readOutline(file *io.SectionReader) *outline {
	o := &outline{file: file, seed: maphash.MakeSeed(), members: map[string][]member{}, canonical: true}
	hash := sha256.New()
	catalogue := "" // that the next token is in
	more := false   // a member has to follow in it
	tokens := bufio.NewScanner(io.NewSectionReader(file, 0, file.Size()))
	tokens.Buffer(make([]byte, min(1<<18, file.Size()+1)), maxToken)
	tokens.Split(func(data []byte, _ bool) (int, []byte, error) {
		if length := tokenLength(data, catalogue != ""); length > 0 {
			return length, data[:length], nil
		}
		return 0, nil, nil
	})
	at := int64(0)
	for ; tokens.Scan(); at += int64(len(tokens.Bytes())) {
		token := tokens.Bytes()
		if rest, ok := bytes.CutPrefix(token, []byte(`  "digest": "`)); ok && o.statedDigest == "" {
			stated, _, _ := bytes.Cut(rest, []byte(`"`))
			o.statedDigest = string(stated)
		} else {
			hash.Write(token)
		}
		switch {
		case catalogue == "":
			o.skeleton.Write(token)
			catalogue, more = openedCatalogue(token), true
		case bytes.HasPrefix(token, []byte("  }")):
			o.skeleton.Write(token)
			o.canonical = o.canonical && !more
			catalogue = ""
		default:
			o.canonical = o.addMember(catalogue, token, at) && o.canonical && more
			more = bytes.HasSuffix(token, []byte(",\n"))
		}
	}
	o.canonical = o.canonical && at == file.Size() && catalogue == ""
	o.actualDigest = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	return o
}

// openedCatalogue is the catalogue that begins after a line: one of the objects that nearly all of a
// large document consists of.
func openedCatalogue(line []byte) string {
	for _, name := range []string{"role_privileges", "shares", "users"} {
		if string(line) == `  "`+name+"\": {\n" {
			return name
		}
	}
	return ""
}

// tokenLength is how much of data is its first token: in a catalogue a member, or the
// line that ends it; elsewhere a line. It is 0 if data has only a part of it. No string of
// JSON has a raw newline, so the indent of a line says what it belongs to.
func tokenLength(data []byte, member bool) int {
	line := bytes.IndexByte(data, '\n') + 1
	if !member || !bytes.HasSuffix(data[:line], []byte("{\n")) {
		return line
	}
	for at := line; ; {
		brace := bytes.IndexByte(data[at:], '}') + 1
		if brace == 0 {
			return 0
		}
		if at += brace; bytes.HasSuffix(data[:at], []byte("\n    }")) {
			end := bytes.IndexByte(data[at:], '\n') + 1
			if end == 0 {
				return 0
			}
			return at + end
		}
	}
}

// addMember adds a member of a catalogue: its text, and where in the document it begins. It is
// false where the layout is not that of Encode.
func (o *outline) addMember(catalogue string, token []byte, at int64) bool {
	name, _, ok := bytes.Cut(token, []byte(`": {`))
	if !ok || !bytes.HasPrefix(name, []byte(`    "`)) {
		return false
	}
	var m member
	if key := name[len(`    "`):]; bytes.IndexByte(key, '\\') < 0 && utf8.Valid(key) {
		m.key = string(key)
	} else if json.Unmarshal(token[4:len(name)+1], &m.key) != nil {
		return false
	}
	begin := len(name) + len(`": `)
	value := bytes.TrimSuffix(bytes.TrimSuffix(token[begin:], []byte("\n")), []byte(","))
	m.offset, m.length, m.sum = at+int64(begin), len(value), maphash.Bytes(o.seed, value)
	known := o.members[catalogue]
	if len(known) == cap(known) { // append alone would copy many more often
		known = slices.Grow(known, 1+len(known))
	}
	o.members[catalogue] = append(known, m)
	// Encode sorts, and writes no name twice.
	return (len(known) == 0 || known[len(known)-1].key < m.key) && (string(value) == "{}" || bytes.HasSuffix(value, []byte("\n    }")))
}

// readMember reads a member again, into a buffer if it is large enough.
func (o *outline) readMember(m member, buffer []byte) ([]byte, error) {
	value := slices.Grow(buffer[:0], m.length)[:m.length]
	if _, err := o.file.ReadAt(value, m.offset); err != nil {
		return nil, fmt.Errorf("reading %q again: %w", m.key, err)
	}
	if maphash.Bytes(o.seed, value) != m.sum {
		return nil, errors.New("the file was changed while it was read: check it again")
	}
	return value, nil
}
