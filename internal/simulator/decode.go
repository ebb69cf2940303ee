package simulator

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A fileDecoder fills an environment from a document's values, and takes note of everything that does
// not fit: unknown keys, values of another type.
type fileDecoder struct {
	problems []problem
	// places tells where a privilege stands that the environment knows by its name alone: files group
	// privileges by depth.
	places map[string][]any
}

// A fileValue is a type that does not look in a file as it does in Go.
type fileValue interface {
	fromFile(d *fileDecoder, v any, path []any)
}

func (d *fileDecoder) failf(path []any, format string, args ...any) {
	d.problems = append(d.problems, problem{slices.Clone(path), fmt.Sprintf(format, args...)})
}

// decode fills into with a value. What is absent or null stays zero.
func (d *fileDecoder) decode(v any, into reflect.Value, path []any) {
	if v == nil {
		return
	}
	if custom, ok := into.Addr().Interface().(fileValue); ok {
		custom.fromFile(d, v, path)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		d.decodeStruct(v, into, path)
	case reflect.Slice:
		list, ok := v.([]any)
		if !ok {
			d.failf(path, "a list is expected here")
			return
		}
		into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
		for i, item := range list {
			d.decode(item, into.Index(i), append(path, i))
		}
	case reflect.Bool:
		b, ok := v.(bool)
		if !ok {
			d.failf(path, "true or false is expected here")
			return
		}
		into.SetBool(b)
	case reflect.String:
		into.SetString(d.text(v, path))
	default:
		d.failf(path, "nothing can be read into a %s", into.Type())
	}
}

func (d *fileDecoder) text(v any, path []any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number, bool:
		d.failf(path, "a text is expected here: put %v in quotes", v)
	default:
		d.failf(path, "a text is expected here")
	}
	return ""
}

func (d *fileDecoder) decodeStruct(v any, into reflect.Value, path []any) {
	members, ok := v.(map[string]any)
	if !ok {
		d.failf(path, "a mapping of keys is expected here: %s", strings.Join(fileKeys(into.Type()), ", "))
		return
	}
	keys := fileKeys(into.Type())
	for _, name := range sortedKeys(members) {
		i := slices.Index(keys, name)
		if i < 0 {
			d.failf(append(path, name), "unknown key %q; known here: %s", name, strings.Join(keys, ", "))
			continue
		}
		d.decode(members[name], into.Field(i), append(path, name))
	}
}

// fileKeys gives the key of each field of a type, in the fields' order.
func fileKeys(t reflect.Type) []string {
	keys := make([]string, 0, t.NumField())
	for f := range t.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		keys = append(keys, key)
	}
	return keys
}

func (d *Depth) fromFile(dec *fileDecoder, v any, path []any) {
	depth, ok := parseDepth(fmt.Sprint(v))
	if !ok {
		dec.failf(path, "%q is no depth: basic, local, deep, global or deepest", fmt.Sprint(v))
		return
	}
	*d = depth
}

// MarshalYAML writes a depth as its name.
func (d Depth) MarshalYAML() (any, error) { return d.String(), nil }

// fromFile reads a mapping of names to texts.
func (w *Words) fromFile(d *fileDecoder, v any, path []any) {
	members, ok := v.(map[string]any)
	if !ok {
		d.failf(path, "texts by name are expected here, as in {prvReadAccount: RecordFilter}")
		return
	}
	*w = Words{}
	for _, name := range sortedKeys(members) {
		(*w)[name] = d.text(members[name], append(path, name))
	}
}

// fromFile reads grants grouped by depth: {global: [prvReadAccount, …], basic: […]}. A list in a list
// stands for its items, so that long ones can be laid out in groups.
func (g *Grants) fromFile(d *fileDecoder, v any, path []any) {
	groups, ok := v.(map[string]any)
	if !ok {
		d.failf(path, "lists of privileges by depth are expected here, as in {global: [prvReadAccount]}")
		return
	}
	*g = Grants{}
	for _, name := range sortedKeys(groups) {
		depth, ok := parseDepth(name)
		if !ok {
			d.failf(append(path, name), "%q is no depth: basic, local, deep, global or deepest", name)
			continue
		}
		g.add(d, groups[name], depth, path, append(path, name))
	}
}

func (g *Grants) add(d *fileDecoder, v any, depth Depth, path, at []any) {
	switch v := v.(type) {
	case nil:
	case string:
		if _, twice := (*g)[v]; twice {
			d.failf(at, "%s is granted twice", v)
			return
		}
		(*g)[v] = depth
		d.places[pathKey(append(slices.Clone(path), v))] = slices.Clone(at)
	case []any:
		for i, item := range v {
			g.add(d, item, depth, path, append(slices.Clone(at), i))
		}
	default:
		d.failf(at, "names of privileges are expected here")
	}
}

// MarshalYAML writes grants grouped by depth, sorted.
func (g Grants) MarshalYAML() (any, error) {
	groups := map[string][]string{}
	for _, name := range sortedKeys(g) {
		groups[g[name].String()] = append(groups[g[name].String()], name)
	}
	return groups, nil
}

// fromFile reads a role's name alone, or a mapping with the business unit of the copy.
func (a *RoleAssignment) fromFile(d *fileDecoder, v any, path []any) {
	if name, ok := v.(string); ok {
		*a = RoleAssignment{Role: name}
		return
	}
	d.decodeStruct(v, reflect.ValueOf(a).Elem(), path)
	if a.Role == "" {
		d.failf(path, "the name of a role is expected here")
	}
}

// MarshalYAML writes a role's name alone where nothing else is to say.
func (a RoleAssignment) MarshalYAML() (any, error) {
	if a.BusinessUnit == "" {
		return a.Role, nil
	}
	type plain RoleAssignment
	return plain(a), nil
}

// fromFile reads a list of access rights.
func (r *Rights) fromFile(d *fileDecoder, v any, path []any) {
	names, ok := v.([]any)
	if !ok {
		d.failf(path, "a list of access rights is expected here")
		return
	}
	for i, name := range names {
		right, ok := parseRight(fmt.Sprint(name))
		if !ok {
			d.failf(append(path, i), "%q is no access right: read, write, append, append-to, create, delete, share or assign", fmt.Sprint(name))
			continue
		}
		*r |= right
	}
}

// MarshalYAML writes rights as a list of their names.
func (r Rights) MarshalYAML() (any, error) { return r.Names(), nil }

func pathKey(path []any) string { return fmt.Sprintf("%q", pathSteps(path)) }

// pathSteps are the steps of a path as a document takes them.
func pathSteps(path []any) []string {
	steps := make([]string, len(path))
	for i, step := range path {
		if n, ok := step.(int); ok {
			steps[i] = strconv.Itoa(n)
		} else {
			steps[i] = fmt.Sprint(step)
		}
	}
	return steps
}
