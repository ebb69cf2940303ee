package engine

import (
	"context"
	"errors"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// TestLastingRules proves what the engine takes for granted of the rules whose values it
// keeps: neither they nor what they refer to read anything of the input but the name of
// the profile.
func TestLastingRules(t *testing.T) {
	t.Parallel()
	_, compiler := checkedOwn(t)
	e := &Engine{compiler: compiler}
	refs := e.lasting()
	if len(refs) == 0 {
		t.Fatal("no rule lasts")
	}
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
				t.Errorf("%s lasts, and depends on %s (%s): put it into another package", of, ref, place(rule.Location))
			case ref.HasPrefix(ast.DefaultRootRef):
				for _, other := range compiler.GetRulesDynamic(ref) {
					check(of, other)
				}
			}
			return false
		})
	}
	for _, ref := range refs {
		for _, rule := range compiler.GetRulesExact(ref) {
			check(ref, rule)
		}
	}
	if len(seen) <= len(refs) {
		t.Errorf("of %d refs, %d rules were seen", len(refs), len(seen))
	}
}

// TestLastingValuesAreKept: what one evaluation finds out that lasts, the next begins with.
func TestLastingValuesAreKept(t *testing.T) {
	t.Parallel()
	q := &question{lasting: []ast.Ref{ast.MustParseRef("data.a.x"), ast.MustParseRef("data.a.y")}, values: map[int]*ast.Term{}}
	first := q.known()
	first.Put(ast.MustParseRef("data.a.x"), ast.StringTerm("found"))
	first.Put(ast.MustParseRef("data.b.z"), ast.StringTerm("of this input"))
	q.learn(first)
	second := q.known()
	for ref, want := range map[string]string{"data.a.x": `"found"`, "data.a.y": "", "data.b.z": ""} {
		if got := valueOf(second, ref); got != want {
			t.Errorf("%s is %q, want %q", ref, got, want)
		}
	}
}

// TestWaitingEnds: whoever waits until others were judged is not held when called off.
func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q := &question{slots: make(chan struct{})} // none is free
	if err := q.ask(ctx, snapshot.New(), 0, &report{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func valueOf(cache topdown.VirtualCache, ref string) string {
	value, _ := cache.Get(ast.MustParseRef(ref))
	if value == nil {
		return ""
	}
	return value.String()
}
