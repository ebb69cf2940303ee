package collector_test

import (
	"context"
	"encoding/json"
	"iter"
	"sync"
	"time"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A recording has the responses of an environment. Its recorder adds to it, its player replays it.
type recording struct {
	mu        sync.Mutex
	responses map[dataverse.Request]response
	delay     time.Duration    // of each replayed response
	fallback  collector.Reader // reads what was not recorded
}

type response struct {
	rows []json.RawMessage
	err  error
}

func newRecording(l *lab) *recording {
	return &recording{responses: map[dataverse.Request]response{}, fallback: l.client}
}

// record returns a reader that records the responses of another.
func (rec *recording) record(r collector.Reader) collector.Reader { return recorder{rec, r} }

// replay returns a reader that returns the recorded responses.
func (rec *recording) replay() collector.Reader { return player{rec} }

func (rec *recording) add(q dataverse.Request, r response) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.responses[q] = r
}

func (rec *recording) lookUp(q dataverse.Request) (response, bool) {
	rec.mu.Lock()
	r, ok := rec.responses[q]
	rec.mu.Unlock()
	if rec.delay > 0 {
		time.Sleep(rec.delay)
	}
	return r, ok
}

// yieldTo yields the rows, then the error.
func (r response) yieldTo(yield func(json.RawMessage, error) bool) {
	for _, row := range r.rows {
		if !yield(row, nil) {
			return
		}
	}
	if r.err != nil {
		yield(nil, r.err)
	}
}

type recorder struct {
	*recording
	from collector.Reader
}

func (r recorder) Rows(ctx context.Context, q dataverse.Request) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		var got response
		for row, err := range r.from.Rows(ctx, q) {
			if err != nil {
				got.err = err
				break
			}
			got.rows = append(got.rows, row)
		}
		r.add(q, got)
		got.yieldTo(yield)
	}
}

func (r recorder) Get(ctx context.Context, q dataverse.Request) (json.RawMessage, error) {
	data, err := r.from.Get(ctx, q)
	r.add(q, response{[]json.RawMessage{data}, err})
	return data, err
}

type player struct{ *recording }

func (p player) Rows(ctx context.Context, q dataverse.Request) iter.Seq2[json.RawMessage, error] {
	if r, ok := p.lookUp(q); ok {
		return r.yieldTo
	}
	return p.fallback.Rows(ctx, q)
}

func (p player) Get(ctx context.Context, q dataverse.Request) (json.RawMessage, error) {
	r, ok := p.lookUp(q)
	switch {
	case !ok:
		return p.fallback.Get(ctx, q)
	case r.err != nil:
		return nil, r.err
	}
	return r.rows[0], nil
}
