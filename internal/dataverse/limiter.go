package dataverse

import (
	"context"
	"net/http"
	"strconv"
	"sync"
)

// A limiter limits how many requests run at the same time. It starts with few, then allows as many
// as the environment recommends (x-ms-dop-hint), and fewer after the environment said that there
// were too many.
type limiter struct {
	next sender

	mu      sync.Mutex
	changed *sync.Cond // signals that running or limit changed
	limit   int
	ceiling int
	running int
	waiting int
}

// tooManyAtOnce is the code of a 429 for concurrent requests.
const tooManyAtOnce = "0x80072326"

func newLimiter(next sender, start, ceiling int) *limiter {
	l := &limiter{next: next, limit: min(start, ceiling), ceiling: ceiling}
	l.changed = sync.NewCond(&l.mu)
	return l
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
		l.update(func() { l.limit = min(hint, l.ceiling) })
	}
	if r.status == http.StatusTooManyRequests {
		if e, _ := decodeError(r.body); e.code == tooManyAtOnce {
			l.update(func() { // permanently half of those that ran when there were too many
				l.ceiling = max(1, min(l.ceiling, l.running/2))
				l.limit = min(l.limit, l.ceiling)
			})
		}
	}
	return r, nil
}

// acquire waits until one more request may run.
func (l *limiter) acquire(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.changed.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.running >= l.limit && ctx.Err() == nil {
		l.waiting++
		l.changed.Wait()
		l.waiting--
	}
	if err := ctx.Err(); err != nil {
		l.changed.Signal() // another may run instead of this one
		return err
	}
	l.running++
	return nil
}

func (l *limiter) release() { l.update(func() { l.running-- }) }

// update changes the state, and wakes as many requests as may run now.
func (l *limiter) update(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	for range min(l.limit-l.running, l.waiting) {
		l.changed.Signal()
	}
}
