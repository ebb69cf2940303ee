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

// An Item is an event of an integration that began or ended.
type Item struct {
	Environment string         `json:"environment"`
	Integration string         `json:"integration"` // the profile's name
	Event       Event          `json:"event"`
	Control     string         `json:"control,omitempty"`
	Severity    audit.Severity `json:"severity"`
	Text        string         `json:"text"`
	Since       time.Time      `json:"since"`
	Ended       bool           `json:"ended"`
	// Reason says why a finding ended: fixed, waived, not-required, profile-changed or
	// environment-replaced. For any event, it is retired if the integration is no longer audited.
	Reason string `json:"reason,omitempty"`
}

// Format names the JSON form of a [Message].
const Format = "dbaudit.alert/v1"

// A Message reports events of one environment, or of many.
type Message struct {
	Format string `json:"format"`
	// ID is the same if a message is sent twice because the process died after sending it.
	ID    string `json:"id"`
	Rule  string `json:"rule"`
	Title string `json:"title"`
	Items []Item `json:"items"`
	// More is the number of items that were left out.
	More int    `json:"more"`
	Link string `json:"link,omitempty"` // the page of the environment, or of the fleet
}

// maxItems is the maximum number of items in a message: receivers limit its size.
const maxItems = 20

// NewMessage returns a message about items. If pageURL, the address of the fleet's page, is not empty,
// the message has a link.
func NewMessage(id, rule, pageURL string, items []Item) Message {
	m := Message{Format: Format, ID: id, Rule: rule, Link: strings.TrimSuffix(pageURL, "/")}
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
	subject := text.Count(len(environments), "environment")
	if len(environments) == 1 {
		subject = text.Line(items[0].Environment)
		if m.Link != "" {
			m.Link += "/environments/" + url.PathEscape(items[0].Environment)
		}
	}
	switch {
	case ended == 0:
		m.Title = fmt.Sprintf("%s: %d new", subject, began)
	case began == 0:
		m.Title = fmt.Sprintf("%s: %d over", subject, ended)
	default:
		m.Title = fmt.Sprintf("%s: %d new, %d over", subject, began, ended)
	}
	m.Items, m.More = items, max(0, len(items)-maxItems)
	m.Items = m.Items[:len(items)-m.More]
	return m
}

func (i Item) line() string {
	const maxWidth = 300
	finding := fmt.Sprintf("%s %s", i.Severity, i.Control)
	ended := cmp.Or(strings.ReplaceAll(i.Reason, "-", " "), "over") + ": " + finding
	phrases := map[Event][2]string{ // for the beginning, and for the end
		EventUnknown:    {"not judged", "judged again"},
		EventCannotRun:  {"no result", "scanned again"},
		EventCredential: {"credential ends soon", "credential renewed"},
		EventSilent:     {"no complete scan", "scanned completely again"},
		EventNew:        {finding, ended},
		EventFixed:      {finding, ended},
	}[i.Event]
	phrase := phrases[0]
	if i.Ended {
		phrase = phrases[1]
	}
	if i.Reason == "retired" {
		phrase = "no longer audited"
	}
	name := i.Environment
	if i.Integration != "" {
		name += " (" + i.Integration + ")"
	}
	return text.Shorten(text.Line(fmt.Sprintf("%s: %s: %s", name, phrase, i.Text)), maxWidth)
}

// lines returns the items as lines of text, and how many were left out.
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
