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

// Slice is the part of a snapshot that is judged, and so the input of every policy: the users
// that the requirement may mean and the owners of views; the teams of that user and those
// that own views; the user's roles and those with a matching name, with what they grant; the
// shares of the user and its teams. Everything else stays as it is, the digest of the whole
// included. Files of a solution hold nothing but what is judged.
//
// User and role are deduced by the pattern, a part of their names, if the requirement names
// none.
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

// pick copies the members that have one of the keys.
func pick[V any](m map[string]V, keys ...map[string]bool) map[string]V {
	some := map[string]V{}
	for _, set := range keys {
		for key := range set {
			if v, ok := m[key]; ok {
				some[key] = v
			}
		}
	}
	return some
}

// decodeSlice decodes what [Snapshot.Slice] may keep. It is false where the document has to be
// decoded whole: without a choice, of files of a solution, and where it was changed or is
// laid out in another way, so that its lines prove nothing.
func (o *outline) decodeSlice(choose Selector) (s *Snapshot, ok bool, err error) {
	if choose == nil || !o.isSealed() {
		return nil, false, nil
	}
	if s, err = decodeWhole(o.skeleton.Bytes()); err != nil {
		// Only the whole document has the right line numbers.
		return nil, false, nil //nolint:nilerr // decoded again, whole
	}
	if s.Source == SourceSolution {
		return nil, false, nil
	}
	pattern, err := choose.apply(s)
	if err != nil {
		return nil, true, err
	}
	if err := decodeMembers(o, "users", s.Users, s.viewOwners(), s.Requirement.mayMatchUser(pattern)); err != nil {
		return nil, true, err
	}
	principals, roots := s.relevantIDs(pattern)
	if err := errors.Join(decodeMembers(o, "role_privileges", s.RolePrivileges, roots, nil), decodeMembers(o, "shares", s.Shares, principals, nil)); err != nil {
		return nil, true, err
	}
	if err := s.Check(pattern); err != nil {
		return nil, true, err
	}
	return s.Slice(pattern), true, nil
}

// decodeMembers decodes the members of a catalogue that are wanted or fit.
func decodeMembers[V any](o *outline, catalogue string, into map[string]V, wanted map[string]bool, fits func(value []byte) bool) error {
	var value []byte
	for _, m := range o.members[catalogue] {
		if !wanted[m.key] && fits == nil {
			continue
		}
		var err error
		if value, err = o.readMember(m, value); err != nil {
			return err
		}
		if !wanted[m.key] && !fits(value) {
			continue
		}
		var v V
		if err := errors.Join(strictjson.CheckDuplicateKeys(value), json.Unmarshal(value, &v)); err != nil {
			return fmt.Errorf("reading %s: %q: %w", catalogue, m.key, err)
		}
		into[m.key] = v
	}
	return nil
}

// mayMatchUser says from a user's JSON whether it may be one that the requirement names; true
// does not prove it.
func (r Requirement) mayMatchUser(pattern string) func(value []byte) bool {
	word := strings.ToLower(cmp.Or(r.ApplicationID, r.User, pattern))
	// JSON writes these characters as themselves.
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

// viewOwners are the users and teams that own a view.
func (s *Snapshot) viewOwners() map[string]bool {
	owners := map[string]bool{}
	for _, v := range s.Views {
		owners[v.OwnerID] = true
	}
	return owners
}

// IntegrationUser is the id of the single user that the requirement names and that is not
// soft-deleted; ok is false unless exactly one exists.
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

// roleIDs are the ids of the roles that are assigned to a user, directly or through a team.
func (s *Snapshot) roleIDs(user string) []string {
	ids := slices.Clone(s.Users[user].Roles)
	for _, team := range s.Users[user].Teams {
		ids = append(ids, s.Teams[team].Roles...)
	}
	return ids
}

// relevantIDs names what may matter to a verdict: the principals with shares, which are the
// integration user and its teams; and the root roles with privileges, which are those of
// these principals and those with a matching name.
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

// CustomRoles names the custom roles that are assigned to a user, directly or through a team, by
// their roots.
func (s *Snapshot) CustomRoles(user string) map[string]string {
	held := map[string]string{}
	for _, id := range s.roleIDs(user) {
		if role, known := s.Roles[id]; known && role.TemplateID == "" {
			held[role.RootID] = role.Name
		}
	}
	return held
}
