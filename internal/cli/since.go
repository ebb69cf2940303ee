package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/compare"
	"github.com/dbaudit/dbaudit/internal/history"
)

// compareSince compares, out of folders of results, the newest of each environment with
// the one that was the newest at a time.
func compareSince(a *app, since string, dirs []string) (compare.Diff, error) {
	at, err := moment(since, a.Now())
	if err != nil {
		return compare.Diff{}, err
	}
	results, err := savedResults(dirs)
	if err != nil {
		return compare.Diff{}, err
	}
	older, newer := history.Since(results, at)
	switch {
	case len(older) == 0:
		return compare.Diff{}, fmt.Errorf("no result in %s is of %s or before: choose a later time with --since", strings.Join(dirs, ", "), day(&at))
	case len(newer) == 0:
		return compare.Diff{}, fmt.Errorf("no result in %s is newer than %s: scan again, or choose an earlier time with --since", strings.Join(dirs, ", "), day(&at))
	}
	return compare.Results(older, newer), nil
}

// moment reads a point in time: RFC 3339, a day (its beginning, UTC), or how long before
// now, in weeks, days or as Go writes durations.
func moment(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, nil
		}
	}
	ago, err := time.ParseDuration(s)
	if m := regexp.MustCompile(`^([0-9]{1,4})([dw])$`).FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1]) // digits
		hours := map[string]int{"d": 24, "w": 7 * 24}[m[2]]
		ago, err = time.Duration(n*hours)*time.Hour, nil
	}
	if err != nil || ago < 0 {
		return time.Time{}, usagef("--since %q: want a day such as 2026-11-01, a time in RFC 3339, or how long ago, such as 7d, 4w or 36h", s)
	}
	return now.Add(-ago), nil
}
