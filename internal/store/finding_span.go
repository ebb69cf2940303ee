package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Reason says why a span began or ended. The zero value is none.
type Reason string

// The reasons. What changed with the profile may have changed in the environment as well:
// it is not said that the environment did it.
const (
	ReasonFirst       Reason = "first-scan"          // nothing was known before
	ReasonEnvironment Reason = "environment-changed" // it began
	ReasonFixed       Reason = "fixed"               // it ended: the control was judged, and the finding is gone
	ReasonProfile     Reason = "profile-changed"     // the profile or the configuration requires something else
	ReasonNotRequired Reason = "not-required"        // it ended: nothing requires it any more, or another user or role is judged
	ReasonReplaced    Reason = "environment-replaced"
	ReasonWaived      Reason = "waived" // it is open, and a waiver covers it
)

// A Finding is a fault from the run that saw it first to the run that judged its control
// and did not see it.
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
	Opened       Reason          `json:"-"`
	ClosedRun    int64           `json:"-"` // 0 while it is open
	ClosedAt     time.Time       `json:"-"`
	ClosedReason Reason          `json:"-"`

	edition string
}

func (t *Tx) foldFindings(ctx context.Context, in integration, run int64, r audit.Result, known map[audit.ControlID]pair) error {
	list, err := all(ctx, t.tx, func(from row) (f Finding, err error) {
		return f, from.Scan(&f.ID, &f.Fingerprint, &f.Control, &f.Severity, &f.Message, &f.Waived, &f.LastSeenRun, &f.edition)
	}, "SELECT id, fingerprint, control, severity, message, waived, last_seen_run, profile FROM finding_span WHERE integration_id = $1 AND closed_run IS NULL", in.id)
	if err != nil {
		return err
	}
	open := map[string]Finding{}
	for _, f := range list {
		open[f.Fingerprint] = f
	}
	now := edition(r.Profile)
	seen, controls := map[string]bool{}, map[audit.ControlID]audit.Control{}
	var unchanged []int64
	before := earlier{in.id, map[int64]audit.Result{}}
	for _, c := range r.Controls {
		controls[c.ID] = c
		for _, f := range c.Findings {
			if seen[f.Fingerprint] {
				continue
			}
			seen[f.Fingerprint] = true
			switch was, ok := open[f.Fingerprint]; {
			case ok && was.Severity == c.Severity && was.Message == f.Message && was.Waived == (f.Waiver != nil) && was.edition == now:
				unchanged = append(unchanged, was.ID)
			case ok:
				err = t.exec(ctx, "UPDATE finding_span SET last_seen_run = $2, severity = $3, message = $4, waived = $5, profile = $6 WHERE id = $1",
					was.ID, run, c.Severity.String(), f.Message, f.Waiver != nil, now)
			default:
				reason := began(in, known[c.ID], now)
				if reason == ReasonEnvironment {
					was, err := before.result(ctx, t, known[c.ID].known.ToRun)
					if err != nil {
						return err
					}
					if r.RequiresOther(was) {
						reason = ReasonProfile
					}
				}
				err = t.exec(ctx, `INSERT INTO finding_span (integration_id, fingerprint, control, severity, message, waived, profile, first_run, last_seen_run, opened, reason)
					VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, '')`,
					in.id, f.Fingerprint, string(c.ID), c.Severity.String(), f.Message, f.Waiver != nil, now, run, reason)
			}
			if err != nil {
				return err
			}
		}
	}
	if err := t.each(ctx, "UPDATE finding_span SET last_seen_run = $1", unchanged, run); err != nil {
		return err
	}
	for _, f := range list {
		if seen[f.Fingerprint] {
			continue
		}
		reason, ended := ReasonProfile, true // the profile has no such control any more
		if c, ok := controls[f.Control]; ok {
			if reason, ended = judged(c, r); reason == ReasonFixed && ended {
				was, err := before.result(ctx, t, f.LastSeenRun)
				if err != nil {
					return err
				}
				switch {
				case r.RequiresOther(was) || differ(f.edition, now):
					reason = ReasonProfile
				case r.JudgesNoLonger(subjectOf(was, f), was):
					reason = ReasonNotRequired
				}
			}
		}
		if ended {
			if err := t.exec(ctx, "UPDATE finding_span SET closed_run = $2, reason = $3 WHERE id = $1", f.ID, run, reason); err != nil {
				return err
			}
		}
	}
	return nil
}

// blocked reports whether a control is not applicable because another control of the
// result fails, or is unknown: then nothing is known of what it found before. Its reason
// names that control.
func blocked(c audit.Control, r audit.Result) bool {
	return c.Outcome == audit.OutcomeNotApplicable && slices.ContainsFunc(r.Controls, func(other audit.Control) bool {
		return other.ID != c.ID && other.Outcome != audit.OutcomePass && other.Outcome != audit.OutcomeNotApplicable && names(c.Reason, string(other.ID))
	})
}

// names reports whether a text contains a word.
func names(text, word string) bool {
	return slices.Contains(strings.FieldsFunc(text, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}), word)
}

// judged reports whether a control's findings are all there are, and why those that are
// not among them ended.
func judged(c audit.Control, r audit.Result) (Reason, bool) {
	switch c.Outcome {
	case audit.OutcomePass, audit.OutcomeFail, audit.OutcomeWaived:
		return ReasonFixed, len(c.Unjudged) == 0
	case audit.OutcomeNotApplicable:
		return ReasonNotRequired, !blocked(c, r)
	case audit.OutcomeUnknown:
	}
	return "", false
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

// earlier are results of an integration that were read, by their run.
type earlier struct {
	integration int64
	results     map[int64]audit.Result
}

// result is the result of a run; zero if it is not stored any more.
func (e earlier) result(ctx context.Context, t *Tx, run int64) (audit.Result, error) {
	if was, known := e.results[run]; known {
		return was, nil
	}
	was, err := one(ctx, t.tx, scanResult, resultQuery+" AND i.id = $2", run, e.integration)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	e.results[run] = was
	return was, err
}
