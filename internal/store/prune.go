package store

import (
	"context"
	"slices"
	"time"
)

type prunableResult struct {
	run     int64
	takenAt time.Time
	sha     string // of the document
}

// Prune removes results, runs without results, and resolved alerts that are older than a time. It
// returns the number of removed results. It keeps the first result of each integration in each
// month, its last result, and the runs that begin or end a span. It uses several short
// transactions, so that others do not wait long.
func (s *Store) Prune(ctx context.Context, before time.Time) (removed int64, err error) {
	ids, err := queryAll(ctx, s.db, scanInt64, "SELECT id FROM integration ORDER BY id")
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		n, err := s.pruneResults(ctx, id, before)
		if removed += n; err != nil {
			return removed, err
		}
	}
	for n := batchSize; n == batchSize; {
		if n, err = s.pruneRuns(ctx, before); err != nil {
			return removed, err
		}
	}
	return removed, s.InTx(ctx, func(tx *Tx) error {
		return tx.exec(ctx, "DELETE FROM alert WHERE resolved < $1", storedTime(before))
	})
}

// pruneResults removes old results of an integration, and their documents.
func (s *Store) pruneResults(ctx context.Context, integration int64, before time.Time) (removed int64, err error) {
	old, err := queryAll(ctx, s.db, func(row row, r *prunableResult) error {
		return row.Scan(&r.run, &r.takenAt, &r.sha)
	}, `SELECT s.run_id, s.taken_at, s.document_sha FROM result s JOIN integration i ON i.id = s.integration_id
		WHERE s.integration_id = $1 AND s.taken_at < $2 AND s.run_id <> i.last_run ORDER BY s.seq`, integration, storedTime(before))
	if err != nil {
		return 0, err
	}
	var removable []prunableResult
	month := ""
	for _, r := range old {
		if m := r.takenAt.Format("2006-01"); m != month {
			month = m
			continue
		}
		removable = append(removable, r)
	}
	for list := range slices.Chunk(removable, batchSize) {
		if err := s.InTx(ctx, func(tx *Tx) error { return tx.removeResults(ctx, integration, list) }); err != nil {
			return removed, err
		}
		removed += int64(len(list))
	}
	return removed, nil
}

func (t *Tx) removeResults(ctx context.Context, integration int64, list []prunableResult) error {
	for _, r := range list {
		if err := t.exec(ctx, "DELETE FROM result WHERE integration_id = $1 AND run_id = $2", integration, r.run); err != nil {
			return err
		}
		if err := t.exec(ctx, "DELETE FROM document WHERE sha = $1 AND NOT EXISTS (SELECT 1 FROM result WHERE document_sha = $1)", r.sha); err != nil {
			return err
		}
	}
	return nil
}

// pruneRuns removes at most batchSize old runs that have no result and that nothing refers to.
func (s *Store) pruneRuns(ctx context.Context, before time.Time) (removed int, err error) {
	err = s.InTx(ctx, func(tx *Tx) error {
		ids, err := queryAll(ctx, tx.tx, scanInt64, `DELETE FROM run WHERE id IN (SELECT r.id FROM run r WHERE r.ended_at < $1
			AND NOT EXISTS (SELECT 1 FROM result s WHERE s.run_id = r.id)
			AND r.id NOT IN (SELECT last_run FROM environment WHERE last_run IS NOT NULL)
			AND r.id NOT IN (SELECT first_run FROM finding_span) AND r.id NOT IN (SELECT last_seen_run FROM finding_span)
			AND r.id NOT IN (SELECT closed_run FROM finding_span WHERE closed_run IS NOT NULL)
			AND r.id NOT IN (SELECT from_run FROM control_span) AND r.id NOT IN (SELECT to_run FROM control_span) LIMIT $2) RETURNING id`,
			storedTime(before), batchSize)
		removed = len(ids)
		return err
	})
	return removed, err
}
