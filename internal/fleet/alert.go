package fleet

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/dbaudit/dbaudit/internal/alert"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/store"
)

// Alerts say what is reported about the fleet.
type Alerts struct {
	Rules []alert.Rule
	// Send sends a message by a route.
	Send func(ctx context.Context, route string, m alert.Message) error
	// Retry is how long a receiver that refuses gets at first; then twice as long each time.
	Retry time.Duration
	// Base is the address of the fleet's page, empty for none.
	Base string
}

// queueAlerts is worked by the processes that have a file of alerts.
const queueAlerts = "alerts"

type watchArgs struct{}

// Kind implements [river.JobArgs].
func (watchArgs) Kind() string { return "watch" }

// InsertOpts implements [river.JobArgsWithInsertOpts]: one waits at most.
func (watchArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: queueAlerts, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}}}
}

type watcher struct {
	river.WorkerDefaults[watchArgs]

	fleet *Fleet
}

// Timeout implements [river.Worker].
func (*watcher) Timeout(*river.Job[watchArgs]) time.Duration { return time.Minute }

// Work implements [river.Worker].
func (w *watcher) Work(ctx context.Context, _ *river.Job[watchArgs]) error { return w.fleet.watch(ctx) }

// An alertKey identifies an alert.
type alertKey struct{ rule, environment, integration, key string }

func keyOf(a store.Alert) alertKey { return alertKey{a.Rule, a.Environment, a.Integration, a.Key} }

// watch compares the present state with the alerts that are open, and enqueues messages for
// the difference. It asks what is so now, and not what happened. So nothing is missed that
// happened while no process ran, and nothing is reported twice.
func (f *Fleet) watch(ctx context.Context) error {
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
		news := map[place]tellArgs{}
		tell := func(a store.Alert, ended bool) {
			if r, ok := f.rule(a.Rule); ok && reports(r, alert.Event(a.Event), ended) {
				at := place{a.Rule, a.Environment}
				args := news[at]
				args.add(a.ID, ended)
				news[at] = args
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
		for _, key := range slices.SortedFunc(maps.Keys(so), func(a, b alertKey) int { return slices.Compare(a.parts(), b.parts()) }) {
			a := so[key]
			if a.ID, err = tx.OpenAlert(ctx, a); err != nil {
				return err
			}
			tell(a, false)
		}
		return f.enqueueNews(ctx, tx, news)
	})
}

func (k alertKey) parts() []string { return []string{k.rule, k.environment, k.integration, k.key} }

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
	labels := map[string]map[string]string{}
	for _, s := range list {
		labels[s.Environment.Name] = s.Environment.Labels
	}
	for _, r := range f.o.Alerts.Rules {
		add := func(a store.Alert) {
			a.Rule = r.Name
			so[keyOf(a)] = a
		}
		for _, s := range list {
			if s.Integration == "" || !r.Fits(s.Environment.Labels) {
				continue
			}
			for event, message := range eventsOf(s, failing, r, now) {
				add(store.Alert{
					Environment: s.Environment.Name, Integration: s.Integration, Key: string(event), Event: string(event),
					Severity: audit.SeverityHigh, Message: message,
				})
			}
		}
		if !r.Reports(alert.New) && !r.Reports(alert.Fixed) {
			continue
		}
		for _, finding := range findings {
			if !finding.Waived && finding.Severity >= r.Severity && r.Fits(labels[finding.Environment]) {
				add(store.Alert{
					Environment: finding.Environment, Integration: finding.Integration, Key: finding.Fingerprint, Event: string(alert.New),
					Control: finding.Control, Severity: finding.Severity, Message: finding.Message,
				})
			}
		}
	}
	return so
}

// eventsOf are the events of an integration, beside its findings, that a rule reports. A
// run that waits or is in progress does not end them: it may fail as well.
func eventsOf(s store.Status, failing map[string]store.Run, r alert.Rule, now time.Time) map[alert.Event]string {
	events := map[alert.Event]string{}
	if run, fails := failing[s.Environment.Name]; fails && r.Reports(alert.CannotRun) && run.EndedAt.After(s.LastResultAt) {
		events[alert.CannotRun] = run.Error
	}
	if r.Reports(alert.Unknown) && s.LastResultRun != 0 && s.Verdict == audit.VerdictIncomplete {
		events[alert.Unknown] = "some controls could not be judged"
	}
	if ends := s.Environment.CredentialEnds; r.Reports(alert.Credential) && !ends.IsZero() && ends.Sub(now) < r.Notice() {
		events[alert.Credential] = "it ends on " + ends.Format(time.DateOnly) + ": renew it"
	}
	if r.Reports(alert.Silent) && !s.Environment.Paused {
		switch {
		case s.LastCompleteAt.IsZero() && now.Sub(s.Environment.CreatedAt) > r.Silence():
			events[alert.Silent] = "there was none yet"
		case !s.LastCompleteAt.IsZero() && now.Sub(s.LastCompleteAt) > r.Silence():
			events[alert.Silent] = fmt.Sprintf("the last one was at %s", s.LastCompleteAt.Format("2006-01-02 15:04 UTC"))
		}
	}
	return events
}

// apart is how many environments have a message each; more have one together.
const apart = 10

// A place is what has a message of its own: an environment, for a rule.
type place struct{ rule, environment string }

func (f *Fleet) enqueueNews(ctx context.Context, tx *store.Tx, news map[place]tellArgs) error {
	places := slices.SortedFunc(maps.Keys(news), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.environment, b.environment))
	})
	count := map[string]int{}
	for _, at := range places {
		count[at.rule]++
	}
	together := map[string]*tellArgs{}
	var jobs []tellArgs
	for _, at := range places {
		args := news[at]
		args.Rule = at.rule
		switch all := together[at.rule]; {
		case count[at.rule] <= apart:
			jobs = append(jobs, args)
		case all == nil:
			together[at.rule] = &args
		default:
			all.Began, all.Ended = append(all.Began, args.Began...), append(all.Ended, args.Ended...)
		}
	}
	for _, rule := range slices.Sorted(maps.Keys(together)) {
		jobs = append(jobs, *together[rule])
	}
	for _, args := range jobs {
		if _, err := f.queue.InsertTx(ctx, tx.Queue(), args, nil); err != nil {
			return fmt.Errorf("the queue: %w", err)
		}
	}
	return nil
}

// tellArgs name the alerts of a message by their ids alone.
type tellArgs struct {
	Rule  string  `json:"rule"`
	Began []int64 `json:"began"`
	Ended []int64 `json:"ended"`
}

func (a *tellArgs) add(id int64, ended bool) {
	if ended {
		a.Ended = append(a.Ended, id)
	} else {
		a.Began = append(a.Began, id)
	}
}

// Kind implements [river.JobArgs].
func (tellArgs) Kind() string { return "tell" }

// InsertOpts implements [river.JobArgsWithInsertOpts].
func (tellArgs) InsertOpts() river.InsertOpts {
	const attempts = 12 // over about four hours
	return river.InsertOpts{Queue: queueAlerts, MaxAttempts: attempts}
}

type teller struct {
	river.WorkerDefaults[tellArgs]

	fleet *Fleet
}

// NextRetry implements [river.Worker]: a receiver that is down gets time.
func (w *teller) NextRetry(job *river.Job[tellArgs]) time.Time {
	const first, most = 20 * time.Second, time.Hour
	return job.AttemptedAt.Add(min(or(w.fleet.o.Alerts.Retry, first)<<min(job.Attempt-1, 10), most))
}

// Work implements [river.Worker]. If the process dies after it sent a message, and before
// the job ended, the message comes again with the same id.
func (w *teller) Work(ctx context.Context, job *river.Job[tellArgs]) error {
	f := w.fleet
	r, ok := f.rule(job.Args.Rule)
	if !ok {
		return nil // the rule was taken away meanwhile
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
