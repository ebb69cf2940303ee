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
	const want = "want a duration above nothing, such as 90s or 5m"
	text := r.Getenv("DBAUDIT_TIMEOUT")
	switch {
	case conn.Timeout < 0:
		return 0, Usagef("--timeout %s: %s", conn.Timeout, want)
	case conn.Timeout > 0 || text == "":
		return cmp.Or(conn.Timeout, DefaultTimeout), nil
	}
	timeout, err := time.ParseDuration(text)
	if err != nil || timeout <= 0 {
		return 0, Usagef("DBAUDIT_TIMEOUT %q: %s", text, want)
	}
	return timeout, nil
}

// Within has something done in the target's environment, in the target's time.
func (t Target) Within(ctx context.Context, do func(context.Context) error) error {
	limit := cmp.Or(t.Timeout, DefaultTimeout)
	late := fmt.Errorf("it took longer than %s: give it more by --timeout, or look for what makes it slow", limit)
	timed, cancel := context.WithTimeoutCause(ctx, limit, late)
	defer cancel()
	err := do(timed)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(timed), late) {
		return fmt.Errorf("%w (it was at this: %s)", late, err.Error())
	}
	return err
}
