package snapshot

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// A Choice says, from what a snapshot says of itself, what is judged: the requirement, which
// then takes the place of the snapshot's own, and the part of a name by which users and roles
// are deduced.
type Choice func(*Snapshot) (r Requirement, pattern string, err error)

// of makes the choice for a snapshot.
func (choose Choice) of(s *Snapshot) (pattern string, err error) {
	if choose == nil {
		return "", nil
	}
	if s.Requirement, pattern, err = choose(s); err != nil {
		return "", err
	}
	s.Requirement.fill()
	return pattern, nil
}

// Read reads the snapshot of a file as [Decode] does: in parts where a slice of it is judged.
func Read(file *io.SectionReader, choose Choice) (*Snapshot, error) {
	if s, ok, err := outlineOf(file).slice(choose); ok {
		return s, err
	}
	data := make([]byte, file.Size())
	if _, err := file.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return Decode(data, choose)
}

// Decode reads a snapshot and checks its digest. With a choice it returns the
// slice that is judged (see [Snapshot.Slice]), and leaves the rest undecoded: in a snapshot
// of a whole environment that is nearly all of it. The digest stays that of the whole.
//
// Errors say whether the data is not a snapshot, has a later format, is truncated, was
// changed since it was taken, or is inconsistent in what the verdict needs.
func Decode(data []byte, choose Choice) (*Snapshot, error) {
	o := outlineOf(io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))))
	if s, ok, err := o.slice(choose); ok {
		return s, err
	}
	s, err := decodeWhole(data)
	if err != nil {
		return nil, err
	}
	if !o.sealed() {
		digest, err := s.digest()
		if err != nil {
			return nil, err
		}
		if s.Digest != digest {
			return nil, fmt.Errorf("the snapshot was changed since it was taken: its digest is %q, its content's %s; "+
				"collect it again", s.Digest, digest)
		}
	}
	pattern, err := choose.of(s)
	if err != nil {
		return nil, err
	}
	if err := s.Check(pattern); err != nil {
		return nil, err
	}
	if choose != nil {
		return s.Slice(pattern), nil
	}
	return s, nil
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
		return nil, fmt.Errorf("the snapshot is broken: something follows its end at %s", strictjson.Position(data, dec.InputOffset()))
	}
	s.fill()
	return s, s.stated()
}

// stated refuses a document that lacks what every snapshot states: what it leaves out would
// be written as a word that no snapshot has.
func (s *Snapshot) stated() error {
	missing := map[string]bool{"scope": s.Scope == ScopeUnknown, "source": s.Source == SourceUnknown}
	for section, coverage := range s.Coverage {
		missing[fmt.Sprintf("state of the section %q", section)] = coverage.State == StateUnknown
	}
	for _, what := range slices.Sorted(maps.Keys(missing)) {
		if missing[what] {
			return fmt.Errorf("the snapshot is broken: its %s is missing; collect it again", what)
		}
	}
	return nil
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
	return fmt.Errorf("this is JSON, but not a snapshot: it has no \"format\": %q; `dbaudit collect -o FILE` writes one", Format)
}

// place adds line and column to a JSON error, where its offset is known.
func place(data []byte, err error, end int64) error {
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		// The offset counts the byte that was not expected.
		return fmt.Errorf("%s: %w", strictjson.Position(data, syntax.Offset-1), err)
	case errors.As(err, &typ):
		return fmt.Errorf("%s: %s cannot be a JSON %s", strictjson.Position(data, typ.Offset), cmp.Or(typ.Field, "the document"), typ.Value)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: %w", strictjson.Position(data, end), err)
	}
	return err
}
