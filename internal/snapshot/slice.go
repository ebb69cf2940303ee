package snapshot

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dbaudit/dbaudit/internal/strictjson"
)

// Slice returns the part of a snapshot that is judged, which is the input of every policy: the
// users that the requirement may mean, and the owners of views; the teams of the integration user,
// and those that own views; the roles of the user, and those with a matching name, with their
// privileges; the shares of the user and its teams. Everything else stays as it is, including the
// digest of the whole. A snapshot of a solution's files is judged as a whole.
//
// If the requirement names no user or role, they are deduced by the pattern, a part of their
// names.
func (s *Snapshot) Slice(pattern string) *Snapshot {
	part := *s
	if s.Source == SourceSolution {
		return &part
	}
	owners := s.viewOwners()
	principals, roots := s.relevantIDs(pattern)
	part.Users = pick(s.Users, owners)
	for id, u := range s.Users {
		if s.Requirement.MatchesUser(u, pattern) {
			part.Users[id] = u
		}
	}
	part.Roles = map[string]Role{}
	for id, role := range s.Roles {
		if roots[role.RootID] {
			part.Roles[id] = role
		}
	}
	part.Teams = pick(s.Teams, owners, principals)
	part.RolePrivileges = pick(s.RolePrivileges, roots)
	part.FilteredPrivileges = pick(s.FilteredPrivileges, roots)
	part.UnreadablePrivileges = pick(s.UnreadablePrivileges, roots)
	part.Shares = pick(s.Shares, principals)
	return &part
}

// pick returns the members of m with a key in one of the sets.
func pick[V any](m map[string]V, sets ...map[string]bool) map[string]V {
	picked := map[string]V{}
	for _, keys := range sets {
		for key := range keys {
			if v, ok := m[key]; ok {
				picked[key] = v
			}
		}
	}
	return picked
}

// decodeSlice decodes the members that [Snapshot.Slice] may keep, and returns the slice. It
// returns false if the document must be decoded as a whole: without a selector, for a solution's
// files, or if the document was changed or reformatted.
func (o *outline) decodeSlice(selector Selector) (s *Snapshot, ok bool, err error) {
	if selector == nil || !o.isSealed() {
		return nil, false, nil
	}
	if s, err = decodeWhole(o.skeleton.Bytes()); err != nil {
		// Only the whole document has the right line numbers.
		return nil, false, nil //nolint:nilerr // decoded again, whole
	}
	if s.Source == SourceSolution {
		return nil, false, nil
	}
	pattern, err := selector.apply(s)
	if err != nil {
		return nil, true, err
	}
	if err := decodeMembers(o, "users", s.Users, s.viewOwners(), s.Requirement.mayMatchUser(pattern)); err != nil {
		return nil, true, err
	}
	principals, roots := s.relevantIDs(pattern)
	if err := decodeMembers(o, "role_privileges", s.RolePrivileges, roots, nil); err != nil {
		return nil, true, err
	}
	if err := decodeMembers(o, "shares", s.Shares, principals, nil); err != nil {
		return nil, true, err
	}
	if err := s.Check(pattern); err != nil {
		return nil, true, err
	}
	return s.Slice(pattern), true, nil
}

// decodeMembers decodes the members of a section with a key in keys or a value that matches. A nil
// matches matches none.
func decodeMembers[V any](o *outline, section string, into map[string]V, keys map[string]bool, matches func(value []byte) bool) error {
	var value []byte
	for _, m := range o.members[section] {
		if !keys[m.key] && matches == nil {
			continue
		}
		var err error
		if value, err = o.readMember(m, value); err != nil {
			return err
		}
		if !keys[m.key] && !matches(value) {
			continue
		}
		var v V
		if err := errors.Join(strictjson.CheckDuplicateKeys(value), json.Unmarshal(value, &v)); err != nil {
			return fmt.Errorf("reading %s: %q: %w", section, m.key, err)
		}
		into[m.key] = v
	}
	return nil
}

// mayMatchUser returns a function that reports from a user's JSON whether [Requirement.MatchesUser]
// may be true for the user. It is a fast filter before decoding.
func (r Requirement) mayMatchUser(pattern string) func(value []byte) bool {
	word := strings.ToLower(cmp.Or(r.ApplicationID, r.User, pattern))
	// JSON does not escape these characters.
	plain := word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789-.@_ ") == ""
	var lower []byte
	return func(value []byte) bool {
		lower = append(lower[:0], value...)
		for i, c := range lower {
			switch {
			case 'A' <= c && c <= 'Z':
				lower[i] += 'a' - 'A'
			case c >= utf8.RuneSelf:
				return true
			}
		}
		return !plain || bytes.Contains(lower, []byte(word))
	}
}

// viewOwners returns the ids of the users and teams that own a view.
func (s *Snapshot) viewOwners() map[string]bool {
	owners := map[string]bool{}
	for _, v := range s.Views {
		owners[v.OwnerID] = true
	}
	return owners
}

// IntegrationUser returns the id of the user that matches the requirement. It returns false unless
// exactly one user does that is not soft-deleted.
func (s *Snapshot) IntegrationUser(pattern string) (id string, ok bool) {
	count := 0
	for candidate, user := range s.Users {
		if !user.Deleted && s.Requirement.MatchesUser(user, pattern) {
			id = candidate
			count++
		}
	}
	if count != 1 {
		return "", false
	}
	return id, true
}

// roleIDs returns the ids of the roles that are assigned to a user, directly or through a team.
func (s *Snapshot) roleIDs(user string) []string {
	ids := slices.Clone(s.Users[user].Roles)
	for _, team := range s.Users[user].Teams {
		ids = append(ids, s.Teams[team].Roles...)
	}
	return ids
}

// relevantIDs returns the ids that matter for the verdict: the principals, which are the
// integration user and its teams, and the root roles, which are those of the principals and those
// with a matching name.
func (s *Snapshot) relevantIDs(pattern string) (principals, roots map[string]bool) {
	principals, roots = map[string]bool{}, map[string]bool{}
	if id, ok := s.IntegrationUser(pattern); ok {
		principals[id] = true
		for _, team := range s.Users[id].Teams {
			principals[team] = true
		}
		for _, role := range s.roleIDs(id) {
			roots[s.Roles[role].RootID] = true
		}
	}
	for _, role := range s.Roles {
		if s.Requirement.MatchesRole(role.Name, pattern) {
			roots[role.RootID] = true
		}
	}
	return principals, roots
}

// CustomRoles returns the custom roles that are assigned to a user, directly or through a team:
// their names by the id of the root role.
func (s *Snapshot) CustomRoles(user string) map[string]string {
	names := map[string]string{}
	for _, id := range s.roleIDs(user) {
		if role, ok := s.Roles[id]; ok && role.TemplateID == "" {
			names[role.RootID] = role.Name
		}
	}
	return names
}
