package recording

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Pseudonymize returns a copy of a snapshot in which pseudonyms replace the names of people, teams, views,
// business units and the organization. A name always has the same pseudonym. Ids, roles, privileges, and the
// environment's name and address stay. A name that contains pattern still contains it, so that the same user
// is judged with the same verdict.
func Pseudonymize(s *snapshot.Snapshot, pattern string) (*snapshot.Snapshot, error) {
	a := newAnonymizer(pattern)
	a.anonymizeSnapshot(s)
	a.chooseReplacements()
	copied := a.anonymizeSnapshot(s)
	for id, user := range s.Users {
		if s.Requirement.MatchesUser(user, pattern) != copied.Requirement.MatchesUser(copied.Users[id], pattern) {
			return nil, errors.New("a pseudonym would match the pattern of the integration user's name: name the user with --integration-app-id, or collect without --pseudonyms")
		}
	}
	// A reason may contain a name.
	copied.Coverage = mapValues(s.Coverage, func(c *snapshot.Coverage) {
		for name := range a.names {
			if containsWords(strings.ToLower(c.Detail), name) {
				c.Detail = "the reason is left out, because it contains a name"
			}
		}
	})
	return copied, nil
}

func (a *anonymizer) anonymizeSnapshot(from *snapshot.Snapshot) *snapshot.Snapshot {
	copied := *from
	copied.Organization.Name = a.replaceName(from.Organization.Name)
	copied.BusinessUnits = mapValues(from.BusinessUnits, func(b *snapshot.BusinessUnit) { b.Name = a.replaceName(b.Name) })
	copied.Users = mapValues(from.Users, func(u *snapshot.User) { u.Name, u.DomainName = a.replaceName(u.Name), a.replaceName(u.DomainName) })
	copied.Teams = mapValues(from.Teams, func(t *snapshot.Team) { t.Name = a.replaceName(t.Name) })
	copied.Views = mapValues(from.Views, func(v *snapshot.View) { v.Name = a.replaceName(v.Name) })
	copied.SystemViews = mapValues(from.SystemViews, func(v *snapshot.SystemView) { v.Name = a.replaceName(v.Name) })
	copied.Requirement = a.anonymizeRequirement(from.Requirement)
	return &copied
}

// anonymizeRequirement returns a copy of a requirement with its names replaced, except the role's.
func (a *anonymizer) anonymizeRequirement(q snapshot.Requirement) snapshot.Requirement {
	q.BusinessUnit, q.User = a.replaceName(q.BusinessUnit), a.replaceName(q.User)
	q.Views = slices.Clone(q.Views)
	for i := range q.Views {
		v := &q.Views[i]
		v.Name, v.Owner = a.replaceName(v.Name), a.replaceName(v.Owner)
	}
	return q
}

func mapValues[K comparable, V any](m map[K]V, change func(*V)) map[K]V {
	copied := make(map[K]V, len(m))
	for key, v := range m {
		change(&v)
		copied[key] = v
	}
	return copied
}

// containsWords reports whether a text contains a name that is not part of a longer word.
func containsWords(text, name string) bool {
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
