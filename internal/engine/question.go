package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/dbaudit/dbaudit/internal/profile"
)

// A question is a document of the policies, asked of many snapshots. The values of rules
// that are the same for all of them are kept from the first: see [lasting].
type question struct {
	document string
	query    rego.PreparedEvalQuery
	slots    chan struct{} // the engine's
	lasting  []ast.Ref

	mu     sync.Mutex
	values map[int]*ast.Term // by the place in lasting
}

// question prepares a document with some profiles as data.
func (e *Engine) question(ctx context.Context, document string, profiles ...profile.Profile) (*question, error) {
	asIs := func(value *ast.Term, _ *rego.EvalContext) (any, error) { return value.Value, nil }
	query, err := rego.New(rego.Compiler(e.compiler), rego.Store(documents(e.platform, profiles...)), rego.Query(document),
		rego.StrictBuiltinErrors(true), rego.GenerateJSON(asIs)).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("preparing the policies: %w", err)
	}
	return &question{document: document, query: query, slots: e.slots, values: map[int]*ast.Term{}}, nil
}

// documents are the data that the policies read beside the input.
func documents(platform any, profiles ...profile.Profile) storage.Store {
	data := map[string]any{}
	for _, p := range profiles {
		data[p.Name] = p.Data()
	}
	return inmem.NewFromObjectWithOpts(map[string]any{"profiles": data, "platform": platform}, inmem.OptReturnASTValuesOnRead(true))
}

// judgement is the question for the report of snapshots that a profile judges.
func (e *Engine) judgement(ctx context.Context, p profile.Profile) (*question, error) {
	if q, ok := e.judging.Load(p.Digest); ok {
		return q.(*question), nil //nolint:forcetypeassert // nothing else is stored
	}
	profiles := []profile.Profile{p}
	if e.lint != nil && p.Name != e.lint.Name {
		profiles = append(profiles, *e.lint)
	}
	q, err := e.question(ctx, reportQuery, profiles...)
	if err != nil {
		return nil, err
	}
	q.lasting = e.lasting()
	kept, _ := e.judging.LoadOrStore(p.Digest, q)
	return kept.(*question), nil //nolint:forcetypeassert // nothing else is stored
}

// lasting are the rules whose value is the same for all snapshots that a profile judges:
// those of two packages, functions aside, which read the profile and nothing else.
// TestLastingRules holds that they do.
func (e *Engine) lasting() []ast.Ref {
	var refs []ast.Ref
	for _, m := range e.compiler.Modules {
		if !slices.Contains(lastingPackages(), m.Package.Path.String()) {
			continue
		}
		for _, rule := range m.Rules {
			if len(rule.Head.Args) == 0 {
				refs = append(refs, rule.Ref())
			}
		}
	}
	return refs
}

func lastingPackages() []string {
	return []string{"data.dbaudit.catalogue", "data.dbaudit.profile"}
}

// known is a cache for one evaluation with what is known from others.
func (q *question) known() topdown.VirtualCache {
	cache := topdown.NewVirtualCache()
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, value := range q.values {
		cache.Put(q.lasting[i], value)
	}
	return cache
}

// learn keeps what an evaluation found out that lasts.
func (q *question) learn(cache topdown.VirtualCache) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, ref := range q.lasting {
		if q.values[i] != nil {
			continue
		}
		if value, _ := cache.Get(ref); value != nil {
			q.values[i] = value
		}
	}
}
