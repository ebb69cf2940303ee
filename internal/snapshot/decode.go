package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// A Selector chooses the part of a snapshot that is judged: it returns the requirement, which
// replaces the snapshot's, and the pattern for [Snapshot.Slice].
type Selector func(*Snapshot) (r Requirement, pattern string, err error)

// apply sets the requirement of a snapshot and returns the pattern.
func (selector Selector) apply(s *Snapshot) (pattern string, err error) {
	if selector == nil {
		return "", nil
	}
	if s.Requirement, pattern, err = selector(s); err != nil {
		return "", err
	}
	s.Requirement.replaceNils()
	return pattern, nil
}

// Read reads a snapshot from a file, as [Decode] does. With a selector it reads only the necessary
// parts of a large file into memory.
func Read(file *io.SectionReader, selector Selector) (*Snapshot, error) {
	if s, ok, err := readOutline(file).decodeSlice(selector); ok {
		return s, err
	}
	data := make([]byte, file.Size())
	if _, err := file.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return Decode(data, selector)
}

// Decode decodes a snapshot and checks its digest. With a selector it returns the slice that is
// judged (see [Snapshot.Slice]) and does not decode the rest, which is nearly all of a snapshot
// of a whole environment. The digest remains that of the whole.
//
// The error says whether the data is not a snapshot, has a later format, is truncated, was
// changed since it was taken, or is inconsistent in a part that the verdict needs.
func Decode(data []byte, selector Selector) (*Snapshot, error) {
	o := readOutline(io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))))
	if s, ok, err := o.decodeSlice(selector); ok {
		return s, err
	}
	s, err := decodeWhole(data)
	if err != nil {
		return nil, err
	}
	if !o.isSealed() {
		digest, err := s.digest()
		if err != nil {
			return nil, err
		}
		if s.Digest != digest {
			return nil, fmt.Errorf("the snapshot was changed since it was taken: its digest is %q, its content's %s; "+
				"collect it again", s.Digest, digest)
		}
	}
	pattern, err := selector.apply(s)
	if err != nil {
		return nil, err
	}
	if err := s.Check(pattern); err != nil {
		return nil, err
	}
	if selector != nil {
		return s.Slice(pattern), nil
	}
	return s, nil
}

func decodeWhole(data []byte) (*Snapshot, error) {
	if _, err := strictjson.ReadFormat(data, "snapshot", Format); err != nil {
		return nil, err
	}
	s := New()
	if err := strictjson.Decode(data, s); err != nil {
		return nil, fmt.Errorf("the snapshot is broken: %w; collect it again", err)
	}
	s.replaceNils()
	return s, s.checkMandatory()
}

// checkMandatory returns an error for a document that lacks the scope, the source or the state of a
// section.
func (s *Snapshot) checkMandatory() error {
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
