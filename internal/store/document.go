package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// storeDocument keeps a result's document, the same bytes once, and returns its hash. What
// differs in each scan is not in it, and has columns of its own.
func (t *Tx) storeDocument(ctx context.Context, r audit.Result) (string, error) {
	r.EvaluatedAt, r.Snapshot = time.Time{}, audit.Snapshot{}
	text, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	sha := hex.EncodeToString(sum[:])
	// The lock keeps it until the result names it.
	known, err := queryAll(ctx, t.tx, func(from row, s *string) error { return from.Scan(s) }, "SELECT sha FROM document WHERE sha = $1"+t.forUpdate("document"), sha)
	if err != nil || len(known) > 0 {
		return sha, err
	}
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	if _, err := w.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return sha, t.exec(ctx, "INSERT INTO document (sha, body) VALUES ($1, $2) ON CONFLICT (sha) DO NOTHING", sha, body.Bytes())
}

// maxDocumentSize bounds what a document may unpack to; results are bounded by it too.
const maxDocumentSize = 64 << 20

// Result is the result of a run for an integration, or [ErrNotFound].
func (s *Store) Result(ctx context.Context, run int64, integration string) (audit.Result, error) {
	return queryOne(ctx, s.db, scanResult, resultQuery+" AND i.name = $2", run, integration)
}

const resultQuery = `SELECT d.body, s.taken_at, s.evaluated_at, s.digest FROM result s
	JOIN integration i ON i.id = s.integration_id JOIN document d ON d.sha = s.document_sha WHERE s.run_id = $1`

func scanResult(from row, r *audit.Result) error {
	var body []byte
	var taken, evaluated time.Time
	var digest string
	if err := from.Scan(&body, &taken, &evaluated, &digest); err != nil {
		return err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, maxDocumentSize))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, r); err != nil {
		return err
	}
	r.EvaluatedAt, r.Snapshot = evaluated, audit.Snapshot{Digest: digest, TakenAt: taken}
	return nil
}

// Results gives the results of an environment, oldest first, one after the other; of all
// environments if the name is empty.
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
