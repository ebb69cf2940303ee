package engine

import (
	"context"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/dbaudit/dbaudit/internal/profile"
)

// A question is a document of the policies, asked of many snapshots. What is the same for
// all of them is kept from the first: see [memory].
type question struct {
	document ast.Ref
	compiler *ast.Compiler
	data     storage.Store
	slots    chan *codec // the engine's
	waiting  waiting     // the engine's
	memory   *memory
}

// question prepares a document with some profiles as data.
func (e *Engine) question(document string, profiles ...profile.Profile) (*question, error) {
	ref, err := ast.ParseRef(document)
	if err != nil {
		return nil, fmt.Errorf("preparing the policies: %w", err)
	}
	return &question{
		document: ref, compiler: e.compiler, data: documents(e.platform, profiles...), slots: e.slots, waiting: e.waiting, memory: newMemory(),
	}, nil
}

// evaluate gives the value of the document, which is nil if it is undefined.
func (q *question) evaluate(ctx context.Context, input ast.Value, cache topdown.VirtualCache) (ast.Value, error) {
	txn, err := q.data.NewTransaction(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the profiles: %w", err)
	}
	defer q.data.Abort(ctx, txn)
	return answer(ctx, asking(q.document).WithCompiler(q.compiler).WithStore(q.data).WithTransaction(txn).
		WithInput(ast.NewTerm(input)).WithVirtualCache(cache).WithStrictBuiltinErrors(true))
}

// answerVar is the variable that has the value of the document in [asking].
const answerVar = ast.Var("answer")

// asking is the query for the value of a document. OPA's package rego would do the same, but
// it links what loads bundles, protobuf and a compiler to WebAssembly, which each start of
// the program pays for.
func asking(document ast.Ref) *topdown.Query {
	return topdown.NewQuery(ast.NewBody(ast.Equality.Expr(ast.NewTerm(answerVar), ast.NewTerm(document))))
}

// answer runs a query of [asking]. It is nil if the document is undefined.
func answer(ctx context.Context, q *topdown.Query) (ast.Value, error) {
	results, err := run(ctx, q)
	if err != nil || len(results) == 0 {
		return nil, err
	}
	return results[0][answerVar].Value, nil
}

// run runs a query until it is called off.
func run(ctx context.Context, q *topdown.Query) (topdown.QueryResultSet, error) {
	calledOff := topdown.NewCancel()
	defer context.AfterFunc(ctx, calledOff.Cancel)()
	return q.WithCancel(calledOff).Run(ctx)
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
func (e *Engine) judgement(p profile.Profile) (*question, error) {
	if q, ok := e.judging.Load(p.Digest); ok {
		return q.(*question), nil //nolint:forcetypeassert // nothing else is stored
	}
	profiles := []profile.Profile{p}
	if e.lint != nil && p.Name != e.lint.Name {
		profiles = append(profiles, *e.lint)
	}
	q, err := e.question(reportQuery, profiles...)
	if err != nil {
		return nil, err
	}
	kept, _ := e.judging.LoadOrStore(p.Digest, q)
	return kept.(*question), nil //nolint:forcetypeassert // nothing else is stored
}
