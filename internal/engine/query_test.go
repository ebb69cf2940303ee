package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// TestLastingRules proves what the engine takes for granted of the rules and functions whose
// values it keeps: neither they nor what they refer to read anything of the input but the
// name of the profile.
func TestLastingRules(t *testing.T) {
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
				t.Errorf("%s lasts, and depends on %s (%s): put it into another package", of, ref, position(rule.Location))
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
		t.Errorf("rules of %v last, want those of %v", got, cacheablePackages())
	}
}

// TestLastingValuesAreKept: what one evaluation finds out that lasts, the next begins with,
// but not within a statement "with", which may change the profile.
func TestLastingValuesAreKept(t *testing.T) {
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
	first.Put(ast.MustParseRef("data.dbaudit.profile.spelt"), nil)
	first.Push()
	first.Put(function("y"), ast.StringTerm("of another profile"))
	first.Pop()
	if got := m.forEvaluation(); valueOf(got, rule) != "" {
		t.Error("an evaluation that was not learnt from has taught something")
	}
	m.merge(first)
	second := m.forEvaluation()
	second.Push()
	if got := valueOf(second, rule); got != "" {
		t.Errorf("within a statement with, the profile's is %s", got)
	}
	second.Pop()
	for _, want := range []struct {
		ref   ast.Ref
		value string
	}{{rule, `"a rule's"`}, {function("x"), `"x's"`}, {function("y"), ""}, {other, ""}, {ast.MustParseRef("data.dbaudit.profile.spelt"), ""}} {
		if got := valueOf(second, want.ref); got != want.value {
			t.Errorf("%s is %q, want %q", want.ref, got, want.value)
		}
	}
	for i := range maxCached {
		second.Put(function(fmt.Sprint(i)), ast.StringTerm("more"))
	}
	m.merge(second)
	if third := m.forEvaluation(); valueOf(third, rule) != "" || valueOf(third, function("1")) == "" || m.count > maxCached {
		t.Errorf("a full memory was not emptied: %d values", m.count)
	}
}

// TestWaitingEnds: whoever waits until others were judged is not held when called off.
func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q := &preparedQuery{codecs: make(chan *codec)} // none is free
	if err := q.evaluate(ctx, snapshot.New(), 0, &report{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestWorkIsDoneWhereWorkWasDone: a goroutine that has evaluated evaluates again, on the stack
// that has grown, and ends when nothing more comes.
func TestWorkIsDoneWhereWorkWasDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine remains
		w := make(workerPool)
		done := make(chan string, 2)
		w.run(func() { done <- "first" })
		synctest.Wait()
		select {
		case w <- func() { done <- "second" }:
		default:
			t.Error("nothing waits for more work")
		}
		for _, want := range []string{"first", "second"} {
			if got := <-done; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		time.Sleep(idleTimeout)
	})
}

func valueOf(cache topdown.VirtualCache, ref ast.Ref) string {
	value, _ := cache.Get(ref)
	if value == nil {
		return ""
	}
	return value.String()
}
