package engine

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A preparedQuery evaluates one document of the policies for many snapshots. Its cache keeps the
// values that are the same for all of them.
type preparedQuery struct {
	ref     string
	query   rego.PreparedEvalQuery
	codecs  chan *codec // the engine's
	workers workerPool  // the engine's
	cache   *sharedCache
}

func (e *Engine) prepare(ctx context.Context, ref string, profiles ...profile.Profile) (*preparedQuery, error) {
	astValue := func(value *ast.Term, _ *rego.EvalContext) (any, error) { return value.Value, nil }
	query, err := rego.New(rego.Compiler(e.compiler), rego.Store(newStore(e.platform, profiles...)), rego.Query(ref),
		rego.StrictBuiltinErrors(true), rego.GenerateJSON(astValue)).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("preparing the policies: %w", err)
	}
	return &preparedQuery{ref: ref, query: query, codecs: e.codecs, workers: e.workers, cache: newSharedCache()}, nil
}

// eval returns the value of the query, or nil if it is undefined.
func (q *preparedQuery) eval(ctx context.Context, input ast.Value, cache topdown.VirtualCache) (ast.Value, error) {
	results, err := q.query.Eval(ctx, rego.EvalParsedInput(input), rego.EvalVirtualCache(cache))
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[0].Expressions[0].Value.(ast.Value), nil //nolint:forcetypeassert // prepare generates AST values
}

func (q *preparedQuery) evaluate(ctx context.Context, s *snapshot.Snapshot, limit time.Duration, into any) error {
	var c *codec
	select {
	case c = <-q.codecs:
		defer func() { q.codecs <- c }()
	case <-ctx.Done():
		return ctx.Err()
	}
	input, err := c.encode(reflect.ValueOf(*s))
	if err != nil {
		return fmt.Errorf("preparing the policies' input: %w", err)
	}
	cache := q.cache.forEvaluation()
	value, err := q.workers.evaluate(ctx, cmp.Or(limit, DefaultLimit), func(ctx context.Context) (ast.Value, error) {
		return q.eval(ctx, input.Value, cache)
	})
	switch {
	case err != nil:
		return fmt.Errorf("evaluating the policies: %w", err)
	case value == nil:
		return fmt.Errorf("evaluating the policies: %s is undefined", q.ref)
	}
	q.cache.merge(cache)
	if err := c.decode(value, reflect.ValueOf(into).Elem()); err != nil {
		return fmt.Errorf("a policy reports a value of the wrong form: %w", err)
	}
	return nil
}

func newStore(platform any, profiles ...profile.Profile) storage.Store {
	data := map[string]any{}
	for _, p := range profiles {
		data[p.Name] = p.Data()
	}
	return inmem.NewFromObjectWithOpts(map[string]any{"profiles": data, "platform": platform}, inmem.OptReturnASTValuesOnRead(true))
}

func (e *Engine) reportQuery(ctx context.Context, p profile.Profile) (*preparedQuery, error) {
	if q, ok := e.reportQueries.Load(p.Digest); ok {
		return q.(*preparedQuery), nil //nolint:forcetypeassert // nothing else is stored
	}
	q, err := e.prepare(ctx, reportRef, e.lintProfile, p) // a profile replaces an earlier one of its name
	if err != nil {
		return nil, err
	}
	kept, _ := e.reportQueries.LoadOrStore(p.Digest, q)
	return kept.(*preparedQuery), nil //nolint:forcetypeassert // nothing else is stored
}
