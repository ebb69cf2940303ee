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

// A Selector says what of a snapshot is judged: the requirement, which replaces the snapshot's,
// and the pattern of [Snapshot.Slice].
type Selector func(*Snapshot) (r Requirement, pattern string, err error)

// apply makes the choice for a snapshot.
func (choose Selector) apply(s *Snapshot) (pattern string, err error) {
	if choose == nil {
		return "", nil
	}
	if s.Requirement, pattern, err = choose(s); err != nil {
		return "", err
	}
	s.Requirement.replaceNils()
	return pattern, nil
}

// Read reads the snapshot of a file as [Decode] does: in parts where a slice of it is judged.
func Read(file *io.SectionReader, choose Selector) (*Snapshot, error) {
	if s, ok, err := readOutline(file).decodeSlice(choose); ok {
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
func Decode(data []byte, choose Selector) (*Snapshot, error) {
	o := readOutline(io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))))
	if s, ok, err := o.decodeSlice(choose); ok {
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
	pattern, err := choose.apply(s)
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

// checkMandatory refuses a document without a scope, a source or a state, which every snapshot has.
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
