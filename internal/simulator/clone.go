package simulator

import (
	"maps"
	"reflect"
)

// Clone returns a deep copy of the environment.
func (e *Environment) Clone() *Environment {
	return clone(reflect.ValueOf(e).Elem()).Addr().Interface().(*Environment)
}

func clone(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch m := v.Interface().(type) {
	case Grants:
		c.Set(reflect.ValueOf(maps.Clone(m)))
	case map[string]string:
		c.Set(reflect.ValueOf(maps.Clone(m)))
	}
	if v.Kind() == reflect.Slice && !v.IsNil() {
		c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			c.Index(i).Set(clone(v.Index(i)))
		}
	}
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			c.Field(i).Set(clone(v.Field(i)))
		}
	}
	return c
}
