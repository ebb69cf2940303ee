package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Finding is the span of a finding: from the first run that saw it to the run that judged its
// control and did not see it.
type Finding struct {
	Environment  string          `json:"environment"`
	Integration  string          `json:"integration"`
	Control      audit.ControlID `json:"control"`
	Severity     audit.Severity  `json:"severity"`
	Fingerprint  string          `json:"fingerprint"`
	Message      string          `json:"message"`
	Waived       bool            `json:"waived"`
	FirstAt      time.Time       `json:"since"` // when the first run ended
	ID           int64           `json:"-"`
	FirstRun     int64           `json:"-"`
	LastSeenRun  int64           `json:"-"`
	OpenedReason Reason          `json:"-"`
	ClosedRun    int64           `json:"-"` // 0 while the finding is open
	ClosedAt     time.Time       `json:"-"`
	ClosedReason Reason          `json:"-"`

	revision string // of the last result that has the finding
}

func (u *spanUpdate) updateFindings(ctx context.Context) error {
	list, err := queryAll(ctx, u.tx, func(r row, f *Finding) error {
		return r.Scan(&f.ID, &f.Fingerprint, &f.Control, &f.Severity, &f.Message, &f.Waived, &f.LastSeenRun, &f.revision)
	}, "SELECT id, fingerprint, control, severity, message, waived, last_seen_run, profile FROM finding_span WHERE integration_id = $1 AND closed_run IS NULL", u.in.id)
	if err != nil {
		return err
	}
	open := map[string]Finding{}
	for _, f := range list {
		open[f.Fingerprint] = f
	}
	seen, controls := map[string]bool{}, map[audit.ControlID]audit.Control{}
	var unchanged []int64
	for _, c := range u.result.Controls {
		controls[c.ID] = c
		for _, found := range c.Findings {
			if seen[found.Fingerprint] {
				continue
			}
			seen[found.Fingerprint] = true
			waived := found.Waiver != nil
			switch f, ok := open[found.Fingerprint]; {
			case !ok:
				err = u.openFinding(ctx, c, found)
			case f.Severity == c.Severity && f.Message == found.Message && f.Waived == waived && f.revision == u.revision:
				unchanged = append(unchanged, f.ID)
			default:
				err = u.exec(ctx, "UPDATE finding_span SET last_seen_run = $2, severity = $3, message = $4, waived = $5, profile = $6 WHERE id = $1",
					f.ID, u.run, c.Severity.String(), found.Message, waived, u.revision)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := u.updateByID(ctx, "UPDATE finding_span SET last_seen_run = $1", unchanged, u.run); err != nil {
		return err
	}
	for _, f := range list {
		if !seen[f.Fingerprint] {
			if err := u.closeFinding(ctx, f, controls[f.Control]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *spanUpdate) openFinding(ctx context.Context, c audit.Control, found audit.Finding) error {
	reason := u.openedReason(c.ID)
	if reason == ReasonEnvironmentChanged {
		before, err := u.earlierResult(ctx, u.latest[c.ID].known.toRun)
		if err != nil {
			return err
		}
		if u.result.RequirementsDiffer(before) {
			reason = ReasonProfileChanged
		}
	}
	return u.exec(ctx, `INSERT INTO finding_span (integration_id, fingerprint, control, severity, message, waived, profile, first_run, last_seen_run, opened, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, '')`,
		u.in.id, found.Fingerprint, string(c.ID), c.Severity.String(), found.Message, found.Waiver != nil, u.revision, u.run, reason)
}

// closeFinding ends the span of a finding that is not in the result, if the result judged its
// control c. A zero control is no longer in the profile.
func (u *spanUpdate) closeFinding(ctx context.Context, f Finding, c audit.Control) error {
	reason := ReasonFixed
	switch {
	case c.ID == "":
		reason = ReasonProfileChanged
	case c.Outcome == audit.OutcomeUnknown || len(c.Unjudged) > 0 || isBlocked(c, u.result):
		return nil
	case c.Outcome == audit.OutcomeNotApplicable:
		reason = ReasonNotRequired
	default:
		before, err := u.earlierResult(ctx, f.LastSeenRun)
		if err != nil {
			return err
		}
		switch {
		case u.result.HasReplaced(findingSubject(before, f.Fingerprint), before):
			reason = ReasonNotRequired
		case u.result.RequirementsDiffer(before) || revisionsDiffer(f.revision, u.revision):
			reason = ReasonProfileChanged
		}
	}
	return u.exec(ctx, "UPDATE finding_span SET closed_run = $2, reason = $3 WHERE id = $1", f.ID, u.run, reason)
}

// isBlocked reports whether a control is not applicable because another control of the result
// fails or is unknown. The reason of such a control names the other one. Its earlier findings may
// still exist.
func isBlocked(c audit.Control, r audit.Result) bool {
	return c.Outcome == audit.OutcomeNotApplicable && slices.ContainsFunc(r.Controls, func(other audit.Control) bool {
		return other.ID != c.ID && other.Outcome != audit.OutcomePass && other.Outcome != audit.OutcomeNotApplicable && containsWord(c.Reason, string(other.ID))
	})
}

func containsWord(text, word string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}), word)
}

func findingSubject(r audit.Result, fingerprint string) audit.Subject {
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			if f.Fingerprint == fingerprint {
				return f.Subject
			}
		}
	}
	return audit.Subject{}
}

const findingColumns = `f.id, e.name, i.name, f.fingerprint, f.control, f.severity, f.message, f.waived, f.first_run, a.ended_at, f.last_seen_run,
	f.opened, f.closed_run, c.ended_at, f.reason
	FROM finding_span f JOIN integration i ON i.id = f.integration_id JOIN environment e ON e.id = i.environment_id
	JOIN run a ON a.id = f.first_run LEFT JOIN run c ON c.id = f.closed_run`

func scanFinding(r row, f *Finding) error {
	return r.Scan(&f.ID, &f.Environment, &f.Integration, &f.Fingerprint, &f.Control, &f.Severity, &f.Message, &f.Waived,
		&f.FirstRun, &f.FirstAt, &f.LastSeenRun, &f.OpenedReason, &f.ClosedRun, &f.ClosedAt, &f.ClosedReason)
}

// OpenFindings returns the open findings of an environment, or of all environments if the name is
// empty, without those of retired integrations.
func (s *Store) OpenFindings(ctx context.Context, environment string) ([]Finding, error) {
	where, args := whereEnvironment(environment)
	return queryAll(ctx, s.db, scanFinding, "SELECT "+findingColumns+" WHERE f.closed_run IS NULL AND NOT i.retired AND "+where+" ORDER BY f.id", args...)
}

// RecentChanges returns the findings of an environment that began after its first scan or are
// closed. The latest change comes first.
func (s *Store) RecentChanges(ctx context.Context, environment string, limit int) ([]Finding, error) {
	return queryAll(ctx, s.db, scanFinding, "SELECT "+findingColumns+` WHERE e.name = $1 AND (f.closed_run IS NOT NULL OR f.opened <> $2)
		ORDER BY COALESCE(f.closed_run, f.first_run) DESC, f.id LIMIT $3`, environment, ReasonFirstScan, limit)
}
