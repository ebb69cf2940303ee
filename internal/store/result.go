package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// An integration is what the store knows of one integration before the next result.
type integration struct {
	id             int64
	revision       string // of the last result
	organizationID string
	results        int64 // the number of results
	verdict        string
	since          time.Time
	lastRun        int64
	lastResultAt   time.Time
}

// storeResult stores a result of a run, judged by a requirement, and updates what the store knows
// of the integration. It adds the changed verdicts to counts.
func (t *Tx) storeResult(ctx context.Context, e Environment, run int64, requirement string, r audit.Result, counts verdictCounts) error {
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
	revision := revisionOf(r.Profile, requirement)
	if err := t.updateSpans(ctx, in, run, revision, r); err != nil {
		return err
	}
	counts[r.Verdict.String()]++
	if in.verdict != "" && dayNumber(in.lastResultAt) == dayNumber(t.now) {
		counts[in.verdict]--
	}
	if in.verdict != r.Verdict.String() {
		in.since = t.now
	}
	lastComplete := ""
	if r.Verdict != audit.VerdictIncomplete {
		lastComplete = ", last_complete_at = $7"
	}
	return t.exec(ctx, `UPDATE integration SET profile = $2, organization_id = $3, results = results + 1, verdict = $4, since = $5,
		last_run = $6, last_result_at = $7, judged = $8`+lastComplete+" WHERE id = $1",
		in.id, revision, r.Environment.OrganizationID, r.Verdict.String(), storedTime(in.since), run, storedTime(t.now), requirement)
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

// storeDocument stores a result as a document and returns the hash of the document. Equal
// documents are stored once. So that results of consecutive scans can be equal, the document
// leaves out their times and digests, which have columns in the table of results.
func (t *Tx) storeDocument(ctx context.Context, r audit.Result) (string, error) {
	r.EvaluatedAt, r.Snapshot = time.Time{}, audit.Snapshot{}
	text, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	sha := hex.EncodeToString(sum[:])
	// The lock keeps pruning from removing the document before the result refers to it.
	known, err := queryAll(ctx, t.tx, func(r row, sha *string) error { return r.Scan(sha) }, "SELECT sha FROM document WHERE sha = $1"+t.forUpdate("document"), sha)
	if err != nil || len(known) > 0 {
		return sha, err
	}
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	_, err = w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return "", err
	}
	return sha, t.exec(ctx, "INSERT INTO document (sha, body) VALUES ($1, $2) ON CONFLICT (sha) DO NOTHING", sha, body.Bytes())
}

// maxDocumentSize is the maximum size of an uncompressed document, as for a result file.
const maxDocumentSize = 64 << 20

// Result returns the result of a run for an integration, or [ErrNotFound].
func (s *Store) Result(ctx context.Context, run int64, integration string) (audit.Result, error) {
	return queryOne(ctx, s.db, scanResult, resultQuery+" AND i.name = $2", run, integration)
}

const resultQuery = `SELECT d.body, s.taken_at, s.evaluated_at, s.digest FROM result s
	JOIN integration i ON i.id = s.integration_id JOIN document d ON d.sha = s.document_sha WHERE s.run_id = $1`

func scanResult(row row, r *audit.Result) error {
	var body []byte
	var takenAt, evaluatedAt time.Time
	var digest string
	if err := row.Scan(&body, &takenAt, &evaluatedAt, &digest); err != nil {
		return err
	}
	uncompressed, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(uncompressed, maxDocumentSize))
	if err == nil {
		err = json.Unmarshal(text, r)
	}
	if err != nil {
		return err
	}
	r.EvaluatedAt, r.Snapshot = evaluatedAt, audit.Snapshot{Digest: digest, TakenAt: takenAt}
	return nil
}

// Results calls do for each result of an environment, or of all environments if the name is
// empty. The results of an integration come oldest first.
func (s *Store) Results(ctx context.Context, environment string, do func(audit.Result) error) error {
	type key struct{ run, integration int64 }
	where, args := whereEnvironment(environment)
	keys, err := queryAll(ctx, s.db, func(r row, k *key) error { return r.Scan(&k.run, &k.integration) }, `SELECT s.run_id, s.integration_id FROM result s
		JOIN integration i ON i.id = s.integration_id JOIN environment e ON e.id = i.environment_id
		WHERE `+where+" ORDER BY e.name, i.name, s.seq", args...)
	if err != nil {
		return err
	}
	for _, k := range keys {
		r, err := queryOne(ctx, s.db, scanResult, resultQuery+" AND i.id = $2", k.run, k.integration)
		if err != nil {
			return err
		}
		if err := do(r); err != nil {
			return err
		}
	}
	return nil
}
