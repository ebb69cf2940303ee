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
)

// Seal sets the digest. It is the SHA-256 of the document as [Snapshot.Encode]
// writes it, without the line of the digest: what
// `jq -S 'del(.digest)' snapshot.json | sha256sum` prints.
func (s *Snapshot) Seal() error {
	s.Format = Format
	s.fill()
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

// Encode returns the snapshot's file: JSON, two spaces deep, members in the order
// of their names, a newline at the end. Equal snapshots give equal bytes.
func (s *Snapshot) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("encoding the snapshot: %w", err)
	}
	return b.Bytes(), nil
}

// A Selection narrows what [Decode] takes out of a snapshot to what a verdict
// needs: the privileges of roles that reach a candidate for the integration user
// or that fit the requirement's role, and the shares of that user and its teams.
type Selection struct {
	// Requirement replaces the snapshot's own, where it is set.
	Requirement *Requirement
	// Pattern is the part of a name by which users and roles are deduced.
	Pattern string
	// Choose, where it is set, gives both from what the snapshot says of itself; the
	// snapshot is returned with that requirement in place of its own.
	Choose func(*Snapshot) (r Requirement, pattern string, err error)
}

// choose settles the requirement and the pattern of a selection for a snapshot.
func (sel *Selection) choose(s *Snapshot) (Requirement, string, error) {
	requirement := s.Requirement
	switch {
	case sel.Choose != nil:
		chosen, pattern, err := sel.Choose(s)
		if err != nil {
			return Requirement{}, "", err
		}
		chosen.fill()
		s.Requirement = chosen
		return chosen, pattern, nil
	case sel.Requirement != nil:
		requirement = *sel.Requirement
	}
	return requirement, sel.Pattern, nil
}

// Decode reads a snapshot and checks its digest. With a selection, role
// privileges and shares that the verdict does not need are left out undecoded: in
// a snapshot of a whole environment they are nearly all of it.
//
// Errors say whether the data is no snapshot, one of a later format, cut short, or
// changed since it was taken.
func Decode(data []byte, sel *Selection) (*Snapshot, error) {
	if sealedAsWritten(data) {
		return decodeSlice(data, sel)
	}
	s, err := decodeWhole(data)
	if err != nil {
		return nil, err
	}
	digest, err := s.digest()
	if err != nil {
		return nil, err
	}
	if s.Digest != digest {
		return nil, fmt.Errorf("the snapshot was changed since it was taken: its digest is %q, its content's %s; "+
			"collect it again", s.Digest, digest)
	}
	if sel != nil {
		if _, _, err := sel.choose(s); err != nil {
			return nil, err
		}
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
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("this is no snapshot, or one cut short: %w", place(data, err, int64(len(data))))
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

// place adds line and column to a JSON error that knows its offset.
func place(data []byte, err error, end int64) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%s: %w", position(data, syntax.Offset), err)
	case errors.As(err, &typ):
		return fmt.Errorf("%s: %w", position(data, typ.Offset), err)
	}
	return fmt.Errorf("%s: %w", position(data, end), err)
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

// objectOf finds the value of a top-level member that is an object, braces
// included.
func objectOf(data []byte, member string) (span, bool) {
	line, ok := lineOf(data, member)
	if !ok {
		return span{}, false
	}
	start := line.start + len("  \""+member+"\": ")
	if bytes.HasPrefix(data[start:], []byte("{}")) {
		return span{start, start + 2}, true
	}
	length := bytes.Index(data[start:], []byte("\n  }"))
	if length < 0 {
		return span{}, false
	}
	return span{start, start + length + len("\n  }")}, true
}

// decodeSlice decodes a document that is as Encode wrote it.
func decodeSlice(data []byte, sel *Selection) (*Snapshot, error) {
	grants, grantsOK := objectOf(data, "role_privileges")
	shares, sharesOK := objectOf(data, "shares")
	if sel == nil || !grantsOK || !sharesOK {
		return decodeWhole(data)
	}
	small := make([]byte, 0, len(data)-(grants.end-grants.start)-(shares.end-shares.start)+4)
	small = append(small, data[:grants.start]...)
	small = append(small, "{}"...)
	small = append(small, data[grants.end:shares.start]...)
	small = append(small, "{}"...)
	small = append(small, data[shares.end:]...)
	s, err := decodeWhole(small)
	if err != nil {
		return nil, err
	}
	requirement, pattern, err := sel.choose(s)
	if err != nil {
		return nil, err
	}
	principals, roots := s.Reach(requirement, pattern)
	if err := pick(data[grants.start:grants.end], roots, s.RolePrivileges); err != nil {
		return nil, fmt.Errorf("reading role_privileges: %w", err)
	}
	if err := pick(data[shares.start:shares.end], principals, s.Shares); err != nil {
		return nil, fmt.Errorf("reading shares: %w", err)
	}
	return s, nil
}

// User is the id of the single user that the requirement means and that is not
// soft-deleted; ok is false where there is none or more than one.
func (s *Snapshot) User(r Requirement, pattern string) (id string, ok bool) {
	count := 0
	for candidate, user := range s.Users {
		if !user.Deleted && r.Fits(user, pattern) {
			id = candidate
			count++
		}
	}
	if count != 1 {
		return "", false
	}
	return id, true
}

// Reach names the principals whose shares, and the root roles whose privileges,
// may matter to a verdict: the integration user and its teams; the roles that
// reach it, and those whose name fits the requirement.
func (s *Snapshot) Reach(r Requirement, pattern string) (principals, roots map[string]bool) {
	principals, roots = map[string]bool{}, map[string]bool{}
	add := func(roles []string) {
		for _, id := range roles {
			roots[s.Roles[id].RootID] = true
		}
	}
	if id, ok := s.User(r, pattern); ok {
		principals[id] = true
		add(s.Users[id].Roles)
		for _, team := range s.Users[id].Teams {
			principals[team] = true
			add(s.Teams[team].Roles)
		}
	}
	for _, role := range s.Roles {
		if r.FitsRole(role.Name, pattern) {
			roots[role.RootID] = true
		}
	}
	return principals, roots
}

// pick decodes the wanted members of an object that stands one level deep in a
// document as Encode wrote it.
func pick[V any](object []byte, wanted map[string]bool, into map[string]V) error {
	const open, closed = "\n    \"", "\n    }"
	for {
		start := bytes.Index(object, []byte(open))
		if start < 0 {
			return nil
		}
		object = object[start+len(open):]
		quote := bytes.IndexByte(object, '"')
		if quote < 0 {
			return errors.New("a key is not closed")
		}
		key := string(object[:quote])
		value := object[quote+len(`": `):]
		end := len("{}")
		if !bytes.HasPrefix(value, []byte("{}")) {
			if end = bytes.Index(value, []byte(closed)); end < 0 {
				return fmt.Errorf("%q is not closed", key)
			}
			end += len(closed)
		}
		object = value[end:]
		if !wanted[key] {
			continue
		}
		var v V
		if err := json.Unmarshal(value[:end], &v); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
		into[key] = v
	}
}
