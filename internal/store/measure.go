package store

import (
	"context"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Latest is how the last result of an integration came out.
type Latest struct {
	Environment, Integration string
	Summary                  audit.Summary // without its coverage
}

// Latest lists the last result of each integration that has one.
func (s *Store) Latest(ctx context.Context) ([]Latest, error) {
	list, err := all(ctx, s.db, func(from row) (l Latest, err error) {
		return l, from.Scan(&l.Environment, &l.Integration, &l.Summary.Pass, &l.Summary.Fail, &l.Summary.Unknown,
			&l.Summary.NotApplicable, &l.Summary.Waived, &l.Summary.Findings)
	}, `SELECT e.name, i.name, r.pass, r.fail, r.unknown, r.not_applicable, r.waived, r.findings FROM environment e
		JOIN integration i ON i.environment_id = e.id CROSS JOIN result r
		WHERE r.run_id = i.last_run AND r.integration_id = i.id AND NOT i.retired ORDER BY e.name, i.name`) // CROSS: SQLite begins with the fewer rows
	return list, s.failed(err)
}

// Waiting counts the runs that have not ended, by state.
func (s *Store) Waiting(ctx context.Context) (map[RunState]int, error) {
	counts := map[RunState]int{RunQueued: 0, RunRunning: 0, RunFailed: 0}
	_, err := all(ctx, s.db, func(from row) (none struct{}, err error) {
		var state RunState
		var n int
		err = from.Scan(&state, &n)
		counts[state] = n
		return none, err
	}, "SELECT state, COUNT(*) FROM run WHERE ended_at IS NULL GROUP BY state")
	return counts, s.failed(err)
}

// Workers lists when each worker began its last scan, of those that began one since a time.
func (s *Store) Workers(ctx context.Context, since time.Time) (map[string]time.Time, error) {
	seen := map[string]time.Time{}
	_, err := all(ctx, s.db, func(from row) (none struct{}, err error) {
		var worker string
		var at time.Time
		err = from.Scan(&worker, stamp{&at})
		seen[worker] = at
		return none, err
	}, "SELECT worker, MAX(started_at) FROM run WHERE started_at >= $1 AND trigger <> 'pipeline' GROUP BY worker", since.UnixMicro())
	return seen, s.failed(err)
}
