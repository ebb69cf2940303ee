package recording

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Pseudonyms returns a snapshot in which the names of people, teams, views, business units and
// the organization are replaced, the same name always by the same pseudonym. Ids, roles,
// privileges, and the environment's name and address stay. The pattern stays in a name that
// contains it, so that the same user is judged and the verdict is the same.
func Pseudonyms(s *snapshot.Snapshot, pattern string) (*snapshot.Snapshot, error) {
	n := newNames(pattern)
	n.snapshot(s)
	n.settle()
	part := n.snapshot(s)
	for id, user := range s.Users {
		if s.Requirement.MatchesUser(user, pattern) != part.Requirement.MatchesUser(part.Users[id], pattern) {
			return nil, errors.New("a pseudonym would match the pattern of the integration user's name: name the user with --integration-app-id, or collect without --pseudonyms")
		}
	}
	// A reason may contain a name.
	part.Coverage = renamed(s.Coverage, func(c *snapshot.Coverage) {
		for word := range n.words {
			if mentions(strings.ToLower(c.Detail), word) {
				c.Detail = "the reason is left out, because it contains a name"
			}
		}
	})
	return part, nil
}

// snapshot replaces the names in a copy of a snapshot.
func (n *names) snapshot(from *snapshot.Snapshot) *snapshot.Snapshot {
	part := *from
	part.Organization.Name = n.name(from.Organization.Name)
	part.BusinessUnits = renamed(from.BusinessUnits, func(b *snapshot.BusinessUnit) { b.Name = n.name(b.Name) })
	part.Users = renamed(from.Users, func(u *snapshot.User) { u.Name, u.DomainName = n.name(u.Name), n.name(u.DomainName) })
	part.Teams = renamed(from.Teams, func(t *snapshot.Team) { t.Name = n.name(t.Name) })
	part.Views = renamed(from.Views, func(v *snapshot.View) { v.Name = n.name(v.Name) })
	part.SystemViews = renamed(from.SystemViews, func(v *snapshot.SystemView) { v.Name = n.name(v.Name) })
	part.Requirement = n.requirement(from.Requirement)
	return &part
}

// requirement replaces the names in a copy of a requirement, but not the role's.
func (n *names) requirement(q snapshot.Requirement) snapshot.Requirement {
	q.BusinessUnit, q.User = n.name(q.BusinessUnit), n.name(q.User)
	q.Views = slices.Clone(q.Views)
	for i := range q.Views {
		v := &q.Views[i]
		v.Name, v.Owner = n.name(v.Name), n.name(v.Owner)
	}
	return q
}

// renamed copies a map with its values changed.
func renamed[K comparable, V any](m map[K]V, change func(*V)) map[K]V {
	copied := make(map[K]V, len(m))
	for key, v := range m {
		change(&v)
		copied[key] = v
	}
	return copied
}

// mentions reports whether a text contains a name as separate words.
func mentions(text, name string) bool {
	inWord := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for name != "" {
		before, after, ok := strings.Cut(text, name)
		if !ok {
			return false
		}
		last, _ := utf8.DecodeLastRuneInString(before)
		next, _ := utf8.DecodeRuneInString(after)
		if !inWord(last) && !inWord(next) {
			return true
		}
		text = after
	}
	return false
}
