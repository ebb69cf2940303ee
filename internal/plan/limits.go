package plan

import (
	"cmp"
	"fmt"
	"time"

	"github.com/dbaudit/dbaudit/internal/change"
)

// Limits bound what a plan may do; the plan itself has the profile and the requirements.
type Limits = change.Limits

// MaxChanges is the default limit of a plan's changes.
const MaxChanges = 100

// Within refuses a plan that exceeds the limits.
func (p Plan) Within(l Limits) error {
	most := cmp.Or(l.Changes, MaxChanges)
	if n := p.size(); n > most {
		return fmt.Errorf("the plan makes %d changes, more than the limit of %d: make it smaller with --only or --except, or raise --max-changes", n, most)
	}
	l.Profile, l.Requirement = p.Profile, p.Requirement
	for _, a := range p.Actions {
		if err := a.Within(l); err != nil {
			return err
		}
	}
	return nil
}

// Expired reports whether the plan is too old to be applied, or from the future.
func (p Plan) Expired(now time.Time) bool {
	const skew = time.Hour
	return now.After(p.ExpiresAt) || now.Before(p.Snapshot.TakenAt.Add(-skew))
}
