package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Reason says why a span began or ended.
type Reason string

// The reasons. What changed with the profile may have changed in the environment as well.
const (
	ReasonFirstScan           Reason = "first-scan"          // nothing was known before
	ReasonEnvironmentChanged  Reason = "environment-changed" // it began
	ReasonFixed               Reason = "fixed"               // it ended: the control was judged, and the finding is gone
	ReasonProfileChanged      Reason = "profile-changed"     // the profile or the configuration requires something else
	ReasonNotRequired         Reason = "not-required"        // it ended: nothing requires it any more, or another user or role is judged
	ReasonEnvironmentReplaced Reason = "environment-replaced"
	ReasonWaived              Reason = "waived" // it is open, and a waiver covers it
)

// A Finding lasts from the run that saw it first to the run that judged its control and did
// not see it.
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
	ClosedRun    int64           `json:"-"` // 0 while it is open
	ClosedAt     time.Time       `json:"-"`
	ClosedReason Reason          `json:"-"`

	revision string
}

// updateFindings folds the findings of the result.
func (f *spanUpdate) updateFindings(ctx context.Context) error {
	list, err := queryAll(ctx, f.tx, func(from row, was *Finding) error {
		return from.Scan(&was.ID, &was.Fingerprint, &was.Control, &was.Severity, &was.Message, &was.Waived, &was.LastSeenRun, &was.revision)
	}, "SELECT id, fingerprint, control, severity, message, waived, last_seen_run, profile FROM finding_span WHERE integration_id = $1 AND closed_run IS NULL", f.in.id)
	if err != nil {
		return err
	}
	open := map[string]Finding{}
	for _, was := range list {
		open[was.Fingerprint] = was
	}
	seen, controls := map[string]bool{}, map[audit.ControlID]audit.Control{}
	var unchanged []int64
	for _, c := range f.result.Controls {
		controls[c.ID] = c
		for _, found := range c.Findings {
			if seen[found.Fingerprint] {
				continue
			}
			seen[found.Fingerprint] = true
			waived := found.Waiver != nil
			switch was, ok := open[found.Fingerprint]; {
			case !ok:
				err = f.openFinding(ctx, c, found)
			case was.Severity == c.Severity && was.Message == found.Message && was.Waived == waived && was.revision == f.revision:
				unchanged = append(unchanged, was.ID)
			default:
				err = f.exec(ctx, "UPDATE finding_span SET last_seen_run = $2, severity = $3, message = $4, waived = $5, profile = $6 WHERE id = $1",
					was.ID, f.run, c.Severity.String(), found.Message, waived, f.revision)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := f.updateByID(ctx, "UPDATE finding_span SET last_seen_run = $1", unchanged, f.run); err != nil {
		return err
	}
	for _, was := range list {
		if !seen[was.Fingerprint] {
			if err := f.closeFinding(ctx, was, controls[was.Control]); err != nil {
				return err
			}
		}
	}
	return nil
}

// openFinding begins the span of a finding.
func (f *spanUpdate) openFinding(ctx context.Context, c audit.Control, found audit.Finding) error {
	reason := f.openedReason(c.ID)
	if reason == ReasonEnvironmentChanged {
		was, err := f.earlierResult(ctx, f.latest[c.ID].known.ToRun)
		if err != nil {
			return err
		}
		if f.result.RequirementsDiffer(was) {
			reason = ReasonProfileChanged
		}
	}
	return f.exec(ctx, `INSERT INTO finding_span (integration_id, fingerprint, control, severity, message, waived, profile, first_run, last_seen_run, opened, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, '')`,
		f.in.id, found.Fingerprint, string(c.ID), c.Severity.String(), found.Message, found.Waiver != nil, f.revision, f.run, reason)
}

// closeFinding ends the span of a finding that the result does not have, if its control was judged:
// a zero one is not in the profile any more.
func (f *spanUpdate) closeFinding(ctx context.Context, was Finding, c audit.Control) error {
	reason := ReasonFixed
	switch {
	case c.ID == "":
		reason = ReasonProfileChanged
	case c.Outcome == audit.OutcomeUnknown || len(c.Unjudged) > 0 || isBlocked(c, f.result):
		return nil
	case c.Outcome == audit.OutcomeNotApplicable:
		reason = ReasonNotRequired
	default:
		before, err := f.earlierResult(ctx, was.LastSeenRun)
		if err != nil {
			return err
		}
		switch {
		case f.result.HasReplaced(subjectOf(before, was), before):
			reason = ReasonNotRequired
		case f.result.RequirementsDiffer(before) || revisionsDiffer(was.revision, f.revision):
			reason = ReasonProfileChanged
		}
	}
	return f.exec(ctx, "UPDATE finding_span SET closed_run = $2, reason = $3 WHERE id = $1", was.ID, f.run, reason)
}

// isBlocked reports whether a control is not applicable because another control of the
// result fails, or is unknown: then nothing is known of what it found before. Its reason
// names that control.
func isBlocked(c audit.Control, r audit.Result) bool {
	return c.Outcome == audit.OutcomeNotApplicable && slices.ContainsFunc(r.Controls, func(other audit.Control) bool {
		return other.ID != c.ID && other.Outcome != audit.OutcomePass && other.Outcome != audit.OutcomeNotApplicable && containsWord(c.Reason, string(other.ID))
	})
}

// containsWord reports whether a text contains a word.
func containsWord(text, word string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}), word)
}

// subjectOf is the subject of a finding in the result that has it.
func subjectOf(r audit.Result, f Finding) audit.Subject {
	for _, c := range r.Controls {
		for _, found := range c.Findings {
			if found.Fingerprint == f.Fingerprint {
				return found.Subject
			}
		}
	}
	return audit.Subject{}
}

// earlierResult is the result of a run; zero if it is not stored any more.
func (f *spanUpdate) earlierResult(ctx context.Context, run int64) (audit.Result, error) {
	if was, known := f.earlierResults[run]; known {
		return was, nil
	}
	was, err := queryOne(ctx, f.tx, scanResult, resultQuery+" AND i.id = $2", run, f.in.id)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	f.earlierResults[run] = was
	return was, err
}
