package engine

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A codec knows the members of the types that it met. It is for one goroutine.
type codec map[reflect.Type][]member

type member struct {
	name      string
	omitempty bool
}

func (c codec) members(t reflect.Type) []member {
	if known, ok := c[t]; ok {
		return known
	}
	members := make([]member, t.NumField())
	for i := range members {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		members[i] = member{name, options == "omitempty"}
	}
	c[t] = members
	return members
}

// encode makes the policies' form of a Go value: what encoding/json and OPA's reader make
// of it together, in a fifth of the time. A snapshot is made of what is known here.
func (c codec) encode(v reflect.Value) (*ast.Term, error) {
	if text, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, err := text.MarshalText()
		return ast.StringTerm(string(b)), err
	}
	switch v.Kind() { //nolint:exhaustive // the rest is refused
	case reflect.String:
		return ast.StringTerm(v.String()), nil
	case reflect.Bool:
		return ast.BooleanTerm(v.Bool()), nil
	case reflect.Int:
		return ast.IntNumberTerm(int(v.Int())), nil
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
		for entry := v.MapRange(); entry.Next(); {
			key, err := c.encode(entry.Key())
			if err != nil {
				return nil, err
			}
			value, err := c.encode(entry.Value())
			if err != nil {
				return nil, err
			}
			object.Insert(key, value)
		}
		return ast.NewTerm(object), nil
	case reflect.Struct:
		object := ast.NewObjectWithCapacity(v.NumField())
		for i, m := range c.members(v.Type()) {
			if m.omitempty && empty(v.Field(i)) {
				continue
			}
			value, err := c.encode(v.Field(i))
			if err != nil {
				return nil, err
			}
			object.Insert(ast.InternedTerm(m.name), value)
		}
		return ast.NewTerm(object), nil
	}
	return nil, fmt.Errorf("%s has no form in the policies", v.Type())
}

func empty(v reflect.Value) bool {
	if kind := v.Kind(); kind == reflect.Map || kind == reflect.Slice {
		return v.Len() == 0
	}
	return v.IsZero()
}

// decode reads a value of the policies into a Go value, as encoding/json would. A member
// that the Go value does not have is an error.
func (c codec) decode(value ast.Value, into reflect.Value) error {
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
		plain, err := ast.JSONWithOpt(value, ast.JSONOpt{SortSets: true})
		into.Set(reflect.ValueOf(plain))
		return err
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
		return c.object(value, into)
	case reflect.Struct:
		return c.structure(value, into)
	}
	return unlike(value, into)
}

func unlike(value ast.Value, into reflect.Value) error {
	return fmt.Errorf("%v is not a %s", value, into.Type())
}

func (c codec) list(value ast.Value, into reflect.Value) error {
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

func (c codec) object(value ast.Value, into reflect.Value) error {
	object, ok := value.(ast.Object)
	if !ok {
		return unlike(value, into)
	}
	into.Set(reflect.MakeMapWithSize(into.Type(), object.Len()))
	return object.Iter(func(key, value *ast.Term) error {
		k, v := reflect.New(into.Type().Key()).Elem(), reflect.New(into.Type().Elem()).Elem()
		if err := errors.Join(c.decode(key.Value, k), c.decode(value.Value, v)); err != nil {
			return err
		}
		into.SetMapIndex(k, v)
		return nil
	})
}

func (c codec) structure(value ast.Value, into reflect.Value) error {
	object, ok := value.(ast.Object)
	if !ok {
		return unlike(value, into)
	}
	return object.Iter(func(key, value *ast.Term) error {
		for i, m := range c.members(into.Type()) {
			if key.Value.Compare(ast.String(m.name)) == 0 {
				return c.decode(value.Value, into.Field(i))
			}
		}
		return fmt.Errorf("there is no member %v in a %s", key, into.Type())
	})
}
