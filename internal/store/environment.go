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

// An Environment is a Dataverse environment that dbaudit scans, or that only has posted results.
type Environment struct {
	ID             int64
	Name           string
	TenantID       string
	URL            string
	Config         string        // dbaudit.yaml with this environment only; empty if it cannot be scanned
	CredentialRef  string        // where the credential is kept, for people; see [CertificatePrefix]
	Every          time.Duration // the interval of the schedule; 0 for none
	Paused         bool
	NextDue        time.Time // zero without a schedule
	Labels         map[string]string
	CredentialEnds time.Time // zero if unknown
	CreatedAt      time.Time
	Requirements   Requirements // [Store.Import] uses them, and only [Store.Start] returns them
}

// Requirements identify what decides the verdict of each integration of an environment, by profile:
// the text before a plus sign what is required, the text after it what is waived. An empty text is
// not known.
type Requirements map[string]string

// equal reports whether both are the same. A requirement that is not known is like a missing one.
func (r Requirements) equal(o Requirements) bool {
	for _, known := range []Requirements{r, o} {
		for profile := range known {
			if r[profile] != o[profile] {
				return false
			}
		}
	}
	return true
}

// CertificatePrefix begins the CredentialRef of a certificate. Each scan updates the
// CredentialEnds of such an environment.
const CertificatePrefix = "certificate:"

// Jitter returns how long after the beginning of each interval an environment is due. It is a
// hash of the name, so that a thousand environments are not due at once.
func Jitter(name string, every time.Duration) time.Duration {
	if every <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return time.Duration(h.Sum64()%uint64(every/time.Second)) * time.Second
}

// Period returns the beginning of the interval that contains a time.
func (e Environment) Period(at time.Time) time.Time {
	if e.Every <= 0 {
		return at
	}
	jitter := Jitter(e.Name, e.Every)
	return at.Add(-jitter).Truncate(e.Every).Add(jitter)
}

// NextPeriod returns the beginning of the interval after the one that contains a time.
func (e Environment) NextPeriod(at time.Time) time.Time { return e.Period(at).Add(e.Every) }

// DuePeriods returns the periods for which an environment that is due gets a run: the first without
// one. The second exists if an import made the environment due within the current interval.
func (e Environment) DuePeriods(now time.Time) []time.Time {
	current := e.Period(now)
	if e.NextDue.After(current) && !e.NextDue.After(now) {
		return []time.Time{current, e.NextDue}
	}
	return []time.Time{current}
}

// ImportCounts counts the environments of an import by what happened to them.
type ImportCounts struct{ Added, Updated, Unchanged int }

// Import adds environments, and updates those that exist by name. It retires integrations that
// have no requirement any more; they keep their history. An environment that had no schedule is
// due at once. So is one with other requirements, and its integrations with other requirements
// are stale until a scan judges them.
func (s *Store) Import(ctx context.Context, who string, environments []Environment) (ImportCounts, error) {
	var counts ImportCounts
	byName := slices.SortedFunc(slices.Values(environments), func(a, b Environment) int { return strings.Compare(a.Name, b.Name) })
	err := s.InTx(ctx, func(tx *Tx) error {
		for _, e := range byName {
			if err := tx.importEnvironment(ctx, who, e, &counts); err != nil {
				return fmt.Errorf("%s: %w", e.Name, err)
			}
		}
		return nil
	})
	return counts, err
}

func (t *Tx) importEnvironment(ctx context.Context, who string, e Environment, counts *ImportCounts) error {
	old, err := t.LockEnvironment(ctx, e.Name)
	isNew := errors.Is(err, ErrNotFound)
	if err != nil && !isNew {
		return err
	}
	if old.Requirements, err = t.requirements(ctx, old.ID); err != nil {
		return err
	}
	if e.CredentialEnds.IsZero() && e.CredentialRef == old.CredentialRef && strings.HasPrefix(e.CredentialRef, CertificatePrefix) {
		e.CredentialEnds = old.CredentialEnds // from the last scan
	}
	switch {
	case e.Every == 0:
	case old.Every == 0, e.isReconfigured(old): // it is new, was removed, or had only posted results
		e.NextDue = t.now
	case e.Every != old.Every:
		e.NextDue = e.NextPeriod(t.now)
	default:
		e.NextDue = old.NextDue
	}
	switch {
	case isNew:
		counts.Added++
		err = t.AddAuditEntry(ctx, who, "add "+e.Name)
	case e.equal(old) && !e.isReconfigured(old):
		counts.Unchanged++
	default:
		counts.Updated++
		err = t.AddAuditEntry(ctx, who, "update "+e.Name)
	}
	if err != nil {
		return err
	}
	id, err := t.saveEnvironment(ctx, e)
	if err != nil {
		return err
	}
	return t.setIntegrations(ctx, id, e.Requirements, e.Config == old.Config)
}

// isReconfigured reports whether an integration of the environment is new, is removed, or has another
// requirement. A requirement that an earlier version did not store is the same if the
// configuration is.
func (e Environment) isReconfigured(old Environment) bool {
	for profile, requirement := range e.Requirements {
		before, known := old.Requirements[profile]
		if !known || requirement != before && (before != "" || e.Config != old.Config) {
			return true
		}
	}
	for profile, before := range old.Requirements {
		if _, stays := e.Requirements[profile]; !stays && before != "" {
			return true
		}
	}
	return false
}

// requirements returns the requirements of the integrations that are not retired.
func (t *Tx) requirements(ctx context.Context, environment int64) (Requirements, error) {
	requirements := Requirements{}
	return requirements, queryMap(ctx, t.tx, requirements, "SELECT name, required FROM integration WHERE environment_id = $1 AND NOT retired", environment)
}

// equal reports whether an import would not change the environment.
func (e Environment) equal(o Environment) bool {
	return e.URL == o.URL && e.TenantID == o.TenantID && e.Config == o.Config && e.CredentialRef == o.CredentialRef &&
		e.Every == o.Every && e.CredentialEnds.Equal(o.CredentialEnds) && maps.Equal(e.Labels, o.Labels)
}

// saveEnvironment inserts an environment, or updates the one with its name, and returns its id.
func (t *Tx) saveEnvironment(ctx context.Context, e Environment) (int64, error) {
	labels := []byte("{}")
	if len(e.Labels) > 0 {
		labels, _ = json.Marshal(e.Labels) // never fails for strings
	}
	return queryOne(ctx, t.tx, scanInt64, `INSERT INTO environment
		(name, tenant_id, url, config, credential_ref, every, paused, next_due, labels, created_at, credential_ends)
		VALUES ($1, $2, $3, $4, $5, $6, FALSE, $7, $8, $9, $10) ON CONFLICT (name) DO UPDATE SET
		tenant_id = excluded.tenant_id, url = excluded.url, config = excluded.config, credential_ref = excluded.credential_ref, every = excluded.every,
		next_due = excluded.next_due, labels = excluded.labels, credential_ends = excluded.credential_ends RETURNING id`,
		e.Name, e.TenantID, e.URL, e.Config, e.CredentialRef, e.Every.Microseconds(),
		storedTime(e.NextDue), string(labels), storedTime(t.now), storedTime(e.CredentialEnds))
}

// RetireEnvironment removes the schedule of an environment and retires its integrations.
func (t *Tx) RetireEnvironment(ctx context.Context, e Environment) error {
	return errors.Join(
		t.exec(ctx, "UPDATE environment SET config = '', every = 0, next_due = NULL, credential_ends = NULL WHERE id = $1", e.ID),
		t.setIntegrations(ctx, e.ID, nil, false),
	)
}

// setIntegrations adds or updates an integration for each requirement and retires the other ones.
// If the configuration is the same, a requirement that an earlier version did not store was met by
// the last result.
func (t *Tx) setIntegrations(ctx context.Context, environment int64, requirements Requirements, sameConfig bool) error {
	if err := t.exec(ctx, "UPDATE integration SET retired = TRUE WHERE environment_id = $1", environment); err != nil {
		return err
	}
	for _, profile := range slices.Sorted(maps.Keys(requirements)) {
		if err := t.addIntegration(ctx, environment, profile); err != nil {
			return err
		}
		if err := t.exec(ctx, `UPDATE integration SET required = $3, judged = CASE WHEN required = '' AND judged = '' AND $4 THEN $3 ELSE judged END
			WHERE environment_id = $1 AND name = $2`, environment, profile, requirements[profile], sameConfig); err != nil {
			return err
		}
	}
	return t.exec(ctx, "UPDATE integration SET required = '' WHERE environment_id = $1 AND retired", environment)
}

func (t *Tx) addIntegration(ctx context.Context, environment int64, profile string) error {
	return t.exec(ctx, `INSERT INTO integration (environment_id, name, profile, organization_id, retired, results, verdict)
		VALUES ($1, $2, '', '', FALSE, 0, '') ON CONFLICT (environment_id, name) DO UPDATE SET retired = FALSE`, environment, profile)
}

const environmentColumns = `e.id, e.name, e.tenant_id, e.url, e.config, e.credential_ref,
	e.every, e.paused, e.next_due, e.labels, e.created_at, e.credential_ends`

func (e *Environment) fields() []any {
	return []any{
		&e.ID, &e.Name, &e.TenantID, &e.URL, &e.Config, &e.CredentialRef,
		&e.Every, &e.Paused, &e.NextDue, &e.Labels, &e.CreatedAt, &e.CredentialEnds,
	}
}

func scanEnvironment(r row, e *Environment) error { return r.Scan(e.fields()...) }

func (t *Tx) environment(ctx context.Context, where string, args ...any) (Environment, error) {
	return queryOne(ctx, t.tx, scanEnvironment, "SELECT "+environmentColumns+" FROM environment e WHERE "+where, args...)
}

// notRemoved is the SQL condition for environments e that were not removed. All integrations of
// a removed environment are retired.
const notRemoved = `(EXISTS (SELECT 1 FROM integration WHERE environment_id = e.id AND NOT retired)
	OR NOT EXISTS (SELECT 1 FROM integration WHERE environment_id = e.id))`

// Environments returns the environments that were not removed, by name.
func (s *Store) Environments(ctx context.Context) ([]Environment, error) {
	return queryAll(ctx, s.db, scanEnvironment, "SELECT "+environmentColumns+" FROM environment e WHERE "+notRemoved+" ORDER BY e.name")
}

// LockEnvironment locks and returns the environment with the given name, or returns [ErrNotFound].
func (t *Tx) LockEnvironment(ctx context.Context, name string) (Environment, error) {
	return t.environment(ctx, "e.name = $1"+t.forUpdate("e"), name)
}

// SetCredentialEnds records when the credential of an environment expires.
func (s *Store) SetCredentialEnds(ctx context.Context, name string, ends time.Time) error {
	_, err := s.db.ExecContext(ctx, "UPDATE environment SET credential_ends = $2 WHERE name = $1 AND COALESCE(credential_ends, 0) <> $2", name, ends.UnixMicro())
	return storeError(err)
}

// Pause pauses the schedule of environments, or resumes it if paused is false.
func (s *Store) Pause(ctx context.Context, who string, names []string, paused bool) error {
	action := "resume "
	if paused {
		action = "pause "
	}
	return s.InTx(ctx, func(tx *Tx) error {
		for _, name := range slices.Sorted(slices.Values(names)) {
			if _, err := tx.LockEnvironment(ctx, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := tx.exec(ctx, "UPDATE environment SET paused = $2 WHERE name = $1", name, paused); err != nil {
				return err
			}
			if err := tx.AddAuditEntry(ctx, who, action+name); err != nil {
				return err
			}
		}
		return nil
	})
}

// DueEnvironments locks and returns environments that are due. An environment is also due if its
// next time is further away than its interval, because the clock was wrong when it was set.
// Environments that another transaction has locked are left out.
func (t *Tx) DueEnvironments(ctx context.Context, limit int) ([]Environment, error) {
	return queryAll(ctx, t.tx, scanEnvironment, "SELECT "+environmentColumns+` FROM environment e
		WHERE NOT e.paused AND e.every > 0 AND (e.next_due <= $1 OR e.next_due > $1 + e.every)
		ORDER BY e.next_due, e.id LIMIT $2`+t.forUpdateSkipLocked("e"), storedTime(t.now), limit)
}

// ScheduleNext makes an environment due at the beginning of its next interval.
func (t *Tx) ScheduleNext(ctx context.Context, e Environment) error {
	return t.exec(ctx, "UPDATE environment SET next_due = $2 WHERE id = $1", e.ID, storedTime(e.NextPeriod(t.now)))
}

// whereEnvironment returns the SQL condition that selects an environment e by name, with the arguments
// of the query: the given ones, and the name. An empty name selects all environments.
func whereEnvironment(environment string, args ...any) (where string, all []any) {
	if environment == "" {
		return "TRUE", args
	}
	return fmt.Sprintf("e.name = $%d", len(args)+1), append(args, environment)
}
