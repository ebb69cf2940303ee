package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/lint"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/solution"
)

type lintFlags struct {
	paths       []string
	requirement run.Overrides
	judge       judgeFlags
	env         string
	exclude     []string
	allRoles    bool
	fix         bool
	watch       bool
	snapshot    string
}

func (f *lintFlags) define(_ *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.requirement.Profile, "profile", "", "requirement profile: a `name` or a file (default demandbase; DBAUDIT_PROFILE); lint judges the files alone")
	flags.StringVar(&f.requirement.Role, "integration-role", "", "`name` of the role (default that of the configuration, else deduced from the names; DBAUDIT_INTEGRATION_ROLE)")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "`pattern` of files and folders to leave out, at any depth if it has no slash; repeatable")
	flags.BoolVar(&f.allRoles, "all-roles", false, "judge every role in the files")
	flags.StringVar(&f.env, "env", "", "`name` of the environment in the configuration whose role to judge")
	flags.BoolVar(&f.fix, "fix", false, "add missing lines to a role's file, and judge again")
	flags.BoolVar(&f.watch, "watch", false, "judge again whenever a file, the configuration, the profile or a policy changes")
	flags.StringVar(&f.snapshot, "snapshot", "", "`file` for the snapshot that a single role was judged by")
	f.judge.add(flags)
}

func (f lintFlags) options(a *app, j judgement) lint.Options {
	return lint.Options{
		Paths: f.paths, Exclude: f.exclude, Overrides: f.requirement, Env: f.env, AllRoles: f.allRoles,
		Accept: f.judge.accept, AsOf: j.evaluatedAt, EvaluatedAt: j.asOf, SaveSnapshot: snapshotSaver(a, f.snapshot),
	}
}

func (f lintFlags) run(ctx context.Context, a *app, args []string) error {
	f.paths = args
	if f.fix && slices.Contains(args, solution.Stdin) {
		return usagef("--fix writes files, and standard input is not a file")
	}
	if f.watch {
		return f.runWatch(ctx, a)
	}
	return f.runOnce(ctx, a)
}

// runOnce judges the files once. With --fix, it adds missing lines and judges the files again.
func (f lintFlags) runOnce(ctx context.Context, a *app) error {
	j, err := f.judge.prepare(a, f.snapshot)
	if err != nil {
		return err
	}
	l, err := lint.New(a.Runner, f.options(a, j))
	if err != nil {
		return err
	}
	out, err := l.Run(ctx)
	if err != nil {
		return err
	}
	unfixed := false
	if f.fix {
		changed, failures := l.Fix(out.Roles, rewriteFile)
		for _, failure := range failures {
			a.ReportError(failure)
			unfixed = true
		}
		if changed {
			if out, err = l.Run(ctx); err != nil {
				return err
			}
		}
	}
	j.accepted, j.engine = l.Accepted, l.Engine
	return reportLint(a, j, out, unfixed)
}

// reportLint writes the documents, with the unread files first, and determines the exit code:
// findings take precedence over files that could not be read or fixed.
func reportLint(a *app, j judgement, out lint.Outcome, unfixed bool) error {
	results := make([]audit.Result, len(out.Roles))
	for i, one := range out.Roles {
		results[i] = one.Result
	}
	code, err := j.report(a, append(out.Unread, a.Accept(j.accepted, results)...))
	if err != nil {
		return err
	}
	for _, fault := range out.Faults {
		a.ReportError(fault)
	}
	if (len(out.Faults) > 0 || unfixed) && code != exitFindings {
		code = exitFailure
	}
	return exitWith(code, nil)
}

// rewriteFile replaces the content of a user's file completely or not at all, and keeps its
// permissions and its owner. It writes a file with several hard links in place, so that all links
// get the new content.
func rewriteFile(name string, data []byte) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o200 == 0 {
		return errors.New("the file is read-only: check it out, or make it writable, and run again")
	}
	if linkCount(info) > 1 {
		return os.WriteFile(name, data, info.Mode().Perm())
	}
	if err := console.WriteFile(name, data); err != nil {
		return err
	}
	if err := keepOwner(name, info); err != nil {
		return err
	}
	return os.Chmod(name, info.Mode().Perm())
}

// watchInterval is the time between two checks of the files with --watch.
const watchInterval = 500 * time.Millisecond

// runWatch judges the files whenever one changes, until it is interrupted.
func (f lintFlags) runWatch(ctx context.Context, a *app) error {
	if slices.Contains(f.paths, solution.Stdin) {
		return usagef("--watch cannot read standard input")
	}
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	return f.watchOnTicks(ctx, a, ticker.C)
}

// watchOnTicks judges at once, and at each tick after which a file has changed. Wrong usage ends it
// at the start, but later an invalid file does not, because it may be half edited.
func (f lintFlags) watchOnTicks(ctx context.Context, a *app, ticks <-chan time.Time) error {
	signature := func() string { return lint.Signature(a.Runner, f.options(a, judgement{})) }
	judged := ""
	for {
		current := signature()
		if current != judged {
			err := f.runOnce(ctx, a)
			var usage *run.UsageError
			var exit exitCodeError
			switch {
			case ctx.Err() != nil, judged == "" && errors.As(err, &usage):
				return err
			case err != nil && !errors.As(err, &exit):
				a.ReportError(err)
			}
			judged = current
			if f.fix {
				judged = signature()
			}
			a.Infof("watching %s; interrupt to stop", strings.Join(f.paths, ", "))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("watching: %w", ctx.Err())
		case <-ticks:
		}
	}
}
