package engine

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// TestCacheablePackages proves that the cacheable rules and functions, and all rules that they refer
// to, read nothing of the input except the name of the profile.
func TestCacheablePackages(t *testing.T) {
	t.Parallel()
	_, compiler := checkedBuiltin(t)
	seen := map[*ast.Rule]bool{}
	var check func(of ast.Ref, rule *ast.Rule)
	check = func(of ast.Ref, rule *ast.Rule) {
		if seen[rule] {
			return
		}
		seen[rule] = true
		ast.WalkRefs(rule, func(ref ast.Ref) bool {
			switch {
			case ref.HasPrefix(ast.InputRootRef) && !ref.Equal(ast.MustParseRef("input.requirement.profile")):
				t.Errorf("%s is cacheable, but depends on %s (%s): move it to another package", of, ref, position(rule.Location))
			case ref.HasPrefix(ast.DefaultRootRef):
				for _, other := range compiler.GetRulesDynamic(ref) {
					check(of, other)
				}
			}
			return false
		})
	}
	packages := map[string]bool{}
	for _, m := range compiler.Modules {
		for _, rule := range m.Rules {
			if ref := rule.Ref().GroundPrefix(); isCacheable(ref) {
				packages[string(m.Package.Path[2].Value.(ast.String))] = true
				check(ref, rule)
			}
		}
	}
	if got := slices.Sorted(maps.Keys(packages)); !slices.Equal(got, cacheablePackages()) {
		t.Errorf("rules of %v are cacheable, want those of %v", got, cacheablePackages())
	}
}

// TestSharedCache proves that an evaluation finds the cacheable values of earlier ones, except
// inside a "with", which may replace the profile.
func TestSharedCache(t *testing.T) {
	t.Parallel()
	function := func(argument string) ast.Ref {
		return ast.Ref{ast.NewTerm(ast.MustParseRef("data.dbaudit.words.right")), ast.StringTerm(argument)}
	}
	rule, other := ast.MustParseRef("data.dbaudit.profile.minimum"), ast.MustParseRef("data.dbaudit.integration.role")
	m := newSharedCache()
	first := m.forEvaluation()
	first.Put(rule, ast.StringTerm("a rule's"))
	first.Put(function("x"), ast.StringTerm("x's"))
	first.Put(other, ast.StringTerm("of this input"))
	first.Put(ast.MustParseRef("data.dbaudit.profile.spellings"), nil)
	first.Push()
	first.Put(function("y"), ast.StringTerm("of another profile"))
	first.Pop()
	if got := m.forEvaluation(); cachedValue(got, rule) != "" {
		t.Error("a value was shared before the evaluation was merged")
	}
	m.merge(first)
	second := m.forEvaluation()
	second.Push()
	if got := cachedValue(second, rule); got != "" {
		t.Errorf("inside a with, the value is %s", got)
	}
	second.Pop()
	for _, want := range []struct {
		ref   ast.Ref
		value string
	}{{rule, `"a rule's"`}, {function("x"), `"x's"`}, {function("y"), ""}, {other, ""}, {ast.MustParseRef("data.dbaudit.profile.spellings"), ""}} {
		if got := cachedValue(second, want.ref); got != want.value {
			t.Errorf("%s is %q, want %q", want.ref, got, want.value)
		}
	}
	for i := range maxCached {
		second.Put(function(fmt.Sprint(i)), ast.StringTerm("more"))
	}
	m.merge(second)
	if third := m.forEvaluation(); cachedValue(third, rule) != "" || cachedValue(third, function("1")) == "" || m.count > maxCached {
		t.Errorf("a full cache was not emptied: %d values", m.count)
	}
}

func cachedValue(cache topdown.VirtualCache, ref ast.Ref) string {
	value, _ := cache.Get(ref)
	if value == nil {
		return ""
	}
	return value.String()
}
