package collector

import (
	"context"
	"encoding/json"
	"iter"
	"sync"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A sender sends a request, and yields the rows of its response as [Reader.Rows] does.
type sender func(context.Context, dataverse.Request) iter.Seq2[json.RawMessage, error]

// A responseCache has the responses to the requests that an integrationGroup shares.
type responseCache struct {
	ctx context.Context //nolint:containedctx // the round's context: a shared request does not end with one caller

	mu        sync.Mutex
	responses map[dataverse.Request]*cachedResponse
}

// A cachedResponse has the rows of a response, and the error after them. It is complete when done is
// closed.
type cachedResponse struct {
	done chan struct{}
	rows []json.RawMessage
	err  error
}

// share returns a sender that sends each request once, and yields the same response to everyone who
// sends it.
func (c *responseCache) share(send sender) sender {
	return func(_ context.Context, request dataverse.Request) iter.Seq2[json.RawMessage, error] {
		return func(yield func(json.RawMessage, error) bool) {
			response := c.response(request, send)
			for _, row := range response.rows {
				if !yield(row, nil) {
					return
				}
			}
			if response.err != nil {
				yield(nil, response.err)
			}
		}
	}
}

// response returns the complete response to a request. The first caller sends the request, and the
// others wait.
func (c *responseCache) response(request dataverse.Request, send sender) *cachedResponse {
	key := request
	key.Label = "" // it is not sent
	c.mu.Lock()
	response, sent := c.responses[key]
	if !sent {
		response = &cachedResponse{done: make(chan struct{})}
		c.responses[key] = response
	}
	c.mu.Unlock()
	if sent {
		<-response.done
		return response
	}
	defer close(response.done)
	for row, err := range send(c.ctx, request) {
		if response.err = err; err != nil {
			break
		}
		response.rows = append(response.rows, row)
	}
	return response
}
