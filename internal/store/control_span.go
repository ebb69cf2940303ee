package store

import (
	"context"
	"errors"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A ControlSpan is a row of results in which a control had one outcome. Results in which
// it was unknown do not break the row; they are spans of their own.
type ControlSpan struct {
	ID       int64
	Control  audit.ControlID
	Severity audit.Severity
	Outcome  audit.Outcome
	Opened   Reason
	FromRun  int64
	ToRun    int64

	edition string
	inLast  bool // whether the last result is in it
}

// A pair is the latest span of the outcomes that are known, and of unknown.
type pair struct{ known, unknown *ControlSpan }

func (t *Tx) latestControls(ctx context.Context, integration int64) (map[audit.ControlID]pair, error) {
	list, err := all(ctx, t.tx, func(from row) (c ControlSpan, err error) {
		return c, from.Scan(&c.ID, &c.Control, &c.Severity, &c.Outcome, &c.edition, &c.Opened, &c.FromRun, &c.ToRun, &c.inLast)
	}, `SELECT id, control, severity, outcome, profile, opened, from_run, to_run, in_last FROM control_span WHERE integration_id = $1 AND latest`, integration)
	latest := map[audit.ControlID]pair{}
	for _, c := range list {
		p := latest[c.Control]
		if c.Outcome == audit.OutcomeUnknown {
			p.unknown = &c
		} else {
			p.known = &c
		}
		latest[c.Control] = p
	}
	return latest, err
}

// began says why something began that a control's latest known span did not have.
func began(in integration, before pair, now string) Reason {
	switch {
	case in.results == 0:
		return ReasonFirst
	case before.known != nil && differ(before.known.edition, now):
		return ReasonProfile
	case before.known != nil:
		return ReasonEnvironment
	case before.unknown == nil && differ(in.edition, now):
		return ReasonProfile // it was not in the profile before
	}
	return ReasonFirst // it was unknown until now
}

// endSpans ends the two rows of spans of a control.
const endSpans = "UPDATE control_span SET latest = FALSE, in_last = FALSE"

func (t *Tx) foldControls(ctx context.Context, in integration, run int64, r audit.Result, latest map[audit.ControlID]pair) error {
	now := edition(r.Profile)
	var extended, ended, resumed, left []int64
	inResult := map[audit.ControlID]bool{}
	for _, c := range r.Controls {
		inResult[c.ID] = true
		p := latest[c.ID]
		last, other, reason := p.known, p.unknown, began(in, p, now)
		goesOn := last != nil && last.Outcome == c.Outcome
		if c.Outcome == audit.OutcomeUnknown {
			last, other, reason = p.unknown, p.known, ""
			goesOn = last != nil && last.ToRun == in.lastRun
		}
		if other != nil && other.inLast {
			left = append(left, other.ID)
		}
		if goesOn {
			extended = append(extended, last.ID)
			if !last.inLast {
				resumed = append(resumed, last.ID)
			}
			continue
		}
		if last != nil {
			ended = append(ended, last.ID)
		}
		if err := t.exec(ctx, `INSERT INTO control_span (integration_id, control, severity, outcome, profile, opened, from_run, to_run, latest, in_last)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7, TRUE, TRUE)`, in.id, string(c.ID), c.Severity.String(), c.Outcome.String(), now, reason, run); err != nil {
			return err
		}
	}
	for id, p := range latest { // not in the profile any more
		for _, c := range []*ControlSpan{p.known, p.unknown} {
			if c != nil && !inResult[id] {
				ended = append(ended, c.ID)
			}
		}
	}
	return errors.Join(
		t.each(ctx, endSpans, ended),
		t.each(ctx, "UPDATE control_span SET in_last = FALSE", left),
		t.each(ctx, "UPDATE control_span SET in_last = TRUE", resumed),
		t.each(ctx, "UPDATE control_span SET to_run = $1, profile = $2", extended, run, now),
	)
}
