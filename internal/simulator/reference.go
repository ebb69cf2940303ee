package simulator

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A refKind is what a reference may point to.
type refKind string

const (
	refID        refKind = "id" // of the thing itself
	refUnit      refKind = "business unit"
	refRole      refKind = "role"
	refUser      refKind = "user"
	refTeam      refKind = "team"
	refPrincipal refKind = "user or team"
)

// eachRef visits what the tags of an environment's structs call a reference or an id, with its
// path. Empty ones are not visited.
func eachRef(env *Environment, visit func(kind refKind, ref *string, path []string)) {
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

// A refTarget is something that can be referred to.
type refTarget struct {
	kind refKind
	id   string
	// names are other references to it, the preferred one first.
	names []string
	// implied targets are ignored if another has the same name: default teams are named like their unit.
	implied bool
}

func (t *refTarget) is(kind refKind) bool {
	return t.kind == kind || kind == refPrincipal && (t.kind == refUser || t.kind == refTeam)
}

// A refIndex resolves references. It has the targets by id and by name, in lower case.
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
		add(refTarget{kind: refTeam, id: t.ID, names: []string{t.Name}, implied: t.Default})
	}
	return x
}

// find returns the target of a reference: the one with this id, else the only one of this name.
func (x refIndex) find(kind refKind, ref string) (*refTarget, error) {
	found := pick(x[strings.ToLower(ref)], func(t *refTarget) bool { return t.is(kind) })
	for _, better := range []func(*refTarget) bool{
		func(t *refTarget) bool { return same(t.id, ref) },
		func(t *refTarget) bool { return !t.implied },
	} {
		if some := pick(found, better); len(some) > 0 {
			found = some
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("there is no %s %q", kind, ref)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%q could be any of %d: refer to the %s by id", ref, len(found), kind)
}

// id is the id of a reference's target, "" if the reference is empty or invalid.
func (x refIndex) id(kind refKind, ref string) string {
	if t, err := x.find(kind, ref); err == nil && ref != "" {
		return t.id
	}
	return ""
}

// name is the preferred unambiguous name of a reference's target, or its id.
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

// pinReferences replaces every reference by the id of its target, so that new names cannot change what
// it means. The environment must be normalised.
func pinReferences(env *Environment) { rewrite(env, refIndex.id) }

// nameReferences replaces every reference by an unambiguous name, if there is one, as a person writes
// it.
func nameReferences(env *Environment) { rewrite(env, refIndex.name) }

func rewrite(env *Environment, as func(x refIndex, kind refKind, ref string) string) {
	index := newRefIndex(env)
	eachRef(env, func(kind refKind, ref *string, _ []string) {
		if kind != refID {
			*ref = as(index, kind, *ref)
		}
	})
}
