package store

import (
	"context"
	"errors"
	"maps"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A ControlSpan is a series of results in which a control had one outcome. Results in which
// it was unknown do not interrupt it; they are spans of their own.
type ControlSpan struct {
	ID           int64
	Control      audit.ControlID
	Severity     audit.Severity
	Outcome      audit.Outcome
	OpenedReason Reason
	FromRun      int64
	ToRun        int64

	revision string
}

// A latestSpans is the latest span of the outcomes that are known, and of unknown.
type latestSpans struct{ known, unknown *ControlSpan }

func (t *Tx) latestControlSpans(ctx context.Context, integration int64) (map[audit.ControlID]latestSpans, error) {
	list, err := queryAll(ctx, t.tx, func(from row, c *ControlSpan) error {
		return from.Scan(&c.ID, &c.Control, &c.Severity, &c.Outcome, &c.revision, &c.OpenedReason, &c.FromRun, &c.ToRun)
	}, `SELECT id, control, severity, outcome, profile, opened, from_run, to_run FROM control_span WHERE integration_id = $1 AND latest`, integration)
	latest := map[audit.ControlID]latestSpans{}
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

// openedReason says why something of a control began that its latest known span did not have.
func (f *spanUpdate) openedReason(control audit.ControlID) Reason {
	switch before := f.latest[control]; {
	case f.in.results == 0:
		return ReasonFirstScan
	case before.known != nil && revisionsDiffer(before.known.revision, f.revision):
		return ReasonProfileChanged
	case before.known != nil:
		return ReasonEnvironmentChanged
	case before.unknown == nil && revisionsDiffer(f.in.revision, f.revision):
		return ReasonProfileChanged // it was not in the profile before
	}
	return ReasonFirstScan // it was unknown until now
}

// updateControls folds the outcomes of the controls of the result.
func (f *spanUpdate) updateControls(ctx context.Context) error {
	var extended, ended []int64
	left := maps.Clone(f.latest)
	for _, c := range f.result.Controls {
		delete(left, c.ID)
		p := f.latest[c.ID]
		last, reason := p.known, f.openedReason(c.ID)
		goesOn := last != nil && last.Outcome == c.Outcome
		if c.Outcome == audit.OutcomeUnknown {
			last, reason = p.unknown, ""
			goesOn = last != nil && last.ToRun == f.in.lastRun
		}
		if goesOn {
			extended = append(extended, last.ID)
			continue
		}
		if last != nil {
			ended = append(ended, last.ID)
		}
		if err := f.exec(ctx, `INSERT INTO control_span (integration_id, control, severity, outcome, profile, opened, from_run, to_run, latest, in_last)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7, TRUE, TRUE)`, f.in.id, string(c.ID), c.Severity.String(), c.Outcome.String(), f.revision, reason, f.run); err != nil {
			return err
		}
	}
	for _, p := range left { // not in the profile any more
		for _, c := range []*ControlSpan{p.known, p.unknown} {
			if c != nil {
				ended = append(ended, c.ID)
			}
		}
	}
	return errors.Join(
		f.updateByID(ctx, "UPDATE control_span SET in_last = TRUE, to_run = $1, profile = $2", extended, f.run, f.revision),
		f.exec(ctx, "UPDATE control_span SET in_last = FALSE WHERE integration_id = $1 AND latest AND in_last AND to_run <> $2", f.in.id, f.run),
		f.updateByID(ctx, "UPDATE control_span SET latest = FALSE", ended),
	)
}
