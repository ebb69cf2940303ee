package collector

import (
	"context"
	"encoding/json"
	"iter"
	"sync"

	"github.com/dbaudit/dbaudit/internal/dataverse"
)

// A onceReader makes each request once, and returns the same response or error to all who
// make it.
type onceReader struct {
	reader  Reader
	ctx     context.Context //nolint:containedctx // a question is everybody's: nobody's end is its end
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	answers map[dataverse.Request]*answer
}

type answer struct {
	done chan struct{} // closed when the rest has arrived
	rows []json.RawMessage
	err  error
}

func newOnceReader(ctx context.Context, r Reader) *onceReader {
	o := &onceReader{reader: r, answers: map[dataverse.Request]*answer{}}
	o.ctx, o.cancel = context.WithCancel(ctx)
	return o
}

// close ends what is still under way.
func (o *onceReader) close() {
	o.cancel()
	o.running.Wait()
}

// ask returns the response to a request: its rows, and the error that ended them. The first
// caller fetches it.
func (o *onceReader) ask(ctx context.Context, r dataverse.Request, read func(context.Context, dataverse.Request) iter.Seq2[json.RawMessage, error]) ([]json.RawMessage, error) {
	key := r
	key.Label = "" // the environment does not see it
	o.mu.Lock()
	a, asked := o.answers[key]
	if !asked {
		a = &answer{done: make(chan struct{})}
		o.answers[key] = a
		o.running.Go(func() {
			defer close(a.done)
			for row, err := range read(o.ctx, r) {
				if err != nil {
					a.err = err
					return
				}
				a.rows = append(a.rows, row)
			}
		})
	}
	o.mu.Unlock()
	select {
	case <-a.done:
		return a.rows, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Rows implements [Reader].
func (o *onceReader) Rows(ctx context.Context, r dataverse.Request) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		rows, err := o.ask(ctx, r, o.reader.Rows)
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
func (o *onceReader) Get(ctx context.Context, r dataverse.Request) (json.RawMessage, error) {
	rows, err := o.ask(ctx, r, single(o.reader))
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}
