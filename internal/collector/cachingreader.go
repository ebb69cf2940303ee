package collector

import (
	"context"
	"encoding/json"
	"iter"
	"sync"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A cachingReader makes each request once, and returns the same response or error to all who
// make it.
type cachingReader struct {
	Reader

	ctx context.Context //nolint:containedctx // that of the round: a shared question does not end with one caller

	mu        sync.Mutex
	responses map[dataverse.Request]*cachedResponse
}

// An cachedResponse is complete when it is done.
type cachedResponse struct {
	done chan struct{}
	rows []json.RawMessage
	err  error
}

// fetch returns the response to a request: its rows, and the error that ended them. The first
// caller fetches it.
func (o *cachingReader) fetch(r dataverse.Request, read func(context.Context, dataverse.Request) iter.Seq2[json.RawMessage, error]) ([]json.RawMessage, error) {
	key := r
	key.Label = "" // the environment does not see it
	o.mu.Lock()
	a, asked := o.responses[key]
	if !asked {
		a = &cachedResponse{done: make(chan struct{})}
		o.responses[key] = a
	}
	o.mu.Unlock()
	if asked {
		<-a.done
		return a.rows, a.err
	}
	defer close(a.done)
	for row, err := range read(o.ctx, r) {
		if a.err = err; err != nil {
			break
		}
		a.rows = append(a.rows, row)
	}
	return a.rows, a.err
}

// Rows implements [Reader].
func (o *cachingReader) Rows(_ context.Context, r dataverse.Request) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		rows, err := o.fetch(r, o.Reader.Rows)
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// Get implements [Reader].
func (o *cachingReader) Get(_ context.Context, r dataverse.Request) (json.RawMessage, error) {
	rows, err := o.fetch(r, getAsRows(o.Reader))
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}
