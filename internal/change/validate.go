package change

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Validate returns an error if the plan of an environment cannot contain the action after the
// earlier ones.
func (a Action) Validate(earlier []Action, environmentURL string) error {
	auto := kindNamed(a.Kind).automation
	switch {
	case auto.target == "":
		return fmt.Errorf("apply has no action %s", a.Kind)
	case a.Target.Kind != auto.target:
		return fmt.Errorf("%s does not change a %s", a.Kind, a.Target.Kind)
	}
	if err := a.Target.validate(earlier); err != nil {
		return err
	}
	if err := a.validateStates(auto); err != nil {
		return err
	}
	if err := a.validateSideEffects(auto); err != nil {
		return err
	}
	if err := a.validateAssignedGrants(earlier); err != nil {
		return err
	}
	request, undo := a.Requests(environmentURL)
	if !equalRequests(request, a.Request) || !slices.EqualFunc(undo, a.Undo, equalRequests) {
		return errors.New("its requests do not follow from its target and states")
	}
	return nil
}

func equalRequests(a, b Request) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func (a Action) validateStates(auto automation) error {
	switch {
	case len(a.After) == 0 || !slices.Equal(a.Before.Names(), a.After.Names()):
		return errors.New("it does not say what it changes")
	case auto.validate != nil:
		return auto.validate(a)
	case !maps.Equal(a.Before, auto.from) || !maps.Equal(a.After, auto.to):
		return fmt.Errorf("%s cannot change %v to %v", a.Kind, a.Before, a.After)
	}
	return nil
}

// validateSideEffects checks what the platform does along with an action, and which action
// undoes it.
func (a Action) validateSideEffects(auto automation) error {
	validAlong, undoneWith := len(a.Along) == 0, ""
	switch {
	case auto.along != nil:
		validAlong = slices.Equal(a.Along, auto.along())
	case auto.limit != nil && auto.target == TargetGrants:
		undoneWith = a.Target.Role.MadeBy
		validAlong = slices.IsSorted(a.Along) && !slices.ContainsFunc(a.Along, func(name string) bool {
			return !IsRestoredPrivilege(name) || a.After[name] != ""
		})
	}
	validFiltered := slices.IsSorted(a.Target.Filtered) &&
		!slices.ContainsFunc(a.Target.Filtered, func(name string) bool { return a.After[name] == "" })
	switch {
	case !validFiltered:
		return errors.New("it lists filtered privileges that it does not change")
	case !validAlong:
		return errors.New("the platform does not grant the privileges that it lists")
	case a.UndoneWith != undoneWith:
		return errors.New("it names the wrong action for its undo")
	}
	return nil
}

// validateAssignedGrants compares the grants of a role to be assigned with the earlier actions
// that change them.
func (a Action) validateAssignedGrants(earlier []Action) error {
	if a.Kind != AssignRole {
		return nil
	}
	for _, e := range earlier {
		if e.Target.Kind != TargetGrants || e.Target.Role.ID == "" || e.Target.Role.ID != a.Target.Role.ID {
			continue
		}
		for name, depth := range e.After {
			if a.Target.Grants[name] != DepthOf(depth) {
				return fmt.Errorf("the grants of its role do not match action %s: %s", e.ID, name)
			}
		}
	}
	return nil
}

// validate returns an error if a target is incomplete, or has an invalid reference.
func (t Target) validate(earlier []Action) error {
	for _, ref := range []*Ref{t.Role, t.Copy, t.User, t.BusinessUnit, t.View, t.Principal, t.Owner} {
		if ref == nil {
			continue
		}
		for _, id := range []string{ref.ID, ref.ObjectID} {
			if id != "" && !IsID(id) {
				return fmt.Errorf("%q is not an id", id)
			}
		}
		creator := CreateRole
		if ref == t.User || ref == t.Principal {
			creator = CreateApplicationUser
		}
		made := slices.ContainsFunc(earlier, func(e Action) bool { return e.ID == ref.MadeBy && e.Kind == creator })
		if ref.MadeBy != "" && (ref.ID != "" || !made) {
			return fmt.Errorf("it refers to a row that action %q does not create", ref.MadeBy)
		}
	}
	if t.ApplicationID != "" && !IsID(t.ApplicationID) {
		return fmt.Errorf("%q is not an application id", t.ApplicationID)
	}
	for privilege, id := range t.Privileges {
		if !isPrivilegeName(privilege) || !IsID(id) {
			return fmt.Errorf("%q is not a privilege with the id %q", privilege, id)
		}
	}
	required := map[TargetKind][]*Ref{
		TargetRole:       {t.Role, t.BusinessUnit},
		TargetGrants:     {t.Role, t.BusinessUnit},
		TargetUser:       {t.User, t.BusinessUnit},
		TargetAssignment: {t.Role, t.Copy, t.User, t.BusinessUnit},
		TargetShare:      {t.View, t.Principal, t.Owner},
	}
	switch {
	case slices.Contains(required[t.Kind], nil):
		return errors.New("its target is incomplete")
	case t.Kind == TargetUser && t.ApplicationID == "" && t.User.ID == "":
		return errors.New("it does not name a user")
	case t.Kind == TargetAssignment && t.Role.MadeBy != "" && t.Copy.ID != "":
		return errors.New("it assigns a role that is not the created one")
	case t.Kind == TargetShare && t.Principal.Kind != "systemuser" && t.Principal.Kind != "team":
		return fmt.Errorf("a view cannot be shared with a %q", t.Principal.Kind)
	}
	return nil
}

func isPrivilegeName(name string) bool {
	return regexp.MustCompile(`^prv[A-Za-z0-9_]+$`).MatchString(name)
}

// IsID reports whether a text is an id as plans and journals have it: a GUID in lower case.
func IsID(text string) bool {
	const length = 36 // uuid.Validate accepts further forms
	return len(text) == length && uuid.Validate(text) == nil && strings.ToLower(text) == text
}
