package apply

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/change"
)

// Neither a journal file nor a response proves what dbaudit created. So each row that it
// supposedly created is read and compared with what the plan required, who made the
// request, and when.

// skew is how much the clocks of two machines may differ.
const skew = time.Hour

// notOurs says why a row is not the one that an action created; "" if it is. end is the
// latest time when it can have been created.
func (r *Runner) notOurs(a change.Action, begun Record, end time.Time, row *Row) string {
	if row == nil {
		return "the row that it creates does not exist"
	}
	t := a.Target
	switch {
	case a.Kind == change.CreateRole && !sameName(row.Name, t.Role.Name):
		return fmt.Sprintf("the role %s has the name %q, not %q", row.ID, row.Name, t.Role.Name)
	case a.Kind == change.CreateRole && (row.Template != "" || cmp.Or(row.Root, row.ID) != row.ID):
		return fmt.Sprintf("the role %s is built in, or a copy of another", row.ID)
	case a.Kind == change.CreateApplicationUser && !strings.EqualFold(row.Application, t.ApplicationID):
		return fmt.Sprintf("the user %s has the application id %q, not %s", row.ID, row.Application, t.ApplicationID)
	case !strings.EqualFold(row.Unit, t.BusinessUnit.ID):
		return fmt.Sprintf("%s is in a different business unit than in the plan", row.ID)
	case row.Author != "" && begun.By != "" && !strings.EqualFold(row.Author, begun.By):
		return "it exists, but somebody else created it"
	case row.Author != "" && !strings.EqualFold(row.Author, r.identity.User):
		return fmt.Sprintf("the user %s created it: sign in as that identity", row.Author)
	case !row.Created.IsZero() && (row.Created.Before(begun.At.Add(-skew)) || row.Created.After(end.Add(skew))):
		return fmt.Sprintf("it was created at %s, but the journal is from %s", row.Created.UTC().Format(time.RFC3339), begun.At.Format(time.RFC3339))
	}
	return ""
}

// ours reads the row that an action created, by the id in the journal, and says why it is
// not ours. gone is set if it does not exist.
func (r *Runner) ours(ctx context.Context, a change.Action) (because string, gone bool, err error) {
	s := r.Journal.of(a.ID)
	if !s.isBegun() || s.done.Made == "" {
		return "the journal does not name the created row", false, nil
	}
	table := TableRole
	if a.Kind == change.CreateApplicationUser {
		table = TableUser
	}
	row, err := r.Mutator.Row(ctx, table, s.done.Made, nil)
	if err != nil {
		return "", false, fmt.Errorf("reading what action %s created: %w", a.ID, err)
	}
	if row == nil {
		return "", true, nil
	}
	return r.notOurs(a, s.begun, s.done.At, row), false, nil
}

// made says why the rows that an action depends on were not created by the plan's earlier
// actions; "" if they were.
func (r *Runner) made(ctx context.Context, a change.Action) (because string, err error) {
	for _, maker := range makers(a.Target) {
		because, gone, err := r.ours(ctx, r.Journal.Plan.Actions[r.Journal.place(maker)])
		switch {
		case err != nil:
			return "", err
		case gone:
			return "", &GoneError{fmt.Errorf("the row that action %s created no longer exists", maker)}
		case because != "":
			return fmt.Sprintf("action %s did not create the row that the journal names: %s", maker, because), nil
		}
	}
	return "", nil
}
