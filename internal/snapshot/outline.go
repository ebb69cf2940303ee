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

// maxToken is the maximum length of a line or member in an outline. A document with a longer one
// is decoded as a whole.
const maxToken = 16 << 20

// An outline is a document split into its skeleton and the members of its large sections. It
// relies on the layout that Encode writes, and decodes nothing.
type outline struct {
	file         io.ReaderAt
	skeleton     bytes.Buffer        // the document without the members of large sections
	members      map[string][]member // by section
	canonical    bool                // whether the layout is that of Encode
	statedDigest string
	actualDigest string
	seed         maphash.Seed // for the hashes of members
}

// A member is the position of one member of a large section, and the hash of its value.
type member struct {
	key    string
	offset int64
	length int
	hash   uint64
}

// isSealed reports whether the document is, byte for byte, what Encode wrote for a sealed
// snapshot. Only then can the layout of its lines be relied on.
func (o *outline) isSealed() bool { return o.canonical && o.statedDigest == o.actualDigest }

// readOutline reads a document in one pass, using little memory.
func readOutline(file *io.SectionReader) *outline {
	o := &outline{file: file, seed: maphash.MakeSeed(), members: map[string][]member{}, canonical: true}
	hash := sha256.New()
	section := ""   // the large section that the next token is in
	expect := false // whether another member must follow in the section
	tokens := bufio.NewScanner(io.NewSectionReader(file, 0, file.Size()))
	tokens.Buffer(make([]byte, min(1<<18, file.Size()+1)), maxToken)
	tokens.Split(func(data []byte, _ bool) (int, []byte, error) {
		if length := tokenLength(data, section != ""); length > 0 {
			return length, data[:length], nil
		}
		return 0, nil, nil
	})
	offset := int64(0)
	for ; tokens.Scan(); offset += int64(len(tokens.Bytes())) {
		token := tokens.Bytes()
		if rest, ok := bytes.CutPrefix(token, []byte(`  "digest": "`)); ok && o.statedDigest == "" {
			stated, _, _ := bytes.Cut(rest, []byte(`"`))
			o.statedDigest = string(stated)
		} else {
			hash.Write(token)
		}
		switch {
		case section == "":
			o.skeleton.Write(token)
			section, expect = openedSection(token), true
		case bytes.HasPrefix(token, []byte("  }")):
			o.skeleton.Write(token)
			o.canonical = o.canonical && !expect
			section = ""
		default:
			o.canonical = o.addMember(section, token, offset) && o.canonical && expect
			expect = bytes.HasSuffix(token, []byte(",\n"))
		}
	}
	o.canonical = o.canonical && offset == file.Size() && section == ""
	o.actualDigest = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	return o
}

// openedSection returns the large section that begins after a line, or "". These sections make up
// nearly all of a large document.
func openedSection(line []byte) string {
	for _, name := range []string{"role_privileges", "shares", "users"} {
		if string(line) == `  "`+name+"\": {\n" {
			return name
		}
	}
	return ""
}

// tokenLength returns the length of the first token in data: in a large section a member or the
// line that ends the section, elsewhere a line. It returns 0 if the token is incomplete. JSON
// strings contain no raw newline, so the indentation of a line shows which value it belongs to.
func tokenLength(data []byte, inSection bool) int {
	line := bytes.IndexByte(data, '\n') + 1
	if !inSection || !bytes.HasSuffix(data[:line], []byte("{\n")) {
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

// addMember adds the member of a section in the token at an offset. It returns false if the
// layout is not that of Encode.
func (o *outline) addMember(section string, token []byte, offset int64) bool {
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
	m.offset, m.length, m.hash = offset+int64(begin), len(value), maphash.Bytes(o.seed, value)
	members := o.members[section]
	if len(members) == cap(members) { // doubles a large slice; append grows it by a quarter
		members = slices.Grow(members, 1+len(members))
	}
	o.members[section] = append(members, m)
	// Encode sorts the keys and writes none twice.
	return (len(members) == 0 || members[len(members)-1].key < m.key) && (string(value) == "{}" || bytes.HasSuffix(value, []byte("\n    }")))
}

// readMember reads a member's value again. It uses the buffer if that is large enough.
func (o *outline) readMember(m member, buffer []byte) ([]byte, error) {
	value := slices.Grow(buffer[:0], m.length)[:m.length]
	if _, err := o.file.ReadAt(value, m.offset); err != nil {
		return nil, fmt.Errorf("reading %q again: %w", m.key, err)
	}
	if maphash.Bytes(o.seed, value) != m.hash {
		return nil, errors.New("the file was changed while it was read: check it again")
	}
	return value, nil
}
