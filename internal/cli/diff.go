package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/compare"
	"github.com/dbaudit/dbaudit/internal/history"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

type diffFlags struct {
	document documentFlags
	since    string
}

func (f *diffFlags) define(_ *app, cmd *cobra.Command) {
	cmd.Args = rangeArgs(1, -1)
	cmd.Flags().StringVar(&f.since, "since", "", "`time` to compare the newest results in folders with: a date (00:00 UTC), RFC 3339, or how long ago (7d, 4w, 36h)")
	f.document.add(cmd.Flags(), "table", "json", "markdown")
}

func (f diffFlags) run(_ context.Context, a *app, args []string) error {
	if f.since == "" && len(args) != 2 {
		return usagef("dbaudit diff takes OLD and NEW, or --since and folders of results: see dbaudit diff --help")
	}
	var d compare.Diff
	var err error
	if f.since != "" {
		d, err = compareSince(a, f.since, args)
	} else {
		d, err = compareFiles(a, args[0], args[1])
	}
	if err != nil {
		return err
	}
	if f.document.format == "markdown" {
		err = a.WriteOutput(f.document.file, []byte(text.Sanitize(d.Markdown())))
	} else {
		err = f.document.write(a, d, func(w io.Writer, width int) error { return writeDiffTables(w, width, d, a.Verbose) })
	}
	return exitWith(codeIf(!d.Same, exitFindings), err)
}

func compareFiles(a *app, older, newer string) (compare.Diff, error) {
	oldData, err := a.ReadFile(bounds.Snapshot, older)
	if err != nil {
		return compare.Diff{}, err
	}
	newData, err := a.ReadFile(bounds.Snapshot, newer)
	if err != nil {
		return compare.Diff{}, err
	}
	if isSnapshot(oldData) != isSnapshot(newData) {
		return compare.Diff{}, usagef("only one file is a snapshot: compare two snapshots, or two results of -f json")
	}
	if !isSnapshot(oldData) {
		before, err := run.ParseResults(older, oldData)
		if err != nil {
			return compare.Diff{}, err
		}
		after, err := run.ParseResults(newer, newData)
		return compare.Results(before, after), err
	}
	before, err := run.ParseSnapshot(older, oldData)
	if err != nil {
		return compare.Diff{}, err
	}
	after, err := run.ParseSnapshot(newer, newData)
	if err != nil {
		return compare.Diff{}, err
	}
	d, err := compare.Snapshots(before, after)
	if err != nil {
		return d, usagef("%w", err)
	}
	return d, nil
}

func writeDiffTables(w io.Writer, width int, d compare.Diff, verbose bool) error {
	if d.Same {
		fmt.Fprintf(w, "no difference between the %s\n", d.Of)
	}
	for _, e := range d.Environments {
		fmt.Fprintf(w, "%s\n", text.Line(e.Name))
		for _, t := range e.Tables(verbose) {
			fmt.Fprintf(w, "\n%s\n", text.Line(t.Title))
			if len(t.Rows) == 0 {
				continue
			}
			if err := table.List(w, width, t.Header, t.Rows); err != nil {
				return err
			}
		}
	}
	return nil
}

// compareSince compares the newest result of each environment with the one that was the newest at a
// time.
func compareSince(a *app, since string, dirs []string) (compare.Diff, error) {
	at, err := parsePointInTime(since, a.Now())
	if err != nil {
		return compare.Diff{}, err
	}
	results, err := readSavedResults(dirs)
	if err != nil {
		return compare.Diff{}, err
	}
	older, newer := history.SplitAt(results, at)
	switch {
	case len(older) == 0:
		return compare.Diff{}, fmt.Errorf("no result in %s is of %s or before: choose a later time with --since", strings.Join(dirs, ", "), formatTime(&at))
	case len(newer) == 0:
		return compare.Diff{}, fmt.Errorf("no result in %s is newer than %s: scan again, or choose an earlier time with --since", strings.Join(dirs, ", "), formatTime(&at))
	}
	return compare.Results(older, newer), nil
}

// parsePointInTime parses a point in time: RFC 3339, a day (00:00 UTC), or how long before now, in
// weeks, days or as a Go duration.
func parsePointInTime(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	ago, err := time.ParseDuration(s)
	if m := regexp.MustCompile(`^([0-9]{1,4})([dw])$`).FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1]) // at most four digits
		hours := map[string]int{"d": 24, "w": 7 * 24}[m[2]]
		ago, err = time.Duration(n*hours)*time.Hour, nil
	}
	if err != nil || ago < 0 {
		return time.Time{}, usagef("--since %q: want a day such as 2026-11-01, a time in RFC 3339, or how long ago, such as 7d, 4w or 36h", s)
	}
	return now.Add(-ago), nil
}

// readSavedResults reads the results in folders and their subfolders, or in single files.
func readSavedResults(dirs []string) ([]audit.Result, error) {
	var all []audit.Result
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && name != dir && strings.HasPrefix(entry.Name(), "."):
				return fs.SkipDir
			case entry.IsDir() || !strings.EqualFold(filepath.Ext(name), ".json"):
				return nil
			}
			data, err := bounds.ReadFile(bounds.Result, name)
			if err != nil || name != dir && !isResult(data) {
				return err
			}
			results, err := run.ParseResults(name, data)
			all = append(all, results...)
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there are no results at %s: check the path; dbaudit scan -f json -o FILE saves one", dir)
		}
		if err != nil {
			return nil, fmt.Errorf("reading the saved results: %w", err)
		}
	}
	return all, nil
}

// isResult reports whether to read a file as a result: its format says so, or it is not valid JSON
// and may be a truncated result.
func isResult(data []byte) bool {
	return strings.HasPrefix(documentFormat(data), "dbaudit.result") || !json.Valid(bytes.TrimPrefix(data, []byte(byteOrderMark)))
}

func isSnapshot(data []byte) bool {
	return strings.HasPrefix(documentFormat(data), "dbaudit.snapshot/")
}

// documentFormat returns the format that a JSON document states; "" if it states none.
func documentFormat(data []byte) string {
	var head struct {
		Format any `json:"format"`
	}
	if json.Unmarshal(bytes.TrimPrefix(data, []byte(byteOrderMark)), &head) != nil {
		return ""
	}
	format, _ := head.Format.(string)
	return format
}
