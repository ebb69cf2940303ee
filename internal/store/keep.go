package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

type integration struct {
	id           int64
	revision     string
	organization string
	results      int64
	verdict      string
	since        time.Time
	lastRun      int64
	lastResultAt time.Time
}

// storeResult stores a result of a run and folds it into what is known.
func (t *Tx) storeResult(ctx context.Context, e Environment, run int64, r audit.Result, days verdictCounts) error {
	if err := t.addIntegration(ctx, e.ID, r.Profile.Name); err != nil {
		return err
	}
	in, err := queryOne(ctx, t.tx, func(from row, in *integration) error {
		return from.Scan(&in.id, &in.revision, &in.organization, &in.results, &in.verdict, &in.since, &in.lastRun, &in.lastResultAt)
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
	days[r.Verdict.String()]++
	if in.verdict != "" && dayNumber(in.lastResultAt) == dayNumber(t.now) {
		days[in.verdict]--
	}
	since := in.since
	if in.verdict != r.Verdict.String() {
		since = t.now
	}
	complete := ""
	if r.Verdict != audit.VerdictIncomplete {
		complete = ", last_complete_at = $7"
	}
	args := []any{in.id, profileRevision(r.Profile), r.Environment.OrganizationID, r.Verdict.String(), storedTime(since), run, storedTime(t.now)}
	return t.exec(ctx, `UPDATE integration SET profile = $2, organization_id = $3, results = results + 1, verdict = $4, since = $5,
		last_run = $6, last_result_at = $7`+complete+" WHERE id = $1", args...)
}

// A spanUpdate brings the spans of an integration up to the result of a run.
type spanUpdate struct {
	*Tx

	in             integration
	run            int64
	result         audit.Result
	revision       string
	latest         map[audit.ControlID]latestSpans // the latest spans before it
	earlierResults map[int64]audit.Result          // earlier ones that were read, by their run
}

func (t *Tx) updateSpans(ctx context.Context, in integration, run int64, r audit.Result) error {
	if in.organization != "" && r.Environment.OrganizationID != "" && !strings.EqualFold(in.organization, r.Environment.OrganizationID) {
		// Another environment at the same name: nothing that was known is of this one.
		if err := t.exec(ctx, "UPDATE finding_span SET closed_run = $2, reason = $3 WHERE integration_id = $1 AND closed_run IS NULL", in.id, run, ReasonEnvironmentReplaced); err != nil {
			return err
		}
		if err := t.exec(ctx, "UPDATE control_span SET latest = FALSE, in_last = FALSE WHERE integration_id = $1 AND latest", in.id); err != nil {
			return err
		}
		in.results = 0
	}
	latest, err := t.latestControlSpans(ctx, in.id)
	if err != nil {
		return err
	}
	f := &spanUpdate{t, in, run, r, profileRevision(r.Profile), latest, map[int64]audit.Result{}}
	if err := f.updateFindings(ctx); err != nil {
		return err
	}
	return f.updateControls(ctx)
}

// verdictCounts are changes to the number of integrations with each verdict.
type verdictCounts map[string]int

// addToFleetDay changes how many integrations had which verdict by the last result of this day.
func (t *Tx) addToFleetDay(ctx context.Context, counts verdictCounts) error {
	for _, verdict := range slices.Sorted(maps.Keys(counts)) { // in one order, so that two transactions never wait for each other
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

// profileRevision identifies what a profile requires: two of one name may differ.
func profileRevision(p audit.Profile) string {
	if p.Digest != "" {
		return p.Digest
	}
	return p.Version
}

// revisionsDiffer reports whether two editions are known to differ.
func revisionsDiffer(a, b string) bool { return a != "" && b != "" && a != b }
