// Package alert reads the rules of what is reported about a fleet and to whom, and sends messages.
// Messages use the receivers' plain text formats, so that no name becomes a link or a mention.
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

// An Event is something that happens to an environment and can be reported.
type Event string

// The events. New is the beginning of a finding, and Fixed its end. The others are reported when they
// begin and when they end.
const (
	EventNew        Event = "new"
	EventFixed      Event = "fixed"
	EventUnknown    Event = "unknown"
	EventCannotRun  Event = "cannot-run"
	EventSilent     Event = "silent"
	EventCredential Event = "credential" // the credential ends soon
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

// Reports reports whether the rule sends messages about the beginning of an event, or about its end
// if ended is true.
func (r Rule) Reports(e Event, ended bool) bool {
	if e == EventNew && ended {
		e = EventFixed
	}
	return slices.Contains(r.Events, e)
}

// Matches reports whether the labels of an environment include those of the rule.
func (r Rule) Matches(labels map[string]string) bool {
	for key, want := range r.Labels {
		if got, ok := labels[key]; !ok || got != want {
			return false
		}
	}
	return true
}

// SilentAfter returns after how much time without a complete scan an environment is reported. The
// default is 48 hours.
func (r Rule) SilentAfter() time.Duration {
	if after, err := time.ParseDuration(r.After); err == nil {
		return after
	}
	return 48 * time.Hour
}

// CredentialNotice returns how long before its end a credential is reported. The default is 30 days.
func (r Rule) CredentialNotice() time.Duration {
	days, err := strconv.Atoi(strings.TrimSuffix(r.Before, "d"))
	if err != nil {
		days = 30
	}
	return time.Duration(days) * 24 * time.Hour
}

// A Route is a receiver of messages. Exactly one field is set.
type Route struct {
	Teams   *Hook    `yaml:"teams"`
	Slack   *Hook    `yaml:"slack"`
	Webhook *Webhook `yaml:"webhook"`
	Email   *Email   `yaml:"email"`
}

// A Hook is an incoming webhook of Teams or Slack. Its address is a secret.
type Hook struct {
	URL config.Source `yaml:"url"`
}

// A Webhook is a receiver of signed POST requests.
type Webhook struct {
	URL    string        `yaml:"url"`
	Secret config.Source `yaml:"secret"`
}

// An Email sends messages through a mail server.
type Email struct {
	Server string   `yaml:"server"`
	From   string   `yaml:"from"`
	To     []string `yaml:"to"`
	Login  *Login   `yaml:"login"`
	TLS    string   `yaml:"tls"`
}

// A Login is the sign-in to a mail server.
type Login struct {
	Username string        `yaml:"username"`
	Password config.Source `yaml:"password"`
}

// A File is a file of alert rules and routes.
type File struct {
	Routes map[string]Route `yaml:"routes"`
	Rules  []Rule           `yaml:"rules"`
}

// Secrets returns the sources of the secrets of all routes.
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

// Parse parses a file of alert rules and routes. Its errors contain the line and the column.
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
