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

// A resultSet holds the results to render, and prepares them for the renderer.
type resultSet struct {
	results []audit.Result
	convert func(audit.Result) audit.Result
}

// prepare returns a set of results with the text and the paths that the renderer expects.
func (r renderer) prepare(rs []audit.Result, o Options) *resultSet {
	convert := func(s string) string { return unique.Make(text.Line(s)).Value() } // results share most texts
	if r.keepsText {
		convert = validUTF8
	}
	path := validUTF8
	if r.checkoutPaths && o.CheckoutPath != nil {
		path = func(s string) string { return o.CheckoutPath(validUTF8(s)) }
	}
	return &resultSet{rs, func(result audit.Result) audit.Result {
		rewriteStrings(reflect.ValueOf(&result).Elem(), convert, path)
		fillNilLists(&result)
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

// rewriteStrings applies convert to every string in v, after it copied what v refers to. To locations,
// it applies path instead. Evidence and fixes keep their strings, because scripts need the real names.
func rewriteStrings(v reflect.Value, convert, path func(string) string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(convert(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			copied := reflect.New(v.Type().Elem())
			copied.Elem().Set(v.Elem())
			v.Set(copied)
			rewriteStrings(v.Elem(), convert, path)
		}
	case reflect.Slice:
		if !v.IsNil() {
			copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(copied, v)
			v.Set(copied)
		}
		for i := range v.Len() {
			rewriteStrings(v.Index(i), convert, path)
		}
	case reflect.Struct:
		switch v.Type() {
		case reflect.TypeFor[time.Time]():
			return
		case reflect.TypeFor[audit.Location]():
			convert = path
		case reflect.TypeFor[audit.Fix]():
			convert = validUTF8
		}
		for i := range v.NumField() {
			rewriteStrings(v.Field(i), convert, path)
		}
	default:
	}
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

// withDistinctNames appends the profile to the name of each environment that has several results,
// because some formats identify a result by that name. [Options.TargetFlags] still gets the original
// name.
func withDistinctNames(rs []audit.Result, o *Options) []audit.Result {
	profiles := map[audit.Environment]string{} // the first of each environment
	several := map[audit.Environment]bool{}    // environments with results of several profiles
	for _, r := range rs {
		env := withoutOrganization(r.Environment)
		first, known := profiles[env]
		if !known {
			profiles[env] = r.Profile.Name
		} else if first != r.Profile.Name {
			several[env] = true
		}
	}
	renamed := slices.Clone(rs)
	original := map[audit.Environment]string{} // names, by the renamed environment
	for i := range renamed {
		env := &renamed[i].Environment
		rewriteStrings(reflect.ValueOf(env).Elem(), text.Line, validUTF8)
		if several[withoutOrganization(rs[i].Environment)] {
			env.Name += " (" + text.Line(rs[i].Profile.Name) + ")"
			original[*env] = rs[i].Environment.Name
		}
	}
	if targetFlags := o.TargetFlags; targetFlags != nil && len(original) > 0 {
		o.TargetFlags = func(r audit.Result) []string {
			if name, ok := original[r.Environment]; ok {
				r.Environment.Name = name
			}
			return targetFlags(r)
		}
	}
	return renamed
}

// groupByEnvironment returns the indexes of the results of each environment. Two results of one
// profile are in separate groups.
func groupByEnvironment(rs []audit.Result) [][]int {
	var groups [][]int
	groupOf := map[audit.Environment]int{}
	for i, r := range rs {
		env := withoutOrganization(r.Environment)
		n, ok := groupOf[env]
		if ok && !slices.ContainsFunc(groups[n], func(j int) bool { return rs[j].Profile.Name == r.Profile.Name }) {
			groups[n] = append(groups[n], i)
			continue
		}
		groupOf[env] = len(groups)
		groups = append(groups, []int{i})
	}
	return groups
}

// withoutOrganization returns an environment as its results have it in common: a result that could not
// be read does not know the organization.
func withoutOrganization(e audit.Environment) audit.Environment {
	e.OrganizationID, e.OrganizationName = "", ""
	return e
}
