package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A workerPool passes work to goroutines that have evaluated before and are idle. They already
// have the large stack that an evaluation needs. The stack of a new goroutine is copied each time
// that it is full, which takes more than a tenth of the time of judging a role.
type workerPool chan func()

// idleTimeout is how long an idle goroutine waits for work.
const idleTimeout = time.Second

// gracePeriod is how long a canceled evaluation may take to end. Some built-ins do not check for
// cancellation.
const gracePeriod = 500 * time.Millisecond

// run does the work on an idle goroutine, or on a new one.
func (w workerPool) run(work func()) {
	select {
	case w <- work:
	default:
		go func() {
			for work != nil {
				work()
				select {
				case work = <-w:
				case <-time.After(idleTimeout):
					work = nil
				}
			}
		}()
	}
}

// evaluate runs an evaluation with a time limit. It does not wait for a canceled evaluation that
// does not end in the grace period.
func (w workerPool) evaluate(ctx context.Context, limit time.Duration, do func(context.Context) (ast.Value, error)) (ast.Value, error) {
	type outcome struct {
		value ast.Value
		err   error
	}
	timed, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ended := make(chan outcome, 1)
	w.run(func() {
		value, err := do(timed)
		ended <- outcome{value, err}
	})
	var o outcome
	select {
	case o = <-ended:
	case <-timed.Done():
		o.err = timed.Err()
		select {
		case o = <-ended:
		case <-time.After(gracePeriod):
		}
	}
	switch {
	case o.err == nil:
		return o.value, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case timed.Err() != nil:
		return nil, fmt.Errorf("it took longer than %s: look for a rule that does not end, first among those of --policy", limit)
	}
	return nil, o.err
}
