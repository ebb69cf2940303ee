// Package alert reads the rules of what is reported about a fleet and to whom, and sends it.
// Each route uses the kind of text of its receiver that has no markup, so that a name is never
// read as a link or a mention.
package alert

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
	"github.com/dbaudit/dbaudit/schema"
)

// An Event is a kind of thing that happens to an environment.
type Event string

// The events. New and Fixed are the beginning and the end of a finding; the others are
// reported when they begin and when they end.
const (
	EventNew        Event = "new"
	EventFixed      Event = "fixed"
	EventUnknown    Event = "unknown"
	EventCannotRun  Event = "cannot-run"
	EventSilent     Event = "silent"
	EventCredential Event = "credential" // it ends soon
)

// A Rule sends some events of some environments to a route.
type Rule struct {
	Name     string            `yaml:"name"`
	Events   []Event           `yaml:"events"`
	Severity audit.Severity    `yaml:"severity"`
	Labels   map[string]string `yaml:"labels"`
	After    string            `yaml:"after"`
	Before   string            `yaml:"before"`
	Route    string            `yaml:"route"`
}

// Reports says whether the rule is for the beginning or the end of an event.
func (r Rule) Reports(e Event, ended bool) bool {
	if e == EventNew && ended {
		e = EventFixed
	}
	return slices.Contains(r.Events, e)
}

// Matches reports whether an environment has the labels of the rule.
func (r Rule) Matches(labels map[string]string) bool {
	for key, want := range r.Labels {
		if got, ok := labels[key]; !ok || got != want {
			return false
		}
	}
	return true
}

// SilentAfter is how long there may be no complete scan before that is reported.
func (r Rule) SilentAfter() time.Duration {
	const usual = 48 * time.Hour
	if after, err := time.ParseDuration(r.After); err == nil {
		return after
	}
	return usual
}

// CredentialNotice is how long before its end a credential is reported.
func (r Rule) CredentialNotice() time.Duration {
	const usual, day = 30, 24 * time.Hour
	if days, err := strconv.Atoi(strings.TrimSuffix(r.Before, "d")); err == nil {
		return time.Duration(days) * day
	}
	return usual * day
}

// A Route is a receiver; one of its fields is set.
type Route struct {
	Teams   *Hook    `yaml:"teams"`
	Slack   *Hook    `yaml:"slack"`
	Webhook *Webhook `yaml:"webhook"`
	Email   *Email   `yaml:"email"`
}

// A Hook is an address that is a secret.
type Hook struct {
	URL config.Source `yaml:"url"`
}

// A Webhook takes a signed POST.
type Webhook struct {
	URL    string        `yaml:"url"`
	Secret config.Source `yaml:"secret"`
}

// Email goes through a mail server.
type Email struct {
	Server string   `yaml:"server"`
	From   string   `yaml:"from"`
	To     []string `yaml:"to"`
	Login  *Login   `yaml:"login"`
	TLS    string   `yaml:"tls"`
}

// A Login is how the mail server is signed in to.
type Login struct {
	Username string        `yaml:"username"`
	Password config.Source `yaml:"password"`
}

// A File is a parsed file of alerts.
type File struct {
	Routes map[string]Route `yaml:"routes"`
	Rules  []Rule           `yaml:"rules"`
}

// Secrets lists where the secrets of the routes are.
func (f *File) Secrets() []config.Source {
	var all []config.Source
	for _, name := range slices.Sorted(maps.Keys(f.Routes)) {
		switch r := f.Routes[name]; {
		case r.Teams != nil:
			all = append(all, r.Teams.URL)
		case r.Slack != nil:
			all = append(all, r.Slack.URL)
		case r.Webhook != nil:
			all = append(all, r.Webhook.Secret)
		case r.Email != nil && r.Email.Login != nil:
			all = append(all, r.Email.Login.Password)
		}
	}
	return all
}

// Parse reads a file of alerts. Its faults have their line and column.
func Parse(name string, data []byte) (*File, error) {
	f := &File{}
	doc, err := yamldoc.Read(name, data, schema.Files, "alerts.json", f)
	if err != nil {
		return nil, err
	}
	var faults []error
	seen := map[string]bool{}
	for i, r := range f.Rules {
		fault := func(text string, path ...string) {
			faults = append(faults, doc.FaultAt(text, append([]string{"rules", fmt.Sprint(i)}, path...)...))
		}
		if _, ok := f.Routes[r.Route]; !ok {
			fault(fmt.Sprintf("route: %s is not among the routes of this file", r.Route), "route")
		}
		if seen[r.Name] {
			fault(fmt.Sprintf("name: two rules are called %s", r.Name), "name")
		}
		seen[r.Name] = true
	}
	return f, errors.Join(faults...)
}
