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

// A preparedQuery is a document of the policies, asked of many snapshots. What is the same for
// all of them is kept from the first: see [memory].
type preparedQuery struct {
	ref     string
	query   rego.PreparedEvalQuery
	codecs  chan *codec // the engine's
	workers workerPool  // the engine's
	cache   *sharedCache
}

// prepare prepares a document with some profiles as data.
func (e *Engine) prepare(ctx context.Context, document string, profiles ...profile.Profile) (*preparedQuery, error) {
	asIs := func(value *ast.Term, _ *rego.EvalContext) (any, error) { return value.Value, nil }
	query, err := rego.New(rego.Compiler(e.compiler), rego.Store(newStore(e.platform, profiles...)), rego.Query(document),
		rego.StrictBuiltinErrors(true), rego.GenerateJSON(asIs)).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("preparing the policies: %w", err)
	}
	return &preparedQuery{ref: document, query: query, codecs: e.codecs, workers: e.workers, cache: newSharedCache()}, nil
}

// eval returns the value of the document, or nil if it is undefined.
func (q *preparedQuery) eval(ctx context.Context, input ast.Value, cache topdown.VirtualCache) (ast.Value, error) {
	results, err := q.query.Eval(ctx, rego.EvalParsedInput(input), rego.EvalVirtualCache(cache))
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[0].Expressions[0].Value.(ast.Value), nil //nolint:forcetypeassert // see GenerateJSON
}

// newStore are the data that the policies read beside the input.
func newStore(platform any, profiles ...profile.Profile) storage.Store {
	data := map[string]any{}
	for _, p := range profiles {
		data[p.Name] = p.Data()
	}
	return inmem.NewFromObjectWithOpts(map[string]any{"profiles": data, "platform": platform}, inmem.OptReturnASTValuesOnRead(true))
}

// reportQuery is the question for the report of snapshots that a profile judges.
func (e *Engine) reportQuery(ctx context.Context, p profile.Profile) (*preparedQuery, error) {
	if q, ok := e.reportQueries.Load(p.Digest); ok {
		return q.(*preparedQuery), nil //nolint:forcetypeassert // nothing else is stored
	}
	profiles := []profile.Profile{p}
	if e.lintProfile != nil && p.Name != e.lintProfile.Name {
		profiles = append(profiles, *e.lintProfile)
	}
	q, err := e.prepare(ctx, reportRef, profiles...)
	if err != nil {
		return nil, err
	}
	kept, _ := e.reportQueries.LoadOrStore(p.Digest, q)
	return kept.(*preparedQuery), nil //nolint:forcetypeassert // nothing else is stored
}
