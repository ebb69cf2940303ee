package engine

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/dbaudit/dbaudit/internal/profile"
)

// A question is a document of the policies, asked of many snapshots. What is the same for
// all of them is kept from the first: see [memory].
type question struct {
	document string
	query    rego.PreparedEvalQuery
	slots    chan *codec // the engine's
	waiting  waiting     // the engine's
	memory   *memory
}

// question prepares a document with some profiles as data.
func (e *Engine) question(ctx context.Context, document string, profiles ...profile.Profile) (*question, error) {
	asIs := func(value *ast.Term, _ *rego.EvalContext) (any, error) { return value.Value, nil }
	query, err := rego.New(rego.Compiler(e.compiler), rego.Store(documents(e.platform, profiles...)), rego.Query(document),
		rego.StrictBuiltinErrors(true), rego.GenerateJSON(asIs)).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("preparing the policies: %w", err)
	}
	return &question{document: document, query: query, slots: e.slots, waiting: e.waiting, memory: newMemory()}, nil
}

// evaluate returns the value of the document, or nil if it is undefined.
func (q *question) evaluate(ctx context.Context, input ast.Value, cache topdown.VirtualCache) (ast.Value, error) {
	results, err := q.query.Eval(ctx, rego.EvalParsedInput(input), rego.EvalVirtualCache(cache))
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[0].Expressions[0].Value.(ast.Value), nil //nolint:forcetypeassert // see GenerateJSON
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
	kept, _ := e.judging.LoadOrStore(p.Digest, q)
	return kept.(*question), nil //nolint:forcetypeassert // nothing else is stored
}
