// Package discovery presents the application users of an environment as a document, and the integrations that
// the policies propose as a configuration. It makes no decisions.
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

// Format is the format member of a [Document] in JSON.
const Format = "dbaudit.discovery/v1"

// A Document has the application users of one environment, and the proposed integrations.
type Document struct {
	Format      string            `json:"format"`
	Tool        audit.Tool        `json:"tool"`
	Environment audit.Environment `json:"environment"`
	TakenAt     time.Time         `json:"taken_at"`

	engine.Discovery

	profiles []profile.Profile
}

// New returns the document of a snapshot.
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

// Warnings returns sentences about what was not read. Sections with the same reason share a sentence.
func (d Document) Warnings() []string {
	var warnings, sections []string
	for i, u := range d.Unread {
		sections = append(sections, strings.ReplaceAll(u.Section, "_", " "))
		if next := i + 1; next < len(d.Unread) && d.Unread[next].State == u.State && d.Unread[next].Reason == u.Reason {
			continue
		}
		warnings = append(warnings, fmt.Sprintf("not read, or not whole: %s (%s): %s", strings.Join(sections, ", "), u.State, cmp.Or(u.Reason, "no reason is known")))
		sections = nil
	}
	for _, u := range d.Users {
		for _, reason := range u.Unknown {
			warnings = append(warnings, fmt.Sprintf("%s: %s", u.User.Name, reason))
		}
	}
	for i := range warnings {
		warnings[i] = text.Line(warnings[i])
	}
	return warnings
}

// Configuration returns a dbaudit.yaml with the proposed integrations.
func (d Document) Configuration() ([]byte, error) {
	file := config.File{URL: d.Environment.URL}
	for _, p := range d.Integrations {
		entry := config.Entry{Profile: d.profileReference(p.Profile), Integration: config.Integration{AppID: p.ApplicationID}}
		if text.Line(p.Role) == p.Role {
			entry.Role = p.Role // otherwise the role is deduced: people cannot edit invisible characters
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

// profileReference returns the name of a profile in a configuration: its file, or the name of a built-in one.
func (d Document) profileReference(name string) string {
	for _, p := range d.profiles {
		if p.Name == name && p.Origin != audit.OriginBuiltin {
			return p.Origin
		}
	}
	return name
}

// TableRows returns the rows of the table of users: each user's name, labels and what they say. If verbose is set, they
// have all dangerous privileges.
func (d Document) TableRows(verbose bool) [][]string {
	var rows [][]string
	for _, u := range d.Users {
		id := "application id " + u.ApplicationID
		if u.BusinessUnit != "" {
			id += fmt.Sprintf(", business unit %q", u.BusinessUnit)
		}
		if u.Disabled {
			id += ", disabled"
		}
		add := func(label, description string) { rows = append(rows, []string{"", label, text.Line(description)}) }
		first := len(rows)
		add("user", id)
		rows[first][0] = text.Line(u.User.Name)
		for _, f := range u.Fits {
			add("profile", describeFit(f))
		}
		for _, r := range u.Roles {
			add("role", describeRole(r))
		}
		switch {
		case len(u.Roles) > 0:
		case len(d.Unread) > 0:
			add("role", "none that could be read")
		default:
			add("role", "none")
		}
		for _, danger := range describeDangers(u, verbose) {
			add("dangerous", danger)
		}
	}
	return rows
}

// maxDangerous is the number of dangerous privileges that the table names without verbose.
const maxDangerous = 5

func describeRole(r engine.DiscoveredRole) string {
	description := fmt.Sprintf("%q: %s", r.Name, strings.Join(r.Ways, " and "))
	if len(r.Ways) == 0 {
		description = fmt.Sprintf("%q gives nothing now", r.Name)
	}
	if len(r.Reservations) > 0 {
		description += " (" + strings.Join(r.Reservations, "; ") + ")"
	}
	return description
}

func describeFit(f engine.Fit) string {
	by := map[string]string{"application-id": "its application id", "user": "its name", "role": "a role's name"}[f.By]
	required := text.Count(f.Required, "privilege")
	if f.Granted == nil {
		return fmt.Sprintf("%s, by %s: could not read how many of %s are granted", f.Profile, by, required)
	}
	return fmt.Sprintf("%s, by %s: granted %d of %s", f.Profile, by, *f.Granted, required)
}

func describeDangers(u engine.DiscoveredUser, verbose bool) []string {
	var dangers []string
	for _, r := range u.Roles {
		if r.Administrator != "" {
			dangers = append(dangers, fmt.Sprintf("administrator: the role %q has the template %s", r.Name, r.Administrator))
		}
	}
	for i, p := range u.Dangerous {
		if i == maxDangerous && len(u.Dangerous) > maxDangerous+1 && !verbose {
			dangers = append(dangers, fmt.Sprintf("and %d more (--verbose lists them)", len(u.Dangerous)-maxDangerous))
			break
		}
		dangers = append(dangers, fmt.Sprintf("%s (%s): %s", p.Name, audit.LevelOf(p.Depth), p.Lets))
	}
	return dangers
}
