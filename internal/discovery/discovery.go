// Package discovery presents the application users of an environment as a document, and the
// integrations that the policies propose as a configuration. It decides nothing.
package discovery

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Format names the JSON form of a [Document].
const Format = "dbaudit.discovery/v1"

// A Document is what was discovered in one environment.
type Document struct {
	Format      string            `json:"format"`
	Tool        audit.Tool        `json:"tool"`
	Environment audit.Environment `json:"environment"`
	TakenAt     time.Time         `json:"taken_at"`

	engine.Discovery

	profiles []profile.Profile
}

// New makes the document of a snapshot.
func New(s *snapshot.Snapshot, tool audit.Tool, profiles []profile.Profile, d engine.Discovery) Document {
	return Document{
		Format: Format, Tool: tool, TakenAt: s.TakenAt, Discovery: d, profiles: profiles,
		Environment: audit.Environment{Name: s.Environment.Name, URL: s.Environment.URL, OrganizationID: s.Environment.OrganizationID},
	}
}

// Complete reports whether everything was read.
func (d Document) Complete() bool {
	return len(d.Unread) == 0 && !slices.ContainsFunc(d.Users, func(u engine.DiscoveredUser) bool { return len(u.Unknown) > 0 })
}

// Reservations are sentences about what was not read. Sections with the same reason share one.
func (d Document) Reservations() []string {
	var all, sections []string
	for i, u := range d.Unread {
		sections = append(sections, strings.ReplaceAll(u.Section, "_", " "))
		if next := i + 1; next < len(d.Unread) && d.Unread[next].State == u.State && d.Unread[next].Reason == u.Reason {
			continue
		}
		all = append(all, fmt.Sprintf("not read, or not whole: %s (%s): %s", strings.Join(sections, ", "), u.State, cmp.Or(u.Reason, "no reason is known")))
		sections = nil
	}
	for _, u := range d.Users {
		for _, reason := range u.Unknown {
			all = append(all, fmt.Sprintf("%s: %s", u.User.Name, reason))
		}
	}
	for i := range all {
		all[i] = text.Line(all[i])
	}
	return all
}

// Configuration is a dbaudit.yaml with the proposed integrations.
func (d Document) Configuration() ([]byte, error) {
	file := config.File{URL: d.Environment.URL}
	for _, p := range d.Integrations {
		entry := config.Entry{Profile: d.profile(p.Profile), Integration: config.Integration{AppID: p.ApplicationID}}
		if text.Line(p.Role) == p.Role {
			entry.Role = p.Role // else it is deduced: a file that people edit has no invisible characters
		}
		file.Integrations = append(file.Integrations, entry)
	}
	body, err := file.Encode()
	if err != nil {
		return nil, err
	}
	comments := []string{"Proposed by dbaudit discover. Look at each integration before you use it."}
	if len(d.Integrations) == 0 {
		comments = append(comments, "No application user that was seen fits a profile.")
	}
	for _, p := range d.PassedOver {
		comments = append(comments, fmt.Sprintf("%q fits %s too: give it a profile with a different name, in a file with extends: %[2]s.", text.Line(p.User.Name), p.Profile))
	}
	if !d.Complete() {
		comments = append(comments, "Not all of it could be read: there may be more. dbaudit discover says what is missing.")
	}
	return append([]byte("# "+strings.Join(comments, "\n# ")+"\n"), body...), nil
}

// profile is how a configuration names a profile.
func (d Document) profile(name string) string {
	for _, p := range d.profiles {
		if p.Name == name && p.Origin != audit.OriginBuiltin {
			return p.Origin
		}
	}
	return name
}

// Rows are the rows of the table of users.
func (d Document) Rows(verbose bool) [][]string {
	var rows [][]string
	for _, u := range d.Users {
		id := "application id " + u.ApplicationID
		if u.BusinessUnit != "" {
			id += fmt.Sprintf(", business unit %q", u.BusinessUnit)
		}
		if u.Disabled {
			id += ", disabled"
		}
		add := func(what, says string) { rows = append(rows, []string{"", what, text.Line(says)}) }
		first := len(rows)
		add("user", id)
		rows[first][0] = text.Line(u.User.Name)
		for _, f := range u.Fits {
			add("profile", fitWords(f))
		}
		for _, r := range u.Roles {
			add("role", roleWords(r))
		}
		switch {
		case len(u.Roles) > 0:
		case len(d.Unread) > 0:
			add("role", "none that could be read")
		default:
			add("role", "none")
		}
		for _, words := range dangerWords(u, verbose) {
			add("dangerous", words)
		}
	}
	return rows
}

// Header is the header of Rows.
func Header() []string { return []string{"application user", "", ""} }

// shown is how many dangerous privileges of a user the table names.
const shown = 5

func roleWords(r engine.DiscoveredRole) string {
	words := fmt.Sprintf("%q: %s", r.Name, strings.Join(r.Ways, " and "))
	if len(r.Ways) == 0 {
		words = fmt.Sprintf("%q gives nothing now", r.Name)
	}
	if len(r.Reservations) > 0 {
		words += " (" + strings.Join(r.Reservations, "; ") + ")"
	}
	return words
}

func fitWords(f engine.Fit) string {
	by := map[string]string{"application-id": "its application id", "user": "its name", "role": "a role's name"}[f.By]
	if f.Granted == nil {
		return fmt.Sprintf("%s, by %s: how many of its %d privileges are granted could not be read", f.Profile, by, f.Required)
	}
	return fmt.Sprintf("%s, by %s: granted %d of %d privileges", f.Profile, by, *f.Granted, f.Required)
}

func dangerWords(u engine.DiscoveredUser, verbose bool) []string {
	var said []string
	for _, r := range u.Roles {
		if r.Administrator != "" {
			said = append(said, fmt.Sprintf("administrator: the role %q is of the template %s", r.Name, r.Administrator))
		}
	}
	for i, p := range u.Dangerous {
		if i == shown && len(u.Dangerous) > shown+1 && !verbose {
			said = append(said, fmt.Sprintf("and %d more (--verbose lists them)", len(u.Dangerous)-shown))
			break
		}
		said = append(said, fmt.Sprintf("%s (%s): %s", p.Name, audit.LevelOf(p.Depth), p.Lets))
	}
	return said
}
