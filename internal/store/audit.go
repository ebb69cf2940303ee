package store

import (
	"context"
	"time"
)

// An AuditEntry is a record of who did what.
type AuditEntry struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	What string    `json:"what"`
}

// AddAuditEntry records who did what, at the time of the transaction.
func (t *Tx) AddAuditEntry(ctx context.Context, who, what string) error {
	return t.exec(ctx, "INSERT INTO audit (at, who, what) VALUES ($1, $2, $3)", storedTime(t.now), who, what)
}

// AuditLog returns the latest audit entries, newest first.
func (s *Store) AuditLog(ctx context.Context, limit int) ([]AuditEntry, error) {
	return queryAll(ctx, s.db, func(r row, e *AuditEntry) error { return r.Scan(&e.At, &e.Who, &e.What) },
		"SELECT at, who, what FROM audit ORDER BY id DESC LIMIT $1", limit)
}
