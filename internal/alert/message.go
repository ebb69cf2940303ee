package alert

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// An Item is one thing that began or ended.
type Item struct {
	Environment string         `json:"environment"`
	Integration string         `json:"integration"` // the profile's name
	Event       Event          `json:"event"`
	Control     string         `json:"control,omitempty"`
	Severity    audit.Severity `json:"severity"`
	Text        string         `json:"text"`
	Since       time.Time      `json:"since"`
	Ended       bool           `json:"ended"` // whether it is over
	// Reason says why a finding is over: fixed, waived, not-required, profile-changed or
	// environment-replaced; or of any event, retired.
	Reason string `json:"reason,omitempty"`
}

// Format names the JSON form of a [Message].
const Format = "dbaudit.alert/v1"

// A Message is what is sent at once: the news of one environment, or of many.
type Message struct {
	Format string `json:"format"`
	// ID is the same if a message comes again because a process died after sending it.
	ID    string `json:"id"`
	Rule  string `json:"rule"`
	Title string `json:"title"`
	Items []Item `json:"items"`
	// More is how many items were left out.
	More int    `json:"more"`
	Link string `json:"link,omitempty"` // the page of the environment, or of the fleet
}

// maxItems is how many items a message has: receivers limit its size.
const maxItems = 20

// NewMessage makes the message of items. Base is the address of the fleet's page, or empty.
func NewMessage(id, rule, base string, items []Item) Message {
	m := Message{Format: Format, ID: id, Rule: rule, Link: strings.TrimSuffix(base, "/")}
	environments := map[string]bool{}
	began, ended := 0, 0
	for _, i := range items {
		environments[i.Environment] = true
		if i.Ended {
			ended++
		} else {
			began++
		}
	}
	where := text.Count(len(environments), "environment")
	if len(environments) == 1 {
		where = text.Line(items[0].Environment)
		if m.Link != "" {
			m.Link += "/environments/" + url.PathEscape(items[0].Environment)
		}
	}
	switch {
	case ended == 0:
		m.Title = fmt.Sprintf("%s: %d new", where, began)
	case began == 0:
		m.Title = fmt.Sprintf("%s: %d over", where, ended)
	default:
		m.Title = fmt.Sprintf("%s: %d new, %d over", where, began, ended)
	}
	m.Items, m.More = items, max(0, len(items)-maxItems)
	m.Items = m.Items[:len(items)-m.More]
	return m
}

// line is an item as one line of text.
func (i Item) line() string {
	const most = 300
	finding := fmt.Sprintf("%s %s", i.Severity, i.Control)
	gone := cmp.Or(strings.ReplaceAll(i.Reason, "-", " "), "over") + ": " + finding
	words := map[Event][2]string{ // when it begins, and when it is over
		EventUnknown:    {"not judged", "judged again"},
		EventCannotRun:  {"no result", "scanned again"},
		EventCredential: {"credential ends soon", "credential renewed"},
		EventSilent:     {"no complete scan", "scanned completely again"},
		EventNew:        {finding, gone},
		EventFixed:      {finding, gone},
	}[i.Event]
	what := words[0]
	if i.Ended {
		what = words[1]
	}
	if i.Reason == "retired" {
		what = "no longer audited"
	}
	name := i.Environment
	if i.Integration != "" {
		name += " (" + i.Integration + ")"
	}
	return text.Shorten(text.Line(fmt.Sprintf("%s: %s: %s", name, what, i.Text)), most)
}

// lines are the items, and what was left out.
func (m Message) lines() []string {
	var lines []string
	for _, item := range m.Items {
		lines = append(lines, item.line())
	}
	if m.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", m.More))
	}
	return lines
}
