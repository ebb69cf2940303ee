package engine

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A codec turns Go values into those of the policies, and back. It remembers the types that
// it met, and the texts: snapshots are made of few. It is for one goroutine at a time.
type codec struct {
	forms      map[reflect.Type]form
	texts      map[string]*ast.Term
	words      map[number]*ast.Term
	privileges map[levels]*ast.Term
}

// A number is a value of an enumeration.
type number struct {
	of    reflect.Type
	value int64
}

// levels are those at which a privilege without an id can be granted, which is from a
// solution's files. Few lists of levels occur.
type levels struct {
	count int
	of    [4]audit.Depth
}

// A form is how values of a type appear in the policies.
type form struct {
	text    bool // what MarshalText says
	members []member
}

type member struct {
	name      *ast.Term
	omitempty bool
}

// maxTexts bounds what is remembered.
const maxTexts = 20_000

func newCodec() *codec {
	return &codec{map[reflect.Type]form{}, map[string]*ast.Term{}, map[number]*ast.Term{}, map[levels]*ast.Term{}}
}

func (c *codec) form(t reflect.Type) form {
	f, known := c.forms[t]
	if known {
		return f
	}
	f.text = t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			f.members = append(f.members, member{c.text(name), options == "omitempty"})
		}
	}
	c.forms[t] = f
	return f
}

func (c *codec) text(s string) *ast.Term {
	term, known := c.texts[s]
	if !known {
		if len(c.texts) == maxTexts {
			clear(c.texts)
		}
		s = strings.Clone(s) // which may be part of a large file
		term = ast.StringTerm(s)
		c.texts[s] = term
	}
	return term
}

// encode makes the policies' form of a Go value: what encoding/json and OPA's reader make
// of it together, in a tenth of the time. A snapshot is made of what is known here.
func (c *codec) encode(v reflect.Value) (*ast.Term, error) {
	f := c.form(v.Type())
	if f.text {
		return c.word(v)
	}
	switch v.Kind() { //nolint:exhaustive // the rest is refused
	case reflect.String:
		return c.text(v.String()), nil
	case reflect.Bool:
		return ast.InternedTerm(v.Bool()), nil
	case reflect.Int:
		return ast.InternedTerm(v.Int()), nil
	case reflect.Slice:
		terms := make([]*ast.Term, v.Len())
		for i := range terms {
			var err error
			if terms[i], err = c.encode(v.Index(i)); err != nil {
				return nil, err
			}
		}
		return ast.ArrayTerm(terms...), nil
	case reflect.Map:
		object := ast.NewObjectWithCapacity(v.Len())
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		for entry := v.MapRange(); entry.Next(); {
			k.SetIterKey(entry)
			e.SetIterValue(entry)
			key, err := c.encode(k)
			if err != nil {
				return nil, err
			}
			value, err := c.encode(e)
			if err != nil {
				return nil, err
			}
			object.Insert(key, value)
		}
		return ast.NewTerm(object), nil
	case reflect.Struct:
		if p, ok := reflect.TypeAssert[snapshot.Privilege](v); ok && p.ID == "" {
			return c.privilege(p, f)
		}
		return c.members(v, f)
	}
	return nil, fmt.Errorf("%s has no form in the policies", v.Type())
}

func (c *codec) members(v reflect.Value, f form) (*ast.Term, error) {
	object := ast.NewObjectWithCapacity(v.NumField())
	for i, m := range f.members {
		if m.omitempty && empty(v.Field(i)) {
			continue
		}
		value, err := c.encode(v.Field(i))
		if err != nil {
			return nil, err
		}
		object.Insert(m.name, value)
	}
	return ast.NewTerm(object), nil
}

// privilege encodes a privilege without an id, or gives what it made of one that is equal.
func (c *codec) privilege(p snapshot.Privilege, f form) (*ast.Term, error) {
	l := levels{count: len(p.Depths)}
	if copy(l.of[:], p.Depths) < l.count {
		return c.members(reflect.ValueOf(p), f)
	}
	term, known := c.privileges[l]
	if !known {
		var err error
		if term, err = c.members(reflect.ValueOf(p), f); err != nil {
			return nil, err
		}
		c.privileges[l] = term
	}
	return term, nil
}

// word encodes what MarshalText says of a value.
func (c *codec) word(v reflect.Value) (*ast.Term, error) {
	var n number
	if v.CanInt() {
		n = number{v.Type(), v.Int()}
		if term, known := c.words[n]; known {
			return term, nil
		}
	}
	b, err := v.Interface().(encoding.TextMarshaler).MarshalText() //nolint:forcetypeassert // its form says so
	if err != nil {
		return nil, err
	}
	term := c.text(string(b))
	if v.CanInt() {
		c.words[n] = term
	}
	return term, nil
}

func empty(v reflect.Value) bool {
	if kind := v.Kind(); kind == reflect.Map || kind == reflect.Slice {
		return v.Len() == 0
	}
	return v.IsZero()
}

// decode reads a value of the policies into a Go value, as encoding/json would. A member
// that the Go value does not have is an error.
func (c *codec) decode(value ast.Value, into reflect.Value) error {
	if _, null := value.(ast.Null); null {
		return nil
	}
	if text, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		s, ok := value.(ast.String)
		if !ok {
			return unlike(value, into)
		}
		return text.UnmarshalText([]byte(s))
	}
	switch into.Kind() { //nolint:exhaustive // the rest is refused
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return c.decode(value, into.Elem())
	case reflect.Interface:
		return plain(value, into)
	case reflect.String:
		if s, ok := value.(ast.String); ok {
			into.SetString(string(s))
			return nil
		}
	case reflect.Bool:
		if b, ok := value.(ast.Boolean); ok {
			into.SetBool(bool(b))
			return nil
		}
	case reflect.Int:
		if n, ok := value.(ast.Number); ok {
			if i, ok := n.Int(); ok {
				into.SetInt(int64(i))
				return nil
			}
		}
	case reflect.Slice:
		return c.list(value, into)
	case reflect.Map:
		if into.Type().Elem().Kind() == reflect.Interface {
			return plain(value, into)
		}
		return c.object(value, into)
	case reflect.Struct:
		return c.structure(value, into)
	}
	return unlike(value, into)
}

// plain decodes what has no type of its own.
func plain(value ast.Value, into reflect.Value) error {
	v, err := ast.JSONWithOpt(value, ast.JSONOpt{SortSets: true})
	if err != nil {
		return err
	}
	found := reflect.ValueOf(v)
	if !found.CanConvert(into.Type()) {
		return unlike(value, into)
	}
	into.Set(found.Convert(into.Type()))
	return nil
}

func unlike(value ast.Value, into reflect.Value) error {
	return fmt.Errorf("%v is not a %s", value, into.Type())
}

func (c *codec) list(value ast.Value, into reflect.Value) error {
	elements, ok := elements(value)
	if !ok {
		return unlike(value, into)
	}
	into.Set(reflect.MakeSlice(into.Type(), len(elements), len(elements)))
	for i, element := range elements {
		if err := c.decode(element.Value, into.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

// elements are those of an array or a set, in order.
func elements(value ast.Value) ([]*ast.Term, bool) {
	switch value := value.(type) {
	case *ast.Array:
		terms := make([]*ast.Term, value.Len())
		for i := range terms {
			terms[i] = value.Elem(i)
		}
		return terms, true
	case ast.Set:
		return value.Slice(), true
	}
	return nil, false
}

func (c *codec) object(value ast.Value, into reflect.Value) error {
	object, ok := value.(ast.Object)
	if !ok {
		return unlike(value, into)
	}
	into.Set(reflect.MakeMapWithSize(into.Type(), object.Len()))
	k, v := reflect.New(into.Type().Key()).Elem(), reflect.New(into.Type().Elem()).Elem()
	return object.Iter(func(key, value *ast.Term) error {
		k.SetZero()
		v.SetZero()
		if err := errors.Join(c.decode(key.Value, k), c.decode(value.Value, v)); err != nil {
			return err
		}
		into.SetMapIndex(k, v)
		return nil
	})
}

func (c *codec) structure(value ast.Value, into reflect.Value) error {
	object, ok := value.(ast.Object)
	if !ok {
		return unlike(value, into)
	}
	members := c.form(into.Type()).members
	unknown := object.Len()
	for i, m := range members {
		if value := object.Get(m.name); value != nil {
			unknown--
			if err := c.decode(value.Value, into.Field(i)); err != nil {
				return err
			}
		}
	}
	if unknown == 0 {
		return nil
	}
	return object.Iter(func(key, _ *ast.Term) error {
		if slices.ContainsFunc(members, func(m member) bool { return m.name.Equal(key) }) {
			return nil
		}
		return fmt.Errorf("a %[2]s does not have the member %[1]v", key, into.Type())
	})
}
