package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"
)

// An Environment is one that is scanned.
type Environment struct {
	ID             int64
	Name           string
	TenantID       string
	URL            string
	OrganizationID string        // empty until the first result
	Config         string        // the dbaudit.yaml of this environment alone
	CredentialRef  string        // where its credential is, for a reader: see [Certificate]
	Every          time.Duration // how often it is scanned; 0 if others post its results
	Jitter         time.Duration // how long after the beginning of each interval it is due
	Paused         bool
	NextDue        time.Time // zero for never
	Labels         map[string]string
	CredentialEnds time.Time // zero if it is not known
	CreatedAt      time.Time
	// Profiles are the names of those by which [Store.Import] has it judged; not read back.
	Profiles []string
}

// CertificatePrefix begins the CredentialRef of a certificate. Each scan reads when it ends.
const CertificatePrefix = "certificate:"

// Jitter is the part of an interval after which an environment is due: a hash of its name, so
// that a thousand environments are not due at once.
func Jitter(name string, every time.Duration) time.Duration {
	if every <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // it never fails
	return time.Duration(h.Sum64()%uint64(every/time.Second)) * time.Second
}

// Period is the beginning of the interval that a time lies in.
func (e Environment) Period(at time.Time) time.Time {
	if e.Every <= 0 {
		return at
	}
	return at.Add(-e.Jitter).Truncate(e.Every).Add(e.Jitter)
}

// ImportCounts counts the changes to the environments in the store.
type ImportCounts struct{ Added, Updated, Unchanged int }

// Import adds environments, or updates those of the same name. An integration is retired, and
// keeps its history, if its profile is not among theirs. An environment that had no schedule
// is due at once. One that has another URL is stale until it is scanned.
func (s *Store) Import(ctx context.Context, who string, environments []Environment) (ImportCounts, error) {
	var change ImportCounts
	// All lock them in this order, so that two never wait for each other.
	inOrder := slices.SortedFunc(slices.Values(environments), func(a, b Environment) int { return strings.Compare(a.Name, b.Name) })
	err := s.InTx(ctx, func(tx *Tx) error {
		for _, e := range inOrder {
			if err := tx.importEnvironment(ctx, who, e, &change); err != nil {
				return fmt.Errorf("%s: %w", e.Name, err)
			}
		}
		return nil
	})
	return change, err
}

func (t *Tx) importEnvironment(ctx context.Context, who string, e Environment, change *ImportCounts) error {
	e.Jitter = Jitter(e.Name, e.Every)
	old, err := t.LockEnvironment(ctx, e.Name)
	added := errors.Is(err, ErrNotFound)
	if err != nil && !added {
		return err
	}
	if e.CredentialEnds.IsZero() && e.CredentialRef == old.CredentialRef && strings.HasPrefix(e.CredentialRef, CertificatePrefix) {
		e.CredentialEnds = old.CredentialEnds // a scan has read it
	}
	switch {
	case e.Every == 0:
	case old.Every == 0: // it is new, was known by results alone, or was removed
		e.NextDue = t.now
	case e.Every != old.Every:
		e.NextDue = e.Period(t.now).Add(e.Every)
	default:
		e.NextDue = old.NextDue
	}
	did := ""
	switch {
	case added:
		did = "add "
		change.Added++
	case e.equal(old):
		change.Unchanged++
	default:
		did = "update "
		change.Updated++
	}
	if did != "" {
		if err := t.AddAuditEntry(ctx, who, did+e.Name); err != nil {
			return err
		}
	}
	id, err := t.saveEnvironment(ctx, e)
	if err != nil {
		return err
	}
	if !added && e.URL != old.URL { // the last complete scan was of another environment
		if err := t.exec(ctx, "UPDATE integration SET last_complete_at = NULL WHERE environment_id = $1", id); err != nil {
			return err
		}
	}
	return t.setIntegrations(ctx, id, e.Profiles)
}

func (e Environment) equal(o Environment) bool {
	return e.URL == o.URL && e.TenantID == o.TenantID && e.Config == o.Config && e.CredentialRef == o.CredentialRef &&
		e.Every == o.Every && e.CredentialEnds.Equal(o.CredentialEnds) && maps.Equal(e.Labels, o.Labels)
}

// saveEnvironment adds an environment, or changes the one of its name, and returns its id.
func (t *Tx) saveEnvironment(ctx context.Context, e Environment) (int64, error) {
	return queryOne(ctx, t.tx, scanInt64, `INSERT INTO environment
		(name, tenant_id, url, organization_id, config, credential_ref, every, jitter, paused, next_due, labels, created_at, credential_ends)
		VALUES ($1, $2, $3, '', $4, $5, $6, $7, FALSE, $8, $9, $10, $11) ON CONFLICT (name) DO UPDATE SET
		tenant_id = excluded.tenant_id, url = excluded.url, config = excluded.config, credential_ref = excluded.credential_ref, every = excluded.every,
		jitter = excluded.jitter, next_due = excluded.next_due, labels = excluded.labels, credential_ends = excluded.credential_ends RETURNING id`,
		e.Name, e.TenantID, e.URL, e.Config, e.CredentialRef, e.Every.Microseconds(), e.Jitter.Microseconds(), storedTime(e.NextDue), encodeLabels(e.Labels), storedTime(t.now), storedTime(e.CredentialEnds))
}

// RetireEnvironment ends the schedule of an environment and retires its integrations.
func (t *Tx) RetireEnvironment(ctx context.Context, e Environment) error {
	return errors.Join(
		t.exec(ctx, "UPDATE environment SET config = '', every = 0, next_due = NULL, credential_ends = NULL WHERE id = $1", e.ID),
		t.setIntegrations(ctx, e.ID, nil),
	)
}

// setIntegrations makes the integrations of these profiles, and retires all others.
func (t *Tx) setIntegrations(ctx context.Context, environment int64, profiles []string) error {
	if err := t.exec(ctx, "UPDATE integration SET retired = TRUE WHERE environment_id = $1", environment); err != nil {
		return err
	}
	for _, p := range profiles {
		if err := t.addIntegration(ctx, environment, p); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) addIntegration(ctx context.Context, environment int64, profile string) error {
	return t.exec(ctx, `INSERT INTO integration (environment_id, name, profile, organization_id, retired, results, verdict)
		VALUES ($1, $2, '', '', FALSE, 0, '') ON CONFLICT (environment_id, name) DO UPDATE SET retired = FALSE`, environment, profile)
}

func encodeLabels(m map[string]string) string {
	if len(m) == 0 {
		return "{}"
	}
	text, _ := json.Marshal(m) // strings always can be
	return string(text)
}

const environmentColumns = "e.id, e.name, e.tenant_id, e.url, e.organization_id, e.config, e.credential_ref, e.every, e.jitter, e.paused, e.next_due, e.labels, e.created_at, e.credential_ends"

func (e *Environment) fields() []any {
	return []any{
		&e.ID, &e.Name, &e.TenantID, &e.URL, &e.OrganizationID, &e.Config, &e.CredentialRef,
		&e.Every, &e.Jitter, &e.Paused, &e.NextDue, &e.Labels, &e.CreatedAt, &e.CredentialEnds,
	}
}

func scanEnvironment(r row, e *Environment) error { return r.Scan(e.fields()...) }

func (t *Tx) environment(ctx context.Context, where string, args ...any) (Environment, error) {
	return queryOne(ctx, t.tx, scanEnvironment, "SELECT "+environmentColumns+" FROM environment e WHERE "+where, args...)
}

// notRemoved is the condition for an environment e that was not removed: then all of its
// integrations are retired.
const notRemoved = `(EXISTS (SELECT 1 FROM integration WHERE environment_id = e.id AND NOT retired)
	OR NOT EXISTS (SELECT 1 FROM integration WHERE environment_id = e.id))`

// Environments lists all environments by name, except those that were removed.
func (s *Store) Environments(ctx context.Context) ([]Environment, error) {
	return queryAll(ctx, s.db, scanEnvironment, "SELECT "+environmentColumns+" FROM environment e WHERE "+notRemoved+" ORDER BY e.name")
}

// Environment is the environment of a name, or [ErrNotFound].
func (s *Store) Environment(ctx context.Context, name string) (Environment, error) {
	return queryOne(ctx, s.db, scanEnvironment, "SELECT "+environmentColumns+" FROM environment e WHERE e.name = $1", name)
}

// SetCredentialEnds keeps when the credential of an environment ends.
func (s *Store) SetCredentialEnds(ctx context.Context, name string, ends time.Time) error {
	_, err := s.db.ExecContext(ctx, "UPDATE environment SET credential_ends = $2 WHERE name = $1 AND COALESCE(credential_ends, 0) <> $2", name, ends.UnixMicro())
	return storeError(err)
}

// Pause takes environments out of the schedule, or puts them back.
func (s *Store) Pause(ctx context.Context, who string, names []string, paused bool) error {
	what := "resume "
	if paused {
		what = "pause "
	}
	return s.InTx(ctx, func(tx *Tx) error {
		for _, name := range slices.Sorted(slices.Values(names)) {
			if _, err := tx.LockEnvironment(ctx, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := tx.exec(ctx, "UPDATE environment SET paused = $2 WHERE name = $1", name, paused); err != nil {
				return err
			}
			if err := tx.AddAuditEntry(ctx, who, what+name); err != nil {
				return err
			}
		}
		return nil
	})
}

// DueEnvironments locks and lists environments that are due. One whose next time is further away than
// its interval is due too: the clock was wrong when it was set.
func (t *Tx) DueEnvironments(ctx context.Context, limit int) ([]Environment, error) {
	return queryAll(ctx, t.tx, scanEnvironment, "SELECT "+environmentColumns+` FROM environment e
		WHERE NOT e.paused AND e.every > 0 AND (e.next_due <= $1 OR e.next_due > $1 + e.every)
		ORDER BY e.next_due, e.id LIMIT $2`+t.forUpdateSkipLocked("e"), storedTime(t.now), limit)
}

// ScheduleNext sets when an environment is due next: at the beginning of its next interval.
func (t *Tx) ScheduleNext(ctx context.Context, e Environment) error {
	return t.exec(ctx, "UPDATE environment SET next_due = $2 WHERE id = $1", e.ID, storedTime(e.Period(t.now).Add(e.Every)))
}

// Now is the time at which the transaction began.
func (t *Tx) Now() time.Time { return t.now }

// AddAuditEntry keeps who did what, for the record.
func (t *Tx) AddAuditEntry(ctx context.Context, who, what string) error {
	return t.exec(ctx, "INSERT INTO audit (at, who, what) VALUES ($1, $2, $3)", storedTime(t.now), who, what)
}

// A AuditEntry is a line of the record of who did what.
type AuditEntry struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	What string    `json:"what"`
}

// AuditLog lists what was done, the newest first.
func (s *Store) AuditLog(ctx context.Context, limit int) ([]AuditEntry, error) {
	return queryAll(ctx, s.db, func(r row, d *AuditEntry) error { return r.Scan(&d.At, &d.Who, &d.What) },
		"SELECT at, who, what FROM audit ORDER BY id DESC LIMIT $1", limit)
}
