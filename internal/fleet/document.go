package fleet

import (
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/store"
)

// Format names the JSON form of a [Document].
const Format = "dbaudit.fleet/v1"

// A Document is the status of a fleet for programs.
type Document struct {
	Format       string  `json:"format"`
	Environments []Entry `json:"environments"`
}

// An Entry is the status of one integration of an environment.
type Entry struct {
	Name           string            `json:"name"`
	Integration    string            `json:"integration"` // the profile's name; empty if the environment has no integration yet
	Verdict        audit.Verdict     `json:"verdict"`
	Stale          bool              `json:"stale"`            // as in [store.Status]
	LastCompleteAt store.Time        `json:"last_complete_at"` // null for never
	OpenFindings   int               `json:"open_findings"`
	LastRun        *LastRun          `json:"last_run"` // null for none
	Paused         bool              `json:"paused"`
	Labels         map[string]string `json:"labels,omitempty"`
}

// A LastRun is the newest run of an environment.
type LastRun struct {
	ID        int64          `json:"id"`
	State     store.RunState `json:"state"`
	Attempt   int            `json:"attempt"`
	StartedAt store.Time     `json:"started_at"`
	EndedAt   store.Time     `json:"ended_at"`
	Error     *string        `json:"error"`
}

// NewDocument returns a document of statuses, in their order.
func NewDocument(list []store.Status) Document {
	d := Document{Format: Format, Environments: make([]Entry, len(list))}
	for i, s := range list {
		d.Environments[i] = Entry{
			Name: s.Environment.Name, Integration: s.Integration, Verdict: s.Verdict, Stale: s.Stale,
			LastCompleteAt: store.Time{Time: s.LastCompleteAt}, OpenFindings: s.OpenFindings(), Paused: s.Environment.Paused, Labels: s.Environment.Labels,
		}
		if r := s.LastRun; r != nil {
			last := LastRun{ID: r.ID, State: r.State, Attempt: r.Attempt, StartedAt: r.StartedAt, EndedAt: r.EndedAt}
			if r.Error != "" {
				last.Error = &r.Error
			}
			d.Environments[i].LastRun = &last
		}
	}
	return d
}
