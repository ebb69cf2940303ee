package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// An integration is what the store knows of one integration before the next result.
type integration struct {
	id             int64
	revision       string // of the profile, in the last result
	organizationID string
	results        int64 // the number of results
	verdict        string
	since          time.Time
	lastRun        int64
	lastResultAt   time.Time
}

// storeResult stores a result of a run and updates what the store knows of the integration. It
// adds the changed verdicts to counts.
func (t *Tx) storeResult(ctx context.Context, e Environment, run int64, r audit.Result, counts verdictCounts) error {
	if err := t.addIntegration(ctx, e.ID, r.Profile.Name); err != nil {
		return err
	}
	in, err := queryOne(ctx, t.tx, func(r row, in *integration) error {
		return r.Scan(&in.id, &in.revision, &in.organizationID, &in.results, &in.verdict, &in.since, &in.lastRun, &in.lastResultAt)
	}, `SELECT id, profile, organization_id, results, verdict, since, last_run, last_result_at
		FROM integration WHERE environment_id = $1 AND name = $2`, e.ID, r.Profile.Name)
	if err != nil {
		return err
	}
	sha, err := t.storeDocument(ctx, r)
	if err != nil {
		return err
	}
	if err := t.exec(ctx, `INSERT INTO result (run_id, integration_id, seq, taken_at, evaluated_at, digest, verdict, profile_version, profile_digest,
		pass, fail, unknown, not_applicable, waived, findings, document_sha) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		run, in.id, in.results+1, r.Snapshot.TakenAt.UnixMicro(), r.EvaluatedAt.UnixMicro(), r.Snapshot.Digest, r.Verdict.String(), r.Profile.Version, r.Profile.Digest,
		r.Summary.Pass, r.Summary.Fail, r.Summary.Unknown, r.Summary.NotApplicable, r.Summary.Waived, r.Summary.Findings, sha); err != nil {
		return fmt.Errorf("storing the result: %w", err)
	}
	if err := t.updateSpans(ctx, in, run, r); err != nil {
		return err
	}
	counts[r.Verdict.String()]++
	if in.verdict != "" && dayNumber(in.lastResultAt) == dayNumber(t.now) {
		counts[in.verdict]--
	}
	since := in.since
	if in.verdict != r.Verdict.String() {
		since = t.now
	}
	lastComplete := ""
	if r.Verdict != audit.VerdictIncomplete {
		lastComplete = ", last_complete_at = $7"
	}
	return t.exec(ctx, `UPDATE integration SET profile = $2, organization_id = $3, results = results + 1, verdict = $4, since = $5,
		last_run = $6, last_result_at = $7`+lastComplete+" WHERE id = $1",
		in.id, profileRevision(r.Profile), r.Environment.OrganizationID, r.Verdict.String(), storedTime(since), run, storedTime(t.now))
}

// verdictCounts are changes to the number of integrations with each verdict.
type verdictCounts map[string]int

// addToFleetDay adds to the counts of today, which are by the last result of each integration.
func (t *Tx) addToFleetDay(ctx context.Context, counts verdictCounts) error {
	for _, verdict := range slices.Sorted(maps.Keys(counts)) { // a fixed order, so that transactions do not deadlock
		if counts[verdict] == 0 {
			continue
		}
		if err := t.exec(ctx, `INSERT INTO fleet_day (day, verdict, integrations) VALUES ($1, $2, $3)
			ON CONFLICT (day, verdict) DO UPDATE SET integrations = fleet_day.integrations + excluded.integrations`, dayNumber(t.now), verdict, counts[verdict]); err != nil {
			return err
		}
	}
	return nil
}

func dayNumber(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }
