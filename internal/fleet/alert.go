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
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/store"
)

// Alerts say what is reported about the fleet.
type Alerts struct {
	Rules     []alert.Rule
	Send      func(ctx context.Context, route string, m alert.Message) error
	RetryWait time.Duration // the first wait after a receiver refused; it is doubled each time
	PageURL   string        // the address of the fleet's page, empty for none
}

// An alertKey identifies an alert: its rule, environment, integration and key.
type alertKey [4]string

func alertKeyOf(a store.Alert) alertKey { return alertKey{a.Rule, a.Environment, a.Integration, a.Key} }

// checkAlerts compares the present state with the alerts that are open, and enqueues messages for
// the difference. So it misses nothing that happened while no process ran.
func (f *Fleet) checkAlerts(ctx context.Context, _ *river.Job[checkAlertsArgs]) error {
	list, err := f.store.FleetStatus(ctx)
	if err != nil {
		return err
	}
	findings, err := f.store.OpenFindings(ctx, "")
	if err != nil {
		return err
	}
	failing, err := f.store.FailingRuns(ctx)
	if err != nil {
		return err
	}
	return f.store.InTx(ctx, func(tx *store.Tx) error {
		so := f.currentAlerts(list, findings, failing, tx.Now())
		open, err := tx.OpenAlerts(ctx)
		if err != nil {
			return err
		}
		var over []int64
		var changes []alertChange
		for _, a := range open {
			key := alertKeyOf(a)
			if _, still := so[key]; !still && hasEnded(a, list, failing) {
				over, changes = append(over, a.ID), append(changes, alertChange{a, true})
			}
			delete(so, key)
		}
		if err := tx.ResolveAlerts(ctx, over); err != nil {
			return err
		}
		for _, key := range slices.SortedFunc(maps.Keys(so), func(a, b alertKey) int { return slices.Compare(a[:], b[:]) }) {
			a := so[key]
			if a.ID, err = tx.CreateAlert(ctx, a); err != nil {
				return err
			}
			changes = append(changes, alertChange{a, false})
		}
		return f.enqueueMessages(ctx, tx, changes)
	})
}

// A alertChange is that an alert began or ended.
type alertChange struct {
	store.Alert

	ended bool
}

// maxSeparateMessages is how many environments have a message each; more have one together.
const maxSeparateMessages = 10

// enqueueMessages enqueues the messages about changes.
func (f *Fleet) enqueueMessages(ctx context.Context, tx *store.Tx, changes []alertChange) error {
	slices.SortStableFunc(changes, func(a, b alertChange) int { return cmp.Compare(a.Environment, b.Environment) })
	for _, r := range f.options.Alerts.Rules {
		messages, together := map[string]*sendAlertArgs{}, &sendAlertArgs{Rule: r.Name}
		for _, c := range changes {
			if c.Rule != r.Name || !r.Reports(alert.Event(c.Event), c.ended) {
				continue
			}
			m := cmp.Or(messages[c.Environment], &sendAlertArgs{Rule: r.Name})
			messages[c.Environment] = m
			m.add(c)
			together.add(c)
		}
		if len(messages) > maxSeparateMessages {
			messages = map[string]*sendAlertArgs{"": together}
		}
		for _, environment := range slices.Sorted(maps.Keys(messages)) {
			if _, err := f.queue.InsertTx(ctx, tx.QueueTx(), *messages[environment], nil); err != nil {
				return fmt.Errorf("the queue: %w", err)
			}
		}
	}
	return nil
}

func (t *sendAlertArgs) add(c alertChange) {
	if c.ended {
		t.Ended = append(t.Ended, c.ID)
	} else {
		t.Began = append(t.Began, c.ID)
	}
}

// currentAlerts are current states that a rule reports.
func (f *Fleet) currentAlerts(list []store.Status, findings []store.Finding, failing map[string]store.Run, now time.Time) map[alertKey]store.Alert {
	so := map[alertKey]store.Alert{}
	labels := map[string]map[string]string{} // by environment
	for _, s := range list {
		labels[s.Environment.Name] = s.Environment.Labels
	}
	for _, r := range f.options.Alerts.Rules {
		add := func(environment, integration string, a store.Alert) {
			a.Rule, a.Environment, a.Integration = r.Name, environment, integration
			so[alertKeyOf(a)] = a
		}
		for _, s := range list {
			if s.Integration == "" || !r.Matches(s.Environment.Labels) {
				continue
			}
			for event, message := range currentEvents(s, failing, now, r) {
				if r.Reports(event, false) {
					add(s.Environment.Name, s.Integration, store.Alert{Key: eventKey(event, s), Event: string(event), Severity: audit.SeverityHigh, Message: message})
				}
			}
		}
		if !r.Reports(alert.EventNew, false) && !r.Reports(alert.EventNew, true) {
			continue
		}
		for _, n := range findings {
			if of, known := labels[n.Environment]; known && r.Matches(of) && !n.Waived && n.Severity >= r.Severity {
				add(n.Environment, n.Integration, store.Alert{Key: n.Fingerprint, Event: string(alert.EventNew), Control: n.Control, Severity: n.Severity, Message: n.Message})
			}
		}
	}
	return so
}

// currentEvents are the events of an integration other than findings. A run that has not ended does
// not end them.
func currentEvents(s store.Status, failing map[string]store.Run, now time.Time, r alert.Rule) map[alert.Event]string {
	events := map[alert.Event]string{}
	if cannotRun(s, failing) {
		events[alert.EventCannotRun] = failing[s.Environment.Name].Error
	}
	if s.LastResultRun != 0 && s.Verdict == audit.VerdictIncomplete {
		events[alert.EventUnknown] = "some controls could not be judged"
	}
	if ends := s.Environment.CredentialEnds; !ends.IsZero() && ends.Sub(now) < r.CredentialNotice() {
		events[alert.EventCredential] = credentialMessage(ends)
	}
	last := s.LastCompleteAt
	if last.IsZero() {
		last = s.Environment.CreatedAt
	}
	if !s.Environment.Paused && now.Sub(last) > r.SilentAfter() {
		events[alert.EventSilent] = silenceMessage(s)
	}
	return events
}

func cannotRun(s store.Status, failing map[string]store.Run) bool {
	run, fails := failing[s.Environment.Name]
	return fails && run.EndedAt.After(s.LastResultAt)
}

func silenceMessage(s store.Status) string {
	if s.LastCompleteAt.IsZero() {
		return "it has never had one"
	}
	return "the last one was at " + s.LastCompleteAt.Format("2006-01-02 15:04 UTC")
}

// eventKey tells an alert from others of an integration. That of a credential names its last day:
// another day is another credential.
func eventKey(event alert.Event, s store.Status) string {
	if event == alert.EventCredential {
		return string(event) + " " + s.Environment.CredentialEnds.Format(time.DateOnly)
	}
	return string(event)
}

func credentialMessage(ends time.Time) string {
	return "it ends on " + ends.Format(time.DateOnly) + ": renew it"
}

// hasEnded reports whether what an alert is about has ended. It has not if only the rule, a label
// or a pause is different now.
func hasEnded(a store.Alert, list []store.Status, failing map[string]store.Run) bool {
	i := slices.IndexFunc(list, func(s store.Status) bool {
		return s.Environment.Name == a.Environment && s.Integration == a.Integration
	})
	if i < 0 {
		return true // it is not audited any more
	}
	switch s := list[i]; alert.Event(a.Event) {
	case alert.EventUnknown:
		return s.Verdict != audit.VerdictIncomplete
	case alert.EventCannotRun:
		return !cannotRun(s, failing)
	case alert.EventSilent:
		return s.LastCompleteAt.After(a.Opened)
	case alert.EventCredential:
		return a.Key != eventKey(alert.EventCredential, s)
	case alert.EventNew, alert.EventFixed:
	}
	return a.CloseReason != ""
}

// nextSend is when a message that failed is sent again.
func (f *Fleet) nextSend(job *river.Job[sendAlertArgs]) time.Time {
	const first, most = 20 * time.Second, time.Hour
	return job.AttemptedAt.Add(min(cmp.Or(f.options.Alerts.RetryWait, first)<<min(job.Attempt-1, 10), most))
}

// sendAlert sends a message. It comes again, with the same id, if the process dies before the job
// ended.
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
	var items []alert.Item
	for i, a := range alerts {
		event, ended := alert.Event(a.Event), i >= len(job.Args.Began)
		// A receiver that was down does not hear old news after newer news.
		if ended && a.Reopened || !ended && !a.Resolved.IsZero() && r.Reports(event, true) {
			continue
		}
		item := alert.Item{
			Environment: a.Environment, Integration: a.Integration, Event: event, Control: string(a.Control),
			Severity: a.Severity, Text: a.Message, Since: a.Opened, Ended: ended,
		}
		switch {
		case ended && a.Retired:
			item.Reason = "retired"
		case ended:
			item.Reason = string(a.CloseReason)
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil
	}
	slices.SortStableFunc(items, func(a, b alert.Item) int { return cmp.Compare(b.Severity, a.Severity) })
	m := alert.NewMessage(fmt.Sprintf("alert-%d", job.ID), r.Name, f.options.Alerts.PageURL, items)
	if err := f.options.Alerts.Send(ctx, r.Route, m); err != nil {
		f.options.Logger.Warn("an alert could not be sent, and is tried again", "rule", r.Name, "error", err)
		return err
	}
	return f.store.InTx(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if err := tx.MarkSent(ctx, ids); err != nil {
			return err
		}
		_, err := river.JobCompleteTx[driver](ctx, tx.QueueTx(), job)
		return err
	})
}
