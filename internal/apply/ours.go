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

// sameName compares names as the environment does.
func sameName(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// ours reads the row that an action created, by the id in the journal, and says why it is
// not ours. gone is set if it does not exist.
func (r *Runner) ours(ctx context.Context, a change.Action) (because string, gone bool, err error) {
	done, ok := r.Journal.find(EventDone, a.ID)
	begun, begins := r.Journal.find(EventBegin, a.ID)
	if !ok || !begins || done.Made == "" {
		return "the journal does not name the created row", false, nil
	}
	table := TableRole
	if a.Kind == change.CreateApplicationUser {
		table = TableUser
	}
	row, err := r.Mutator.Row(ctx, table, done.Made, nil)
	if err != nil {
		return "", false, fmt.Errorf("reading what action %s created: %w", a.ID, err)
	}
	if row == nil {
		return "", true, nil
	}
	return r.notOurs(a, begun, done.At, row), false, nil
}

// made says why the rows that an action depends on were not created by the plan's earlier
// actions; "" if they were.
func (r *Runner) made(ctx context.Context, a change.Action) (because string, err error) {
	for _, ref := range []*change.Ref{a.Target.Role, a.Target.Copy, a.Target.User, a.Target.Principal} {
		if ref == nil || ref.MadeBy == "" {
			continue
		}
		for _, maker := range r.Journal.Plan.Actions {
			if maker.ID != ref.MadeBy {
				continue
			}
			because, gone, err := r.ours(ctx, maker)
			switch {
			case err != nil:
				return "", err
			case gone:
				return "", &GoneError{fmt.Errorf("the row that action %s created no longer exists", maker.ID)}
			case because != "":
				return fmt.Sprintf("action %s did not create the row that the journal names: %s", maker.ID, because), nil
			}
		}
	}
	return "", nil
}

// otherwiseNamed says which row has another name than in the reviewed plan; "" if none has.
func (r *Runner) otherwiseNamed(ctx context.Context, t change.Target) (string, error) {
	principal := TableUser
	if t.Principal != nil && t.Principal.Kind == string(TableTeam) {
		principal = TableTeam
	}
	for _, named := range []struct {
		table Table
		ref   *change.Ref
	}{{TableRole, t.Role}, {TableRole, t.Copy}, {TableUser, t.User}, {TableUnit, t.BusinessUnit}, {TableView, t.View}, {principal, t.Principal}} {
		if named.ref == nil || named.ref.ID == "" || named.ref.Name == "" {
			continue
		}
		because, err := r.named(ctx, named.table, *named.ref, t)
		if err != nil || because != "" {
			return because, err
		}
	}
	return "", nil
}

// named checks one row that a target names, once per run.
func (r *Runner) named(ctx context.Context, table Table, ref change.Ref, t change.Target) (because string, err error) {
	key := string(table) + " " + ref.ID + " " + ref.Name
	if because, known := r.names[key]; known {
		return because, nil
	}
	var as *change.Ref
	if table == TableView {
		as = t.Owner
	}
	row, err := r.Mutator.Row(ctx, table, ref.ID, as)
	switch {
	case err != nil:
		return "", fmt.Errorf("reading the name of the %s %q: %w", table.words(), ref.Name, err)
	case row == nil: // reading the target reports what is missing
	case !sameName(row.Name, ref.Name) && (row.SignIn == "" || !sameName(row.SignIn, ref.Name)):
		because = fmt.Sprintf("the %s %q is now named %q", table.words(), ref.Name, row.Name)
	case table == TableUser && t.Kind == change.TargetUser && !strings.EqualFold(row.Application, t.ApplicationID):
		because = fmt.Sprintf("the user %q has the application id %q, not %q", ref.Name, row.Application, t.ApplicationID)
	}
	if r.names == nil {
		r.names = map[string]string{}
	}
	r.names[key] = because
	return because, nil
}

func (t Table) words() string {
	switch t {
	case TableRole, TableTeam:
		return string(t)
	case TableUser:
		return "user"
	case TableUnit:
		return "business unit"
	case TableView:
		return "view"
	}
	return "row"
}

// A FilteredError says that privileges are granted for some records only; a change would
// replace these grants, which could not be restored.
type FilteredError struct {
	Action   change.Action
	Filtered []string
}

func (e *FilteredError) Error() string {
	return fmt.Sprintf("action %s (%s) was not carried out: a record filter grants %s for some records only, and rollback cannot restore that: "+
		"leave the control out of a new plan with --except, or replace the grant with --replace-filtered", e.Action.ID, e.Action.Summary, listed(e.Filtered))
}

// An InheritedError says that rights on a view come from another record.
type InheritedError struct {
	Action change.Action
	Rights string
}

func (e *InheritedError) Error() string {
	return fmt.Sprintf("action %s (%s) was not carried out: %q is inherited from another shared record, and changing this share does not remove it: "+
		"remove it at its source, and leave the control out of a new plan with --except", e.Action.ID, e.Action.Summary, e.Rights)
}
