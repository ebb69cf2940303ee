package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/lint"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// watchInterval is how often --watch looks at the files.
const watchInterval = 500 * time.Millisecond

// watching judges whenever a file changes, until it is interrupted.
func (f lintFlags) watching(ctx context.Context, a *app) error {
	if slices.Contains(f.paths, solution.Stdin) {
		return usagef("--watch cannot read standard input")
	}
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	return f.watchBy(ctx, a, ticker.C)
}

// watchBy judges at once and then whenever something is another at a tick. What is
// wrong with the command line ends it; what somebody is writing may be wrong for a
// while.
func (f lintFlags) watchBy(ctx context.Context, a *app, ticks <-chan time.Time) error {
	signature := func() string { return lint.Signature(a.Runner, f.options(a, judgement{})) }
	last := ""
	for {
		now := signature()
		if now != last {
			err := f.run(ctx, a)
			var usage *run.UsageError
			var silent verdictError
			switch {
			case ctx.Err() != nil, last == "" && errors.As(err, &usage):
				return err
			case err != nil && !errors.As(err, &silent):
				a.Complain(err)
			}
			last = now
			if f.fix {
				last = signature()
			}
			a.Sayf("watching %s; interrupt to stop", strings.Join(f.paths, ", "))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("watching: %w", ctx.Err())
		case <-ticks:
		}
	}
}
