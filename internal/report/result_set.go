package report

import (
	"iter"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"
	"unique"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// A resultSet is results, and how to prepare them for a renderer.
type resultSet struct {
	results []audit.Result
	convert func(audit.Result) audit.Result
}

// prepare returns a set of results with the text that the renderer expects.
func (r renderer) prepare(rs []audit.Result, o Options) *resultSet {
	convert := func(s string) string { return unique.Make(text.Line(s)).Value() } // results share most texts
	if r.keepsText {
		convert = validUTF8
	}
	return &resultSet{rs, func(result audit.Result) audit.Result {
		rewriteStrings(reflect.ValueOf(&result).Elem(), convert)
		fillNilLists(&result)
		if r.checkoutPaths && o.CheckoutPath != nil {
			for _, l := range locations(result) {
				l.Path = o.CheckoutPath(l.Path)
			}
		}
		return result
	}}
}

// all returns the prepared results. It prepares one at a time, to save memory.
func (s *resultSet) all() iter.Seq[audit.Result] {
	return func(yield func(audit.Result) bool) {
		for _, r := range s.results {
			if !yield(s.convert(r)) {
				return
			}
		}
	}
}

// validUTF8 replaces invalid bytes by U+FFFD, as JSON does.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// rewriteStrings applies convert to every string in v, after it copied what v refers to. Locations,
// evidence and fixes keep their strings, because paths and scripts need the real names.
func rewriteStrings(v reflect.Value, convert func(string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(convert(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			copied := reflect.New(v.Type().Elem())
			copied.Elem().Set(v.Elem())
			v.Set(copied)
			rewriteStrings(v.Elem(), convert)
		}
	case reflect.Slice:
		if !v.IsNil() {
			copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(copied, v)
			v.Set(copied)
		}
		for i := range v.Len() {
			rewriteStrings(v.Index(i), convert)
		}
	case reflect.Struct:
		switch v.Type() {
		case reflect.TypeFor[time.Time]():
			return
		case reflect.TypeFor[audit.Location](), reflect.TypeFor[audit.Fix]():
			convert = validUTF8
		}
		for i := range v.NumField() {
			rewriteStrings(v.Field(i), convert)
		}
	default:
	}
}

// locations returns the locations that a result names.
func locations(r audit.Result) []*audit.Location {
	var list []*audit.Location
	if r.Unread != nil {
		list = append(list, r.Unread.Location)
	}
	for _, c := range r.Controls {
		list = append(list, c.Location)
		for _, f := range c.Findings {
			list = append(list, f.Location)
		}
	}
	return slices.DeleteFunc(list, func(l *audit.Location) bool { return l == nil })
}

// fillNilLists makes missing lists empty, because the JSON format requires them.
func fillNilLists(r *audit.Result) {
	if r.Controls == nil {
		r.Controls = []audit.Control{}
	}
	for i := range r.Controls {
		c := &r.Controls[i]
		if c.Findings == nil {
			c.Findings = []audit.Finding{}
		}
		for j := range c.Findings {
			if c.Findings[j].Evidence == nil {
				c.Findings[j].Evidence = audit.Evidence{}
			}
		}
	}
}
