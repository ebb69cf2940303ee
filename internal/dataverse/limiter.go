package dataverse

import (
	"container/list"
	"context"
	"strconv"
	"sync"
)

// limiter bounds how many exchanges run at the same time. It starts low, takes
// the environment's word for how many are welcome (x-ms-dop-hint), and gives
// way where the environment says that there were too many.
type limiter struct {
	next sender

	mu      sync.Mutex
	limit   int
	ceiling int
	running int
	waiting list.List // of chan struct{}, first come first served
}

// tooManyAtOnce is the code of a 429 for concurrent requests.
const tooManyAtOnce = "0x80072326"

func newLimiter(next sender, start, ceiling int) *limiter {
	return &limiter{next: next, limit: min(start, ceiling), ceiling: ceiling}
}

func (l *limiter) send(ctx context.Context, c call) (reply, error) {
	if err := l.acquire(ctx); err != nil {
		return reply{}, err
	}
	defer l.release()
	r, err := l.next.send(ctx, c)
	if err != nil {
		return r, err
	}
	if hint, err := strconv.Atoi(r.header.Get("x-ms-dop-hint")); err == nil && hint > 0 {
		l.set(hint)
	}
	if r.status == 429 {
		if e, _ := decodeError(r.body); e.code == tooManyAtOnce {
			l.yield()
		}
	}
	return r, nil
}

func (l *limiter) acquire(ctx context.Context) error {
	l.mu.Lock()
	if l.running < l.limit && l.waiting.Len() == 0 {
		l.running++
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	place := l.waiting.PushBack(turn)
	l.mu.Unlock()

	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-turn: // given at the same moment: pass it on
		l.running--
		l.admit()
	default:
		l.waiting.Remove(place)
	}
	return ctx.Err()
}

func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running--
	l.admit()
}

func (l *limiter) set(limit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = min(limit, l.ceiling)
	l.admit()
}

// yield lowers the ceiling for good to half of what ran when it was too much.
func (l *limiter) yield() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ceiling = max(1, min(l.ceiling, l.running/2))
	l.limit = min(l.limit, l.ceiling)
}

func (l *limiter) admit() {
	for l.running < l.limit && l.waiting.Len() > 0 {
		turn, _ := l.waiting.Remove(l.waiting.Front()).(chan struct{})
		l.running++
		close(turn)
	}
}
