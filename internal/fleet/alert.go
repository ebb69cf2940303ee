package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"github.com/dbaudit/dbaudit/internal/alert"
	"github.com/dbaudit/dbaudit/internal/store"
)

// Alerts configure what is reported about the fleet, and how.
type Alerts struct {
	Rules     []alert.Rule
	Send      func(ctx context.Context, route string, m alert.Message) error
	RetryWait time.Duration // the wait after the first failed attempt; it doubles with each attempt
	PageURL   string        // the address of the fleet's page; empty for none
}

// checkAlerts compares the current state with the open alerts, and enqueues messages about the
// differences. It therefore also reports what happened while no process ran.
func (f *Fleet) checkAlerts(ctx context.Context, _ *river.Job[checkAlertsArgs]) error {
	state, err := f.readState(ctx)
	if err != nil {
		return err
	}
	return f.store.InTx(ctx, func(tx *store.Tx) error {
		current := state.alerts(f.options.Alerts.Rules, tx.Now())
		open, err := tx.OpenAlerts(ctx)
		if err != nil {
			return err
		}
		var ended []int64
		var changes []alertChange
		for _, a := range open {
			key := alertKeyOf(a)
			if _, ok := current[key]; !ok && state.hasEnded(a) {
				ended, changes = append(ended, a.ID), append(changes, alertChange{a, true})
			}
			delete(current, key)
		}
		if err := tx.ResolveAlerts(ctx, ended); err != nil {
			return err
		}
		for _, key := range slices.SortedFunc(maps.Keys(current), func(a, b alertKey) int { return slices.Compare(a[:], b[:]) }) {
			a := current[key]
			if a.ID, err = tx.CreateAlert(ctx, a); err != nil {
				return err
			}
			changes = append(changes, alertChange{a, false})
		}
		return f.enqueueMessages(ctx, tx, changes)
	})
}

type alertChange struct {
	store.Alert

	ended bool
}

// maxSeparateMessages is the maximum number of environments that get separate messages. More
// environments share one message.
const maxSeparateMessages = 10

func (f *Fleet) enqueueMessages(ctx context.Context, tx *store.Tx, changes []alertChange) error {
	slices.SortStableFunc(changes, func(a, b alertChange) int { return cmp.Compare(a.Environment, b.Environment) })
	for _, r := range f.options.Alerts.Rules {
		messages, shared := map[string]*sendAlertArgs{}, &sendAlertArgs{Rule: r.Name}
		for _, c := range changes {
			if c.Rule != r.Name || !r.Reports(alert.Event(c.Event), c.ended) {
				continue
			}
			m := cmp.Or(messages[c.Environment], &sendAlertArgs{Rule: r.Name})
			messages[c.Environment] = m
			m.add(c)
			shared.add(c)
		}
		if len(messages) > maxSeparateMessages {
			messages = map[string]*sendAlertArgs{"": shared}
		}
		for _, environment := range slices.Sorted(maps.Keys(messages)) {
			if _, err := f.queue.InsertTx(ctx, tx.QueueTx(), *messages[environment], nil); err != nil {
				return fmt.Errorf("the queue: %w", err)
			}
		}
	}
	return nil
}

func (a *sendAlertArgs) add(c alertChange) {
	if c.ended {
		a.Ended = append(a.Ended, c.ID)
	} else {
		a.Began = append(a.Began, c.ID)
	}
}

// nextSend returns when a message that could not be sent is sent again.
func (f *Fleet) nextSend(job *river.Job[sendAlertArgs]) time.Time {
	const minWait, maxWait = 20 * time.Second, time.Hour
	return job.AttemptedAt.Add(min(cmp.Or(f.options.Alerts.RetryWait, minWait)<<min(job.Attempt-1, 10), maxWait))
}

// sendAlert sends a message. If the process dies before it has completed the job, the message is
// sent again with the same id.
func (f *Fleet) sendAlert(ctx context.Context, job *river.Job[sendAlertArgs]) error {
	i := slices.IndexFunc(f.options.Alerts.Rules, func(r alert.Rule) bool { return r.Name == job.Args.Rule })
	if i < 0 {
		return nil // the rule was removed
	}
	r := f.options.Alerts.Rules[i]
	ids := slices.Concat(job.Args.Began, job.Args.Ended)
	alerts, err := f.store.Alerts(ctx, ids)
	if err != nil {
		return err
	}
	items := messageItems(r, alerts, len(job.Args.Began))
	if len(items) == 0 {
		return nil
	}
	m := alert.NewMessage(fmt.Sprintf("alert-%d", job.ID), r.Name, f.options.Alerts.PageURL, items)
	if err := f.options.Alerts.Send(ctx, r.Route, m); err != nil {
		f.options.Logger.Warn("an alert could not be sent, and is tried again", "rule", r.Name, "error", err)
		return err
	}
	ctx = context.WithoutCancel(ctx) // if this process stops now, another one must not send the message again
	return f.store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.MarkSent(ctx, ids); err != nil {
			return err
		}
		_, err := river.JobCompleteTx[driver](ctx, tx.QueueTx(), job)
		return err
	})
}

// messageItems returns the items of a message, most severe first. The first alerts began, and the
// others ended. It leaves out what has changed again since the message was enqueued: the receiver
// gets a newer message about that.
func messageItems(r alert.Rule, alerts []store.Alert, began int) []alert.Item {
	var items []alert.Item
	for i, a := range alerts {
		item := alert.Item{
			Environment: a.Environment, Integration: a.Integration, Event: alert.Event(a.Event), Control: string(a.Control),
			Severity: a.Severity, Text: a.Message, Since: a.Opened, Ended: i >= began,
		}
		switch {
		case item.Ended && a.Reopened, !item.Ended && !a.Resolved.IsZero() && r.Reports(item.Event, true):
			continue
		case item.Ended && a.Retired:
			item.Reason = "retired"
		case item.Ended:
			item.Reason = string(a.CloseReason)
		}
		items = append(items, item)
	}
	slices.SortStableFunc(items, func(a, b alert.Item) int { return cmp.Compare(b.Severity, a.Severity) })
	return items
}
