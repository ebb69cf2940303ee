package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// DefaultTimeout is how long reading one environment may take.
const DefaultTimeout = 5 * time.Minute

func (r *Runner) timeout(conn Connection) (time.Duration, error) {
	if conn.Timeout != 0 {
		if conn.Timeout < 0 {
			return 0, Usagef("--timeout %s: want a duration above nothing, such as 90s or 5m", conn.Timeout)
		}
		return conn.Timeout, nil
	}
	text := r.Getenv("DBAUDIT_TIMEOUT")
	if text == "" {
		return DefaultTimeout, nil
	}
	timeout, err := time.ParseDuration(text)
	if err != nil || timeout <= 0 {
		return 0, Usagef("DBAUDIT_TIMEOUT %q: want a duration above nothing, such as 90s or 5m", text)
	}
	return timeout, nil
}

// A timeoutError is the cause of a reading that took longer than it may.
type timeoutError struct{ limit time.Duration }

func (e timeoutError) Error() string {
	return fmt.Sprintf("it took longer than %s: give it more by --timeout, or look for what makes it slow", e.limit)
}

// Within has something done in the target's environment, in the target's time.
func (t Target) Within(ctx context.Context, do func(context.Context) error) error {
	limit := cmp.Or(t.Timeout, DefaultTimeout)
	timed, cancel := context.WithTimeoutCause(ctx, limit, timeoutError{limit})
	defer cancel()
	err := do(timed)
	var late timeoutError
	if err != nil && ctx.Err() == nil && errors.As(context.Cause(timed), &late) {
		return fmt.Errorf("%w (it was at this: %s)", late, err.Error())
	}
	return err
}
