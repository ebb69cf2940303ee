package simulator

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A refKind says what a reference may refer to. The ref tags of the structs of an Environment have it.
type refKind string

const (
	refID        refKind = "id" // not a reference, but the id of the struct itself
	refUnit      refKind = "business unit"
	refRole      refKind = "role"
	refUser      refKind = "user"
	refTeam      refKind = "team"
	refPrincipal refKind = "user or team"
)

// walkRefs visits each id and each reference of an environment that is not empty, with its path.
func walkRefs(env *Environment, visit func(kind refKind, ref *string, path []string)) {
	var walk func(v reflect.Value, kind refKind, path []string)
	walk = func(v reflect.Value, kind refKind, path []string) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				field := v.Type().Field(i)
				name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
				walk(v.Field(i), refKind(field.Tag.Get("ref")), append(slices.Clip(path), name))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), kind, append(slices.Clip(path), strconv.Itoa(i)))
			}
		case reflect.String:
			if kind != "" && v.String() != "" {
				visit(kind, v.Addr().Interface().(*string), path)
			}
		default:
		}
	}
	walk(reflect.ValueOf(env).Elem(), "", nil)
}

// A refTarget is a business unit, role, user or team to which a reference can refer.
type refTarget struct {
	kind  refKind
	id    string
	names []string // the preferred one first
	// isDefault is set for a default team, which has the name of its unit. Another target with the same name
	// takes precedence.
	isDefault bool
}

func (t *refTarget) matchesKind(kind refKind) bool {
	return t.kind == kind || kind == refPrincipal && (t.kind == refUser || t.kind == refTeam)
}

// A refIndex has the targets of references by id and by name, both in lower case.
type refIndex map[string][]*refTarget

func newRefIndex(env *Environment) refIndex {
	x := refIndex{}
	add := func(t refTarget) {
		t.id = strings.ToLower(t.id)
		for _, name := range append([]string{t.id}, t.names...) {
			name = strings.ToLower(name)
			if !slices.Contains(x[name], &t) {
				x[name] = append(x[name], &t)
			}
		}
	}
	for _, b := range env.BusinessUnits {
		add(refTarget{kind: refUnit, id: b.ID, names: []string{b.Name}})
	}
	for _, r := range env.Roles {
		add(refTarget{kind: refRole, id: r.ID, names: []string{r.Name}})
	}
	for _, u := range slices.Concat(env.Users, env.ApplicationUsers) {
		add(refTarget{kind: refUser, id: u.ID, names: []string{u.UPN, u.Name, u.ApplicationID}})
	}
	for _, t := range env.Teams {
		add(refTarget{kind: refTeam, id: t.ID, names: []string{t.Name}, isDefault: t.Default})
	}
	return x
}

// find returns the target of a reference: the one with this id, else the only one with this name.
func (x refIndex) find(kind refKind, ref string) (*refTarget, error) {
	found := filterSlice(x[strings.ToLower(ref)], func(t *refTarget) bool { return t.matchesKind(kind) })
	for _, isPreferred := range []func(*refTarget) bool{
		func(t *refTarget) bool { return sameRef(t.id, ref) },
		func(t *refTarget) bool { return !t.isDefault },
	} {
		if preferred := filterSlice(found, isPreferred); len(preferred) > 0 {
			found = preferred
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("there is no %s %q", kind, ref)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%q is ambiguous, it matches %d: refer to the %s by id", ref, len(found), kind)
}

// id returns the id of a reference's target, or "" if the reference is empty or invalid.
func (x refIndex) id(kind refKind, ref string) string {
	if t, err := x.find(kind, ref); err == nil && ref != "" {
		return t.id
	}
	return ""
}

// name returns the preferred unambiguous name of a reference's target, or its id.
func (x refIndex) name(kind refKind, ref string) string {
	t, err := x.find(kind, ref)
	if err != nil {
		return ref
	}
	for _, name := range t.names {
		if x.id(kind, name) == t.id {
			return name
		}
	}
	return t.id
}

// refsToIDs replaces each reference by the id of its target, so that later changes of names do not change
// the target. The environment must be normalized.
func refsToIDs(env *Environment) { rewriteRefs(env, refIndex.id) }

// refsToNames replaces each reference by an unambiguous name of its target if it has one.
func refsToNames(env *Environment) { rewriteRefs(env, refIndex.name) }

func rewriteRefs(env *Environment, replace func(x refIndex, kind refKind, ref string) string) {
	index := newRefIndex(env)
	walkRefs(env, func(kind refKind, ref *string, _ []string) {
		if kind != refID {
			*ref = replace(index, kind, *ref)
		}
	})
}
