package store

import (
	"context"
	"time"
)

// month is the time of which one result is kept, however old it is.
const month = 30 * 24 * time.Hour

// Prune removes results, and runs without one, that are older than a time, and returns
// how many results it removed. Of each month the first result of an integration is kept,
// and so is whatever a span of findings or controls begins or ends with.
func (s *Store) Prune(ctx context.Context, before time.Time) (removed int64, err error) {
	err = s.Within(ctx, func(tx *Tx) error {
		done, err := tx.tx.ExecContext(ctx, `DELETE FROM result WHERE (run_id, integration_id) IN (SELECT run_id, integration_id FROM (
			SELECT run_id, integration_id, ROW_NUMBER() OVER (PARTITION BY integration_id, taken_at / $2 ORDER BY seq) AS place FROM result
			WHERE taken_at < $1 AND run_id NOT IN (SELECT last_run FROM integration WHERE last_run IS NOT NULL)) old WHERE place > 1)`,
			micro(before), month.Microseconds())
		if err != nil {
			return err
		}
		if removed, err = done.RowsAffected(); err != nil {
			return err
		}
		if err := tx.exec(ctx, `DELETE FROM run WHERE ended_at < $1
			AND NOT EXISTS (SELECT 1 FROM result s WHERE s.run_id = run.id)
			AND id NOT IN (SELECT last_run FROM environment WHERE last_run IS NOT NULL)
			AND id NOT IN (SELECT first_run FROM finding_span) AND id NOT IN (SELECT last_seen_run FROM finding_span)
			AND id NOT IN (SELECT closed_run FROM finding_span WHERE closed_run IS NOT NULL)
			AND id NOT IN (SELECT from_run FROM control_span) AND id NOT IN (SELECT to_run FROM control_span)`, micro(before)); err != nil {
			return err
		}
		return tx.exec(ctx, "DELETE FROM document WHERE sha NOT IN (SELECT document_sha FROM result)")
	})
	return removed, err
}
