package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// watchInterval is how often --watch looks at the files.
const watchInterval = 500 * time.Millisecond

// watching judges whenever a file changes, until it is interrupted.
func (f lintFlags) watching(ctx context.Context, a *app, paths []string) error {
	if slices.Contains(paths, solution.Stdin) {
		return usagef("--watch cannot read standard input")
	}
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	return f.watchBy(ctx, a, paths, ticker.C)
}

// watchBy judges at once and then whenever something is another at a tick. What is
// wrong with the command line ends it; what somebody is writing may be wrong for a
// while.
func (f lintFlags) watchBy(ctx context.Context, a *app, paths []string, ticks <-chan time.Time) error {
	last := ""
	for {
		now := f.signature(a, paths)
		if now != last {
			err := f.run(ctx, a, paths)
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
				last = f.signature(a, paths)
			}
			a.Sayf("watching %s; interrupt to stop", strings.Join(paths, ", "))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("watching: %w", ctx.Err())
		case <-ticks:
		}
	}
}

// signature changes whenever the roles do, or what they are judged by: the
// configuration, the waivers, the baseline, the profile and the policies.
func (f lintFlags) signature(a *app, paths []string) string {
	files := []string{cmp.Or(a.ConfigFile, config.DefaultName), f.judge.accept.Baseline}
	file, err := a.Configuration()
	if err != nil {
		file = nil
	}
	waivers, _ := run.WaiverFile(f.judge.accept.Waivers, file)
	files = append(files, waivers)
	files = append(files, run.FilesOfProfiles(file)...)
	if name := a.ProfileName(file, f.requirement); run.IsFile(name) {
		files = append(files, name)
	}
	var b strings.Builder
	b.WriteString(solution.Signature(paths))
	stamp := func(name string) {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintf(&b, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
	}
	for _, name := range files {
		stamp(name)
	}
	for _, folder := range a.PolicyFolders {
		_ = filepath.WalkDir(folder, func(name string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(name) == ".rego" {
				stamp(name)
			}
			return nil // what is wrong with the folder is said when it is read
		})
	}
	return b.String()
}
