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
// path. What is left out is not visited.
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
	// names are what it answers to beside its id, the preferred one first.
	names []string
	// implied targets give way to others of the same name: default teams are called like their unit.
	implied bool
}

// A refIndex resolves references, by name or id, to ids.
type refIndex struct {
	byName map[string][]*refTarget
	byID   map[string]*refTarget
}

func newRefIndex(env *Environment) *refIndex {
	x := &refIndex{byName: map[string][]*refTarget{}, byID: map[string]*refTarget{}}
	add := func(t refTarget) {
		t.id = strings.ToLower(t.id)
		x.byID[t.id] = &t
		for _, name := range t.names {
			name = strings.ToLower(name)
			if name != "" && !slices.Contains(x.byName[name], &t) {
				x.byName[name] = append(x.byName[name], &t)
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

func (k refKind) accepts(t *refTarget) bool {
	return t.kind == k || k == refPrincipal && (t.kind == refUser || t.kind == refTeam)
}

// resolve gives the id that a reference points to. The empty reference resolves to the empty id.
func (x *refIndex) resolve(kind refKind, ref string) (string, error) {
	if ref == "" {
		return "", nil
	}
	if t := x.byID[strings.ToLower(ref)]; t != nil && kind.accepts(t) {
		return t.id, nil
	}
	var found, implied []*refTarget
	for _, t := range x.byName[strings.ToLower(ref)] {
		switch {
		case !kind.accepts(t):
		case t.implied:
			implied = append(implied, t)
		default:
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		found = implied
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("there is no %s %q", kind, ref)
	case 1:
		return found[0].id, nil
	default:
		return "", fmt.Errorf("%q could be any of %d: refer to the %s by id", ref, len(found), kind)
	}
}

// id gives the id that a reference points to, the reference itself if there is none.
func (x *refIndex) id(kind refKind, ref string) string {
	if id, err := x.resolve(kind, ref); err == nil {
		return id
	}
	return ref
}

// name gives the preferred unambiguous name for what a reference points to, its id if there is none.
func (x *refIndex) name(kind refKind, ref string) string {
	id, err := x.resolve(kind, ref)
	if err != nil {
		return ref
	}
	for _, name := range x.byID[id].names {
		if again, err := x.resolve(kind, name); err == nil && again == id && name != "" {
			return name
		}
	}
	return id
}

// pinReferences replaces every reference by the id that it points to, so that renaming or adding
// things cannot change what a reference means. The environment must be normalised.
func pinReferences(env *Environment) { rewrite(env, (*refIndex).id) }

// nameReferences replaces every reference by a name, where one is unambiguous, as a person writes it.
func nameReferences(env *Environment) { rewrite(env, (*refIndex).name) }

func rewrite(env *Environment, as func(x *refIndex, kind refKind, ref string) string) {
	index := newRefIndex(env)
	eachRef(env, func(kind refKind, ref *string, _ []string) {
		if kind != refID {
			*ref = as(index, kind, *ref)
		}
	})
}
