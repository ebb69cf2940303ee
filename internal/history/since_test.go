package history_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/history"
)

func TestSince(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 1, n, 6, 0, 0, 0, time.UTC) }
	of := func(name string, n int) audit.Result {
		return audit.Result{
			Environment: audit.Environment{Name: name, OrganizationID: name, URL: "https://" + name},
			Profile:     audit.Profile{Name: "demandbase"},
			Snapshot:    audit.Snapshot{TakenAt: day(n), Digest: name + day(n).String()},
		}
	}
	all := []audit.Result{of("b", 9), of("a", 1), of("a", 8), of("a", 5), of("new", 9), of("forgotten", 2), of("b", 3)}
	listed := func(list []audit.Result) string {
		var words []string
		for _, r := range list {
			words = append(words, r.Environment.Name+r.Snapshot.TakenAt.Format("02"))
		}
		return strings.Join(words, " ")
	}
	for _, test := range []struct {
		at           time.Time
		older, newer string
	}{
		{day(6), "a05 b03 forgotten02", "a08 b09 new09"},
		{day(5), "a05 b03 forgotten02", "a08 b09 new09"},
		{day(5).Add(-time.Second), "a01 b03 forgotten02", "a08 b09 new09"},
		{day(0), "", "a08 b09 forgotten02 new09"},
		{day(20), "a08 b09 forgotten02 new09", ""},
	} {
		older, newer := history.Since(all, test.at)
		if listed(older) != test.older || listed(newer) != test.newer {
			t.Errorf("%s: older %q, newer %q", test.at, listed(older), listed(newer))
		}
	}
}
