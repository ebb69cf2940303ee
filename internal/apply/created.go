package apply

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/change"
)

// Neither a journal nor a response proves that dbaudit created a row. So each created row is
// compared with the plan, the identity that made the request, and the time.

// skew is the maximum difference between the clocks of two machines.
const skew = time.Hour

// foreignRowReason returns why an action that ended before end did not create the row, or an empty
// string.
func (r *Runner) foreignRowReason(a change.Action, begun Record, end time.Time, row *Row) string {
	if row == nil {
		return "the row that it creates does not exist"
	}
	t := a.Target
	switch {
	case a.Kind == change.CreateRole && !equalNames(row.Name, t.Role.Name):
		return fmt.Sprintf("the role %s has the name %q, not %q", row.ID, row.Name, t.Role.Name)
	case a.Kind == change.CreateRole && (row.Template != "" || cmp.Or(row.Root, row.ID) != row.ID):
		return fmt.Sprintf("the role %s is built in, or a copy of another", row.ID)
	case a.Kind == change.CreateApplicationUser && !strings.EqualFold(row.ApplicationID, t.ApplicationID):
		return fmt.Sprintf("the user %s has the application id %q, not %s", row.ID, row.ApplicationID, t.ApplicationID)
	case !strings.EqualFold(row.Unit, t.BusinessUnit.ID):
		return fmt.Sprintf("%s is in a different business unit than in the plan", row.ID)
	case row.CreatedBy != "" && begun.By != "" && !strings.EqualFold(row.CreatedBy, begun.By):
		return "it exists, but another identity created it"
	case row.CreatedBy != "" && !strings.EqualFold(row.CreatedBy, r.identity.User):
		return fmt.Sprintf("the user %s created it: sign in as that identity", row.CreatedBy)
	case !row.CreatedOn.IsZero() && (row.CreatedOn.Before(begun.At.Add(-skew)) || row.CreatedOn.After(end.Add(skew))):
		return fmt.Sprintf("it was created at %s, but the journal is from %s", row.CreatedOn.UTC().Format(time.RFC3339), begun.At.Format(time.RFC3339))
	}
	return ""
}

// checkCreatedRows returns an error if earlier actions did not create the rows that an action needs.
func (r *Runner) checkCreatedRows(ctx context.Context, a change.Action) error {
	for _, id := range creators(a.Target) {
		creator, s := r.Journal.Plan.Actions[r.Journal.index(id)], r.Journal.step(id)
		reason := "the journal does not name the created row"
		if s.isBegun() && s.done.Made != "" {
			table := TableRole
			if creator.Kind == change.CreateApplicationUser {
				table = TableUser
			}
			row, err := r.Mutator.Row(ctx, table, s.done.Made, nil)
			switch {
			case err != nil:
				return fmt.Errorf("reading what action %s created: %w", id, err)
			case row == nil:
				return &GoneError{fmt.Errorf("the row that action %s created no longer exists", id)}
			}
			reason = r.foreignRowReason(creator, s.begun, s.done.At, row)
		}
		if reason != "" {
			return mismatchError(fmt.Sprintf("action %s did not create the row that the journal names: %s", id, reason))
		}
	}
	return nil
}
