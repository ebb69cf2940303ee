package store

import (
	"context"
	"time"
)

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
	return counts, err
}

// Workers lists when each worker began its last scan, of those that began one since a time.
func (s *Store) Workers(ctx context.Context, since time.Time) (map[string]time.Time, error) {
	seen := map[string]time.Time{}
	_, err := all(ctx, s.db, func(from row) (none struct{}, err error) {
		var worker string
		var at time.Time
		err = from.Scan(&worker, &at)
		seen[worker] = at
		return none, err
	}, "SELECT worker, MAX(started_at) FROM run WHERE started_at >= $1 AND trigger <> 'pipeline' GROUP BY worker", since.UnixMicro())
	return seen, err
}
