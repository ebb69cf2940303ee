package fleet

import (
	"context"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/alert"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/store"
)

// A fleetState is the current state of the fleet, as far as alerts depend on it.
type fleetState struct {
	integrations []store.Status
	findings     []store.Finding      // the open ones
	failing      map[string]store.Run // by environment
}

func (f *Fleet) readState(ctx context.Context) (s fleetState, err error) {
	if s.integrations, err = f.store.Status(ctx, ""); err != nil {
		return s, err
	}
	if s.findings, err = f.store.OpenFindings(ctx, ""); err != nil {
		return s, err
	}
	s.failing, err = f.store.FailingRuns(ctx)
	return s, err
}

type alertKey [4]string

func alertKeyOf(a store.Alert) alertKey { return alertKey{a.Rule, a.Environment, a.Integration, a.Key} }

// alerts returns the alerts that the rules require now.
func (s fleetState) alerts(rules []alert.Rule, now time.Time) map[alertKey]store.Alert {
	alerts := map[alertKey]store.Alert{}
	labels := map[string]map[string]string{} // by environment
	for _, i := range s.integrations {
		labels[i.Environment.Name] = i.Environment.Labels
	}
	for _, r := range rules {
		add := func(environment, integration string, a store.Alert) {
			a.Rule, a.Environment, a.Integration = r.Name, environment, integration
			alerts[alertKeyOf(a)] = a
		}
		for _, i := range s.integrations {
			if i.Integration == "" || !r.Matches(i.Environment.Labels) {
				continue
			}
			for event, message := range s.events(i, r, now) {
				if r.Reports(event, false) {
					add(i.Environment.Name, i.Integration, store.Alert{Key: eventKey(event, i), Event: string(event), Severity: audit.SeverityHigh, Message: message})
				}
			}
		}
		if !r.Reports(alert.EventNew, false) && !r.Reports(alert.EventNew, true) {
			continue
		}
		for _, f := range s.findings {
			if l, ok := labels[f.Environment]; ok && r.Matches(l) && !f.Waived && f.Severity >= r.Severity {
				add(f.Environment, f.Integration, store.Alert{Key: f.Fingerprint, Event: string(alert.EventNew), Control: f.Control, Severity: f.Severity, Message: f.Message})
			}
		}
	}
	return alerts
}

// events returns the current events of an integration, other than findings, with their messages.
func (s fleetState) events(i store.Status, r alert.Rule, now time.Time) map[alert.Event]string {
	events := map[alert.Event]string{}
	if s.cannotRun(i) {
		events[alert.EventCannotRun] = s.failing[i.Environment.Name].Error
	}
	if i.LastResultRun != 0 && i.Verdict == audit.VerdictIncomplete {
		events[alert.EventUnknown] = "some controls could not be judged"
	}
	if ends := i.Environment.CredentialEnds; !ends.IsZero() && ends.Sub(now) < r.CredentialNotice() {
		events[alert.EventCredential] = "it ends on " + ends.Format(time.DateOnly) + ": renew it"
	}
	last, message := i.LastCompleteAt, "the last one was at "+i.LastCompleteAt.Format("2006-01-02 15:04 UTC")
	if last.IsZero() {
		last, message = i.Environment.CreatedAt, "it has never had one"
	}
	if !i.Environment.Paused && now.Sub(last) > r.SilentAfter() {
		events[alert.EventSilent] = message
	}
	return events
}

// cannotRun reports whether the last run of an integration's environment failed after the last
// result. A run that has not ended does not change this.
func (s fleetState) cannotRun(i store.Status) bool {
	run, ok := s.failing[i.Environment.Name]
	return ok && run.EndedAt.After(i.LastResultAt)
}

// eventKey distinguishes the events of an integration. The key of a credential contains its last
// day, so that a renewed credential has another key.
func eventKey(event alert.Event, i store.Status) string {
	if event == alert.EventCredential {
		return string(event) + " " + i.Environment.CredentialEnds.Format(time.DateOnly)
	}
	return string(event)
}

// hasEnded reports whether the cause of an alert has ended. A changed rule, label or pause does not
// end it.
func (s fleetState) hasEnded(a store.Alert) bool {
	n := slices.IndexFunc(s.integrations, func(i store.Status) bool {
		return i.Environment.Name == a.Environment && i.Integration == a.Integration
	})
	if n < 0 {
		return true // the integration is no longer audited
	}
	switch i := s.integrations[n]; alert.Event(a.Event) {
	case alert.EventUnknown:
		return i.Verdict != audit.VerdictIncomplete
	case alert.EventCannotRun:
		return !s.cannotRun(i)
	case alert.EventSilent:
		return i.LastCompleteAt.After(a.Opened)
	case alert.EventCredential:
		return a.Key != eventKey(alert.EventCredential, i)
	case alert.EventNew, alert.EventFixed:
	}
	return a.CloseReason != ""
}
