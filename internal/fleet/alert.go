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
	Rules []alert.Rule
	Send  func(ctx context.Context, route string, m alert.Message) error
	Retry time.Duration // the first wait after a receiver refused; it is doubled each time
	Base  string        // the address of the fleet's page, empty for none
}

// An alertKey identifies an alert: its rule, environment, integration and key.
type alertKey [4]string

func keyOf(a store.Alert) alertKey { return alertKey{a.Rule, a.Environment, a.Integration, a.Key} }

// watch compares the present state with the alerts that are open, and enqueues messages for
// the difference. So it misses nothing that happened while no process ran.
func (f *Fleet) watch(ctx context.Context, _ *river.Job[watchArgs]) error {
	list, err := f.store.Fleet(ctx)
	if err != nil {
		return err
	}
	findings, err := f.store.OpenFindings(ctx, "")
	if err != nil {
		return err
	}
	failing, err := f.store.Failing(ctx)
	if err != nil {
		return err
	}
	return f.store.Within(ctx, func(tx *store.Tx) error {
		so := f.conditions(list, findings, failing, tx.Now())
		open, err := tx.OpenAlerts(ctx)
		if err != nil {
			return err
		}
		messages := news{}
		tell := func(a store.Alert, ended bool) {
			if r, ok := f.rule(a.Rule); ok && reports(r, alert.Event(a.Event), ended) {
				messages.add(a, ended)
			}
		}
		var over []int64
		for _, a := range open {
			key := keyOf(a)
			if _, still := so[key]; !still {
				over = append(over, a.ID)
				tell(a, true)
			}
			delete(so, key)
		}
		if err := tx.ResolveAlerts(ctx, over); err != nil {
			return err
		}
		for _, key := range slices.SortedFunc(maps.Keys(so), func(a, b alertKey) int { return slices.Compare(a[:], b[:]) }) {
			a := so[key]
			if a.ID, err = tx.OpenAlert(ctx, a); err != nil {
				return err
			}
			tell(a, false)
		}
		return f.enqueueNews(ctx, tx, messages)
	})
}

func (f *Fleet) rule(name string) (alert.Rule, bool) {
	i := slices.IndexFunc(f.o.Alerts.Rules, func(r alert.Rule) bool { return r.Name == name })
	if i < 0 {
		return alert.Rule{}, false
	}
	return f.o.Alerts.Rules[i], true
}

// reports says whether a rule reports the beginning or the end of an event.
func reports(r alert.Rule, e alert.Event, ended bool) bool {
	if e == alert.New && ended {
		return r.Reports(alert.Fixed)
	}
	return r.Reports(e)
}

// conditions are current states that a rule reports.
func (f *Fleet) conditions(list []store.Status, findings []store.Finding, failing map[string]store.Run, now time.Time) map[alertKey]store.Alert {
	so := map[alertKey]store.Alert{}
	type place struct{ environment, integration string }
	open := map[place][]store.Finding{}
	for _, finding := range findings {
		at := place{finding.Environment, finding.Integration}
		open[at] = append(open[at], finding)
	}
	for _, r := range f.o.Alerts.Rules {
		for _, s := range list {
			if s.Integration == "" || !r.Fits(s.Environment.Labels) {
				continue
			}
			at := place{s.Environment.Name, s.Integration}
			add := func(a store.Alert) {
				a.Rule, a.Environment, a.Integration = r.Name, at.environment, at.integration
				so[keyOf(a)] = a
			}
			for event, message := range eventsOf(s, failing, now, r) {
				if r.Reports(event) {
					add(store.Alert{Key: string(event), Event: string(event), Severity: audit.SeverityHigh, Message: message})
				}
			}
			if !r.Reports(alert.New) && !r.Reports(alert.Fixed) {
				continue
			}
			for _, finding := range open[at] {
				if !finding.Waived && finding.Severity >= r.Severity {
					add(store.Alert{Key: finding.Fingerprint, Event: string(alert.New), Control: finding.Control, Severity: finding.Severity, Message: finding.Message})
				}
			}
		}
	}
	return so
}

// eventsOf are the events of an integration other than findings. A run that has not ended does
// not end them.
func eventsOf(s store.Status, failing map[string]store.Run, now time.Time, r alert.Rule) map[alert.Event]string {
	events := map[alert.Event]string{}
	if run, fails := failing[s.Environment.Name]; fails && run.EndedAt.After(s.LastResultAt) {
		events[alert.CannotRun] = run.Error
	}
	if s.LastResultRun != 0 && s.Verdict == audit.VerdictIncomplete {
		events[alert.Unknown] = "some controls could not be judged"
	}
	if ends := s.Environment.CredentialEnds; !ends.IsZero() && ends.Sub(now) < r.Notice() {
		events[alert.Credential] = "it ends on " + ends.Format(time.DateOnly) + ": renew it"
	}
	switch last := s.LastCompleteAt; {
	case s.Environment.Paused:
	case last.IsZero() && now.Sub(s.Environment.CreatedAt) > r.Silence():
		events[alert.Silent] = "there was none yet"
	case !last.IsZero() && now.Sub(last) > r.Silence():
		events[alert.Silent] = "the last one was at " + last.Format("2006-01-02 15:04 UTC")
	}
	return events
}

// apart is how many environments have a message each; more have one together.
const apart = 10

// news are the messages by rule and environment.
type news map[string]map[string]*tellArgs

func (n news) add(a store.Alert, ended bool) {
	if n[a.Rule] == nil {
		n[a.Rule] = map[string]*tellArgs{}
	}
	args := n[a.Rule][a.Environment]
	if args == nil {
		args = &tellArgs{Rule: a.Rule}
		n[a.Rule][a.Environment] = args
	}
	if ended {
		args.Ended = append(args.Ended, a.ID)
	} else {
		args.Began = append(args.Began, a.ID)
	}
}

func (f *Fleet) enqueueNews(ctx context.Context, tx *store.Tx, messages news) error {
	for _, rule := range slices.Sorted(maps.Keys(messages)) {
		var jobs []*tellArgs
		together := &tellArgs{Rule: rule}
		for _, environment := range slices.Sorted(maps.Keys(messages[rule])) {
			args := messages[rule][environment]
			jobs = append(jobs, args)
			together.Began, together.Ended = append(together.Began, args.Began...), append(together.Ended, args.Ended...)
		}
		if len(jobs) > apart {
			jobs = []*tellArgs{together}
		}
		for _, args := range jobs {
			if _, err := f.queue.InsertTx(ctx, tx.Queue(), *args, nil); err != nil {
				return fmt.Errorf("the queue: %w", err)
			}
		}
	}
	return nil
}

// tellAgain is when a message that failed is sent again.
func (f *Fleet) tellAgain(job *river.Job[tellArgs]) time.Time {
	const first, most = 20 * time.Second, time.Hour
	return job.AttemptedAt.Add(min(cmp.Or(f.o.Alerts.Retry, first)<<min(job.Attempt-1, 10), most))
}

// tell sends a message. It comes again, with the same id, if the process dies before the job
// ended.
func (f *Fleet) tell(ctx context.Context, job *river.Job[tellArgs]) error {
	r, ok := f.rule(job.Args.Rule)
	if !ok {
		return nil // the rule was removed
	}
	ids := slices.Concat(job.Args.Began, job.Args.Ended)
	alerts, err := f.store.Alerts(ctx, ids)
	if err != nil {
		return err
	}
	var items []alert.Item
	for i, a := range alerts {
		event, ended := alert.Event(a.Event), i >= len(job.Args.Began)
		// A receiver that was down does not hear old news after newer news.
		if ended && a.Again || !ended && !a.Resolved.IsZero() && reports(r, event, true) {
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
			item.Reason = string(a.Ended)
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil
	}
	slices.SortStableFunc(items, func(a, b alert.Item) int { return cmp.Compare(b.Severity, a.Severity) })
	m := alert.Compose(fmt.Sprintf("alert-%d", job.ID), r.Name, f.o.Alerts.Base, items)
	if err := f.o.Alerts.Send(ctx, r.Route, m); err != nil {
		f.o.Logger.Warn("an alert could not be sent, and is tried again", "rule", r.Name, "error", err)
		return err
	}
	return f.store.Within(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		if err := tx.Sent(ctx, ids); err != nil {
			return err
		}
		_, err := river.JobCompleteTx[driver](ctx, tx.Queue(), job)
		return err
	})
}
