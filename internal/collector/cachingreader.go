package collector

import (
	"context"
	"encoding/json"
	"iter"
	"sync"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A cachingReader sends each request once, and returns the same response or error to everyone
// who makes it.
type cachingReader struct {
	Reader

	ctx context.Context //nolint:containedctx // the round's context: a shared request does not end with one caller

	mu        sync.Mutex
	responses map[dataverse.Request]*cachedResponse
}

// A cachedResponse is complete when done is closed.
type cachedResponse struct {
	done chan struct{}
	rows []json.RawMessage
	err  error
}

// fetch returns the response to a request: its rows, and the error after them. The first caller
// sends the request, and the others wait for the response.
func (r *cachingReader) fetch(request dataverse.Request, send func(context.Context, dataverse.Request) iter.Seq2[json.RawMessage, error]) ([]json.RawMessage, error) {
	key := request
	key.Label = "" // it is not sent
	r.mu.Lock()
	response, sent := r.responses[key]
	if !sent {
		response = &cachedResponse{done: make(chan struct{})}
		r.responses[key] = response
	}
	r.mu.Unlock()
	if sent {
		<-response.done
		return response.rows, response.err
	}
	defer close(response.done)
	for row, err := range send(r.ctx, request) {
		if response.err = err; err != nil {
			break
		}
		response.rows = append(response.rows, row)
	}
	return response.rows, response.err
}

// Rows implements [Reader].
func (r *cachingReader) Rows(_ context.Context, request dataverse.Request) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		rows, err := r.fetch(request, r.Reader.Rows)
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
func (r *cachingReader) Get(_ context.Context, request dataverse.Request) (json.RawMessage, error) {
	rows, err := r.fetch(request, getAsRows(r.Reader))
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}
