package store

import (
	"context"
	"errors"
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
	revision       string                          // of the result's profile
	latest         map[audit.ControlID]latestSpans // before the result
	earlierResults map[int64]audit.Result          // by run: a cache of earlierResult
}

func (t *Tx) updateSpans(ctx context.Context, in integration, run int64, r audit.Result) error {
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
	u := &spanUpdate{t, in, run, r, profileRevision(r.Profile), latest, map[int64]audit.Result{}}
	if err := u.updateFindings(ctx); err != nil {
		return err
	}
	return u.updateControls(ctx)
}

// openedReason returns why a span of a control begins that its latest known span does not cover.
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

// profileRevision identifies the requirements of a profile: two profiles with the same name may
// differ.
func profileRevision(p audit.Profile) string {
	if p.Digest != "" {
		return p.Digest
	}
	return p.Version
}

// revisionsDiffer reports whether two revisions are known and differ.
func revisionsDiffer(a, b string) bool { return a != "" && b != "" && a != b }
