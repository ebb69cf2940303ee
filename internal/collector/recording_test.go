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

// A tape records the responses of an environment and replays them.
type tape struct {
	mu      sync.Mutex
	answers map[dataverse.Request]taped
	delay   time.Duration
	live    collector.Reader // answers what is not on the tape
}

type taped struct {
	rows []json.RawMessage
	err  error
}

func newTape(l *lab) *tape { return &tape{answers: map[dataverse.Request]taped{}, live: l.client} }

// record is a reader that records another.
func (p *tape) record(r collector.Reader) collector.Reader { return recorder{p, r} }

// reader replays the tape.
func (p *tape) reader() collector.Reader { return player{p} }

type recorder struct {
	tape *tape
	from collector.Reader
}

func (r recorder) Rows(ctx context.Context, q dataverse.Request) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		var got taped
		for row, err := range r.from.Rows(ctx, q) {
			if err != nil {
				got.err = err
				break
			}
			got.rows = append(got.rows, row)
		}
		r.tape.keep(q, got)
		got.yield(yield)
	}
}

func (r recorder) Get(ctx context.Context, q dataverse.Request) (json.RawMessage, error) {
	data, err := r.from.Get(ctx, q)
	r.tape.keep(q, taped{[]json.RawMessage{data}, err})
	return data, err
}

func (p *tape) keep(q dataverse.Request, got taped) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[q] = got
}

func (t taped) yield(yield func(json.RawMessage, error) bool) {
	for _, row := range t.rows {
		if !yield(row, nil) {
			return
		}
	}
	if t.err != nil {
		yield(nil, t.err)
	}
}

type player struct{ tape *tape }

func (r player) Rows(ctx context.Context, q dataverse.Request) iter.Seq2[json.RawMessage, error] {
	if got, known := r.answer(q); known {
		return got.yield
	}
	return r.tape.live.Rows(ctx, q)
}

func (r player) Get(ctx context.Context, q dataverse.Request) (json.RawMessage, error) {
	got, known := r.answer(q)
	switch {
	case !known:
		return r.tape.live.Get(ctx, q)
	case got.err != nil:
		return nil, got.err
	}
	return got.rows[0], nil
}

func (r player) answer(q dataverse.Request) (taped, bool) {
	r.tape.mu.Lock()
	got, known := r.tape.answers[q]
	r.tape.mu.Unlock()
	if r.tape.delay > 0 {
		time.Sleep(r.tape.delay)
	}
	return got, known
}
