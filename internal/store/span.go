package store

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// A Reason says why a span began or ended.
type Reason string

// The reasons. If the profile changed, the environment may have changed as well.
const (
	ReasonFirstScan           Reason = "first-scan"           // began: nothing was known before
	ReasonEnvironmentChanged  Reason = "environment-changed"  // began
	ReasonFixed               Reason = "fixed"                // ended: the control was judged, and the finding is gone
	ReasonProfileChanged      Reason = "profile-changed"      // the profile or the configuration has other requirements
	ReasonNotRequired         Reason = "not-required"         // ended: nothing requires it any more, or another user or role is judged
	ReasonEnvironmentReplaced Reason = "environment-replaced" // ended: another environment has the same address
	ReasonWaived              Reason = "waived"               // of an open finding: a waiver covers it
)

// A spanUpdate updates the spans of an integration with the result of a run.
type spanUpdate struct {
	*Tx

	in             integration
	run            int64
	result         audit.Result
	revision       string                          // of the result
	latest         map[audit.ControlID]latestSpans // before the result
	earlierResults map[int64]audit.Result          // by run: a cache of earlierResult
}

func (t *Tx) updateSpans(ctx context.Context, in integration, run int64, revision string, r audit.Result) error {
	if in.organizationID != "" && r.Environment.OrganizationID != "" && !strings.EqualFold(in.organizationID, r.Environment.OrganizationID) {
		// Another environment has the same name now. Its spans begin with this result.
		if err := t.exec(ctx, "UPDATE finding_span SET closed_run = $2, reason = $3 WHERE integration_id = $1 AND closed_run IS NULL",
			in.id, run, ReasonEnvironmentReplaced); err != nil {
			return err
		}
		if err := t.exec(ctx, "UPDATE control_span SET latest = FALSE, in_last = FALSE WHERE integration_id = $1 AND latest", in.id); err != nil {
			return err
		}
		in.results = 0
	}
	latest, err := t.latestControlSpans(ctx, in.id)
	if err != nil {
		return err
	}
	u := &spanUpdate{t, in, run, r, revision, latest, map[int64]audit.Result{}}
	if err := u.updateFindings(ctx); err != nil {
		return err
	}
	return u.updateControls(ctx)
}

// openedReason returns why a finding of a control begins.
func (u *spanUpdate) openedReason(control audit.ControlID) Reason {
	switch before := u.latest[control]; {
	case u.in.results == 0:
		return ReasonFirstScan
	case before.known != nil && revisionsDiffer(before.known.revision, u.revision):
		return ReasonProfileChanged
	case before.known != nil:
		return ReasonEnvironmentChanged
	case before.unknown == nil && revisionsDiffer(u.in.revision, u.revision):
		return ReasonProfileChanged // the profile did not have the control before
	}
	return ReasonFirstScan // the control was unknown until now
}

// earlierResult returns the result of an earlier run, or a zero result if it was pruned.
func (u *spanUpdate) earlierResult(ctx context.Context, run int64) (audit.Result, error) {
	if r, ok := u.earlierResults[run]; ok {
		return r, nil
	}
	r, err := queryOne(ctx, u.tx, scanResult, resultQuery+" AND i.id = $2", run, u.in.id)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	u.earlierResults[run] = r
	return r, err
}

// revisionOf returns the revision of a result: the digest of its profile, because two profiles with
// the same name may differ, a space, and what is required; see [Requirements]. A waiver closes no
// finding, so the revision leaves waivers out.
func revisionOf(p audit.Profile, requirement string) string {
	required, _, _ := strings.Cut(requirement, "+")
	return cmp.Or(p.Digest, p.Version) + " " + required
}

// revisionsDiffer reports whether a part of two revisions is known in both and differs. Earlier
// versions stored only the first part.
func revisionsDiffer(a, b string) bool {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	profileA, requiredA, _ := strings.Cut(a, " ")
	profileB, requiredB, _ := strings.Cut(b, " ")
	return differ(profileA, profileB) || differ(requiredA, requiredB)
}

// A controlSpan is a series of results in which a control had the same outcome. Results in which
// the control was unknown have spans of their own and do not interrupt the other spans.
type controlSpan struct {
	id       int64
	control  audit.ControlID
	outcome  audit.Outcome
	toRun    int64
	revision string // of the last result of the span
}

// latestSpans are the latest span of a control with a known outcome, and the latest one in which
// it was unknown; nil for none.
type latestSpans struct{ known, unknown *controlSpan }

func (t *Tx) latestControlSpans(ctx context.Context, integration int64) (map[audit.ControlID]latestSpans, error) {
	list, err := queryAll(ctx, t.tx, func(r row, c *controlSpan) error {
		return r.Scan(&c.id, &c.control, &c.outcome, &c.revision, &c.toRun)
	}, "SELECT id, control, outcome, profile, to_run FROM control_span WHERE integration_id = $1 AND latest", integration)
	latest := map[audit.ControlID]latestSpans{}
	for _, c := range list {
		spans := latest[c.control]
		if c.outcome == audit.OutcomeUnknown {
			spans.unknown = &c
		} else {
			spans.known = &c
		}
		latest[c.control] = spans
	}
	return latest, err
}

func (u *spanUpdate) updateControls(ctx context.Context) error {
	var extended, ended []int64
	removed := maps.Clone(u.latest) // the controls that the profile no longer has
	for _, c := range u.result.Controls {
		delete(removed, c.ID)
		span := u.latest[c.ID].known
		extends := span != nil && span.outcome == c.Outcome
		if c.Outcome == audit.OutcomeUnknown {
			span = u.latest[c.ID].unknown
			extends = span != nil && span.toRun == u.in.lastRun
		}
		if extends {
			extended = append(extended, span.id)
			continue
		}
		if span != nil {
			ended = append(ended, span.id)
		}
		if err := u.exec(ctx, `INSERT INTO control_span (integration_id, control, severity, outcome, profile, from_run, to_run, latest, in_last)
			VALUES ($1, $2, $3, $4, $5, $6, $6, TRUE, TRUE)`, u.in.id, string(c.ID), c.Severity.String(), c.Outcome.String(), u.revision, u.run); err != nil {
			return err
		}
	}
	for _, spans := range removed {
		for _, span := range []*controlSpan{spans.known, spans.unknown} {
			if span != nil {
				ended = append(ended, span.id)
			}
		}
	}
	return errors.Join(
		u.updateByID(ctx, "UPDATE control_span SET in_last = TRUE, to_run = $1, profile = $2", extended, u.run, u.revision),
		u.exec(ctx, "UPDATE control_span SET in_last = FALSE WHERE integration_id = $1 AND latest AND in_last AND to_run <> $2", u.in.id, u.run),
		u.updateByID(ctx, "UPDATE control_span SET latest = FALSE", ended),
	)
}
