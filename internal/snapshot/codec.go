package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// Seal sets the digest. It is the SHA-256 of the document as [Snapshot.Encode]
// writes it, without the line of the digest: what
// `jq -S 'del(.digest)' snapshot.json | sha256sum` prints. A snapshot that refers
// to what it does not hold is not sealed; see [Snapshot.Check].
func (s *Snapshot) Seal() error {
	s.Format = Format
	s.fill()
	if err := s.Check(""); err != nil {
		return err
	}
	digest, err := s.digest()
	if err != nil {
		return err
	}
	s.Digest = digest
	return nil
}

func (s *Snapshot) digest() (string, error) {
	unsealed := *s
	unsealed.Digest = ""
	data, err := unsealed.Encode()
	if err != nil {
		return "", err
	}
	line, ok := lineOf(data, "digest")
	if !ok {
		return "", errors.New("encoding the snapshot: no digest member")
	}
	return sum(data[:line.start], data[line.end:]), nil
}

func sum(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Encode returns the snapshot's file as `jq -S .` prints it: JSON, two spaces deep,
// members in the order of their names, a newline at the end. Equal snapshots give
// equal bytes.
func (s *Snapshot) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("encoding the snapshot: %w", err)
	}
	return respell(b.Bytes()), nil
}

// respell writes the few characters that encoding/json and jq spell differently
// as jq does: the line separators and the replacement character as themselves,
// DEL as an escape.
func respell(data []byte) []byte {
	if !bytes.ContainsAny(data, "\\\x7f") {
		return data
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); {
		switch {
		case data[i] == 0x7f:
			out = append(out, `\u007f`...)
			i++
		case data[i] != '\\':
			out = append(out, data[i])
			i++
		case bytes.HasPrefix(data[i:], []byte(`\u2028`)), bytes.HasPrefix(data[i:], []byte(`\u2029`)):
			out = utf8.AppendRune(out, '\u2028'+rune(data[i+5]-'8'))
			i += 6
		case bytes.HasPrefix(data[i:], []byte(`\ufffd`)):
			out = utf8.AppendRune(out, utf8.RuneError)
			i += 6
		default: // another escape: its second byte may be a backslash
			out = append(out, data[i], data[i+1])
			i += 2
		}
	}
	return out
}

// A Selection makes [Decode] return the slice that is judged, and decode little
// else; see [Snapshot.Slice].
type Selection struct {
	// Requirement replaces the snapshot's own, where it is set: in what is looked at
	// and in the snapshot that is returned.
	Requirement *Requirement
	// Pattern is the part of a name by which users and roles are deduced.
	Pattern string
	// Choose, where it is set, gives both from what the snapshot says of itself; the
	// snapshot is returned with that requirement in place of its own.
	Choose func(*Snapshot) (r Requirement, pattern string, err error)
}

// choose settles the requirement and the pattern of a selection, which may be nil,
// for a snapshot.
func (sel *Selection) choose(s *Snapshot) (Requirement, string, error) {
	requirement, pattern := s.Requirement, ""
	switch {
	case sel == nil:
	case sel.Choose != nil:
		var err error
		if requirement, pattern, err = sel.Choose(s); err != nil {
			return Requirement{}, "", err
		}
	case sel.Requirement != nil:
		requirement, pattern = *sel.Requirement, sel.Pattern
	default:
		pattern = sel.Pattern
	}
	requirement.fill()
	s.Requirement = requirement
	return requirement, pattern, nil
}

// Decode reads a snapshot and checks its digest. With a selection it returns the
// slice that is judged, and leaves the rest undecoded: in a snapshot of a whole
// environment that is nearly all of it. The digest stays that of the whole.
//
// Errors say whether the data is not a snapshot, has a later format, is truncated, was
// changed since it was taken, or is inconsistent in what the verdict needs.
func Decode(data []byte, sel *Selection) (*Snapshot, error) {
	if sel != nil {
		if s, ok, err := decodeSlice(data, sel); ok {
			return s, err
		}
	}
	sealed := sealedAsWritten(data)
	s, err := decodeWhole(data)
	if err != nil {
		return nil, err
	}
	if !sealed {
		digest, err := s.digest()
		if err != nil {
			return nil, err
		}
		if s.Digest != digest {
			return nil, fmt.Errorf("the snapshot was changed since it was taken: its digest is %q, its content's %s; "+
				"collect it again", s.Digest, digest)
		}
	}
	_, pattern, err := sel.choose(s)
	if err != nil {
		return nil, err
	}
	if err := s.Check(pattern); err != nil {
		return nil, err
	}
	if sel != nil {
		return s.Slice(pattern), nil
	}
	return s, nil
}

// sealedAsWritten reports whether data is, to the byte, what Encode wrote and Seal
// sealed. Then the layout of its lines can be relied on, and nothing but what is
// needed has to be decoded.
func sealedAsWritten(data []byte) bool {
	line, ok := lineOf(data, "digest")
	if !ok {
		return false
	}
	stated := strings.Trim(strings.TrimPrefix(strings.TrimSpace(string(data[line.start:line.end])), `"digest":`), ` ",`)
	if !strings.HasPrefix(stated, "sha256:") {
		return false
	}
	return sum(data[:line.start], data[line.end:]) == stated
}

func decodeWhole(data []byte) (*Snapshot, error) {
	if err := checkFormat(data); err != nil {
		return nil, err
	}
	if err := strictjson.Unique(data); err != nil {
		return nil, fmt.Errorf("the snapshot is broken: %w; collect it again", err)
	}
	s := New()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil {
		return nil, fmt.Errorf("the snapshot is broken: %w", place(data, err, dec.InputOffset()))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the snapshot is broken: something follows its end at %s", position(data, dec.InputOffset()))
	}
	s.fill()
	return s, nil
}

func checkFormat(data []byte) error {
	var head struct {
		Format string `json:"format"`
	}
	err := json.NewDecoder(bytes.NewReader(data)).Decode(&head)
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &typ):
		return fmt.Errorf("this is not a snapshot, but a JSON %s instead of %q; `dbaudit collect -o FILE` writes one", typ.Value, Format)
	case err != nil:
		return fmt.Errorf("this is not a snapshot, or it is truncated: %w", place(data, err, int64(len(data))))
	}
	kind, version, _ := strings.Cut(head.Format, "/")
	wantKind, wantVersion, _ := strings.Cut(Format, "/")
	switch {
	case kind == wantKind && version == wantVersion:
		return nil
	case kind == wantKind && version != "":
		return fmt.Errorf("the snapshot has the format %q, and this dbaudit reads %q: use the dbaudit that wrote it, or a later one",
			head.Format, Format)
	case head.Format != "":
		return fmt.Errorf("this is %q, not a snapshot (%q): `dbaudit collect -o FILE` writes one", head.Format, Format)
	}
	return fmt.Errorf("this is JSON, but no snapshot: it has no \"format\": %q; `dbaudit collect -o FILE` writes one", Format)
}

// place adds line and column to a JSON error, where its offset is known.
func place(data []byte, err error, end int64) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		// The offset counts the byte that was not expected.
		return fmt.Errorf("%s: %w", position(data, syntax.Offset-1), err)
	case errors.As(err, &typ):
		return fmt.Errorf("%s: %w", position(data, typ.Offset), err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: %w", position(data, end), err)
	}
	return err
}

func position(data []byte, offset int64) string {
	before := data[:min(max(offset, 0), int64(len(data)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}

type span struct{ start, end int }

// lineOf finds the line of a member of the document's top level. No string of
// JSON holds a raw newline, so two spaces and a quote at a line's start are the
// top level's alone.
func lineOf(data []byte, member string) (span, bool) {
	start := bytes.Index(data, []byte("\n  \""+member+"\": "))
	if start < 0 {
		return span{}, false
	}
	start++
	length := bytes.IndexByte(data[start:], '\n')
	if length < 0 {
		return span{}, false
	}
	return span{start, start + length + 1}, true
}

// A member is one of an object that stands one level deep in a document as Encode
// wrote it.
type member struct {
	key   string
	value span
}

// A catalogue is where the members of a top-level object stand.
type catalogue struct {
	object  span
	members []member
}

// catalogueOf walks over the members of a top-level object without decoding them. The
// object follows a position in the document. It relies on the layout of lines, and is false
// where that is another.
func catalogueOf(data []byte, name string, from int) (c catalogue, ok bool) {
	line, ok := lineOf(data[from:], name)
	if !ok {
		return c, false
	}
	at := from + line.start + len("  \""+name+"\": ")
	c.object.start = at
	if bytes.HasPrefix(data[at:], []byte("{}")) {
		c.object.end = at + len("{}")
		return c, true
	}
	const open, closed, end = "\n    \"", "\n    }", "\n  }"
	for at++; bytes.HasPrefix(data[at:], []byte(open)); at++ {
		at += len(open) - 1
		length := bytes.Index(data[at:], []byte(`": {`))
		if length < 0 {
			return c, false
		}
		var m member
		if json.Unmarshal(data[at:at+length+1], &m.key) != nil {
			return c, false
		}
		if last := len(c.members) - 1; last >= 0 && m.key <= c.members[last].key {
			return c, false // Encode sorts, and writes no name twice
		}
		at += length + len(`": `)
		m.value.start = at
		if bytes.HasPrefix(data[at:], []byte("{}")) {
			at += len("{}")
		} else {
			length := bytes.Index(data[at:], []byte(closed))
			if length < 0 {
				return c, false
			}
			at += length + len(closed)
		}
		m.value.end = at
		c.members = append(c.members, m)
		if at == len(data) {
			return c, false
		}
		if data[at] != ',' {
			break
		}
	}
	c.object.end = at + len(end)
	return c, bytes.HasPrefix(data[at:], []byte(end))
}

// take decodes the members that are wanted.
func take[V any](data []byte, c catalogue, wanted func(key string, value []byte) bool, into map[string]V) error {
	for _, m := range c.members {
		value := data[m.value.start:m.value.end]
		if !wanted(m.key, value) {
			continue
		}
		var v V
		if err := errors.Join(strictjson.Unique(value), json.Unmarshal(value, &v)); err != nil {
			return fmt.Errorf("%q: %w", m.key, err)
		}
		into[m.key] = v
	}
	return nil
}

// decodeSlice decodes of a document what the selection needs. In a snapshot of a
// whole environment nearly everything is what roles grant, what is shared, and
// users; these are only walked over. It is false where the document is not, to the
// byte, as Encode wrote it, so that its layout proves nothing; the digest, which is
// computed meanwhile, tells.
func decodeSlice(data []byte, sel *Selection) (s *Snapshot, ok bool, err error) {
	sealed := make(chan bool, 1)
	go func() { sealed <- sealedAsWritten(data) }()
	s, walked, err := walk(data, sel)
	return s, <-sealed && walked, err
}

// walk decodes what [Snapshot.Slice] may keep. It is false where the document is not
// laid out as Encode does it, or is judged whole. Its error counts only if the
// document is sealed.
func walk(data []byte, sel *Selection) (s *Snapshot, ok bool, err error) {
	var catalogues [3]catalogue
	var small []byte
	end := 0
	for i, name := range []string{"role_privileges", "shares", "users"} {
		c, ok := catalogueOf(data, name, end)
		if !ok {
			return nil, false, nil
		}
		small = append(append(small, data[end:c.object.start]...), "{}"...)
		end, catalogues[i] = c.object.end, c
	}
	small = append(small, data[end:]...)
	if s, err = decodeWhole(small); err != nil {
		// Only the whole document tells the true line.
		return nil, false, nil //nolint:nilerr // decoded again, whole
	}
	if s.Source == SourceSolution {
		return nil, false, nil
	}
	requirement, pattern, err := sel.choose(s)
	if err != nil {
		return nil, true, err
	}
	grants, shares, users := catalogues[0], catalogues[1], catalogues[2]
	owners := s.owners()
	mayFit := requirement.mayFit(pattern)
	if err := take(data, users, func(key string, value []byte) bool { return owners[key] || mayFit(value) }, s.Users); err != nil {
		return nil, true, fmt.Errorf("reading users: %w", err)
	}
	principals, roots := s.Reach(requirement, pattern)
	if err := take(data, grants, func(key string, _ []byte) bool { return roots[key] }, s.RolePrivileges); err != nil {
		return nil, true, fmt.Errorf("reading role_privileges: %w", err)
	}
	if err := take(data, shares, func(key string, _ []byte) bool { return principals[key] }, s.Shares); err != nil {
		return nil, true, fmt.Errorf("reading shares: %w", err)
	}
	if err := s.Check(pattern); err != nil {
		return nil, true, err
	}
	return s.Slice(pattern), true, nil
}

// mayFit says from a user's JSON whether it may be one that the requirement names; true
// does not prove it.
func (r Requirement) mayFit(pattern string) func(value []byte) bool {
	word, letters := pattern, "abcdefghijklmnopqrstuvwxyz"
	switch {
	case r.ApplicationID != "":
		word = r.ApplicationID
	case r.User != "":
		// Where names are compared, the long s and the Kelvin sign are an s and a k.
		word, letters = r.User, "abcdefghijlmnopqrtuvwxyz"
	}
	word = strings.ToLower(word)
	// JSON writes these characters as themselves.
	plain := word != "" && strings.Trim(word, letters+"0123456789-.@_ ") == ""
	return func(value []byte) bool { return !plain || bytes.Contains(bytes.ToLower(value), []byte(word)) }
}
