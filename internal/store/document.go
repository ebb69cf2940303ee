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
	if _, err := w.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
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
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, r); err != nil {
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
