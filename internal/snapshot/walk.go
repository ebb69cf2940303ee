package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// A member is one of an object at the top level of a document.
type member struct {
	key   string
	value []byte
}

// A catalogue is a top-level object of a document, not decoded: where it is, and its members.
type catalogue struct {
	start, end int
	members    []member
}

// catalogueOf walks over the members of a top-level object without decoding them. The
// object follows a position in the document. It relies on the layout of lines, and is false
// where that is another.
func catalogueOf(data []byte, name string, from int) (c catalogue, ok bool) {
	start, _, ok := lineOf(data[from:], name)
	if !ok {
		return c, false
	}
	at := from + start + len("  \""+name+"\": ")
	c.start = at
	if bytes.HasPrefix(data[at:], []byte("{}")) {
		c.end = at + len("{}")
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
		value := at
		if bytes.HasPrefix(data[at:], []byte("{}")) {
			at += len("{}")
		} else {
			length := bytes.Index(data[at:], []byte(closed))
			if length < 0 {
				return c, false
			}
			at += length + len(closed)
		}
		m.value = data[value:at]
		c.members = append(c.members, m)
		if at == len(data) {
			return c, false
		}
		if data[at] != ',' {
			break
		}
	}
	c.end = at + len(end)
	return c, bytes.HasPrefix(data[at:], []byte(end))
}

// take decodes the members that are wanted.
func take[V any](c catalogue, wanted func(key string, value []byte) bool, into map[string]V) error {
	for _, m := range c.members {
		if !wanted(m.key, m.value) {
			continue
		}
		var v V
		if err := errors.Join(strictjson.Unique(m.value), json.Unmarshal(m.value, &v)); err != nil {
			return fmt.Errorf("%q: %w", m.key, err)
		}
		into[m.key] = v
	}
	return nil
}

// decodeSlice decodes of a document what the choice needs. In a snapshot of a
// whole environment nearly everything is what roles grant, what is shared, and
// users; these are only walked over. It is false where the document is not, to the
// byte, as Encode wrote it, so that its layout proves nothing; the digest, which is
// computed meanwhile, tells.
func decodeSlice(data []byte, choose Choice) (s *Snapshot, ok bool, err error) {
	sealed := make(chan bool, 1)
	go func() { sealed <- sealedAsWritten(data) }()
	s, walked, err := walk(data, choose)
	return s, <-sealed && walked, err
}

// walk decodes what [Snapshot.Slice] may keep. It is false where the document is not
// laid out as Encode does it, or is judged whole. Its error counts only if the
// document is sealed.
func walk(data []byte, choose Choice) (s *Snapshot, ok bool, err error) {
	var catalogues [3]catalogue
	var small []byte
	end := 0
	for i, name := range []string{"role_privileges", "shares", "users"} {
		c, ok := catalogueOf(data, name, end)
		if !ok {
			return nil, false, nil
		}
		small = append(append(small, data[end:c.start]...), "{}"...)
		end, catalogues[i] = c.end, c
	}
	small = append(small, data[end:]...)
	if s, err = decodeWhole(small); err != nil {
		// Only the whole document tells the true line.
		return nil, false, nil //nolint:nilerr // decoded again, whole
	}
	if s.Source == SourceSolution {
		return nil, false, nil
	}
	pattern, err := choose.of(s)
	if err != nil {
		return nil, true, err
	}
	requirement := s.Requirement
	grants, shares, users := catalogues[0], catalogues[1], catalogues[2]
	owners := s.owners()
	mayFit := requirement.mayFit(pattern)
	if err := take(users, func(key string, value []byte) bool { return owners[key] || mayFit(value) }, s.Users); err != nil {
		return nil, true, fmt.Errorf("reading users: %w", err)
	}
	principals, roots := s.Reach(requirement, pattern)
	if err := take(grants, func(key string, _ []byte) bool { return roots[key] }, s.RolePrivileges); err != nil {
		return nil, true, fmt.Errorf("reading role_privileges: %w", err)
	}
	if err := take(shares, func(key string, _ []byte) bool { return principals[key] }, s.Shares); err != nil {
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
