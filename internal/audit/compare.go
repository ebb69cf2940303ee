package audit

import "slices"

// RequirementsDiffer reports whether the requirements of a result are known to differ from those
// of an earlier one: it has another profile, user or role, or the configuration requires other
// depths or allows other privileges. It ignores a privilege that only one of the results
// requires, because that depends on the environment.
func (r Result) RequirementsDiffer(earlier Result) bool {
	if r.Profile.Differs(earlier.Profile) {
		return true
	}
	if r.Integration == nil || earlier.Integration == nil {
		return false
	}
	if replaced(earlier.Integration.User, r.Integration.User) || replaced(earlier.Integration.Role, r.Integration.Role) ||
		!slices.Equal(r.Integration.Allowed, earlier.Integration.Allowed) {
		return true
	}
	for privilege, depth := range earlier.Integration.Required {
		if required, ok := r.Integration.Required[privilege]; ok && required != depth {
			return true
		}
	}
	return false
}

// HasReplaced reports whether the subject was the integration's user or role in an earlier
// result but is not in this one. If so, this result proves nothing about the subject.
func (r Result) HasReplaced(s Subject, earlier Result) bool {
	if r.Integration == nil || earlier.Integration == nil {
		return false
	}
	isSubject := func(old, current *Subject) bool {
		return replaced(old, current) && old.Kind == s.Kind && old.ID == s.ID
	}
	return isSubject(earlier.Integration.User, r.Integration.User) || isSubject(earlier.Integration.Role, r.Integration.Role)
}

func replaced(old, current *Subject) bool {
	return old != nil && current != nil && old.ID != current.ID
}
