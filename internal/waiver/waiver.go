// Package waiver reads accepted findings and applies them to results.
//
// A waiver names a control, and of its findings one by subject and privilege. It must have
// a kind, an owner, a reason and an expiry date at most [MaxDays] ahead. Waivers are
// checked too: a remark reports one that has expired, is unused, is about to expire or is
// broader than its finding. Waived does not mean passed: the finding stays, and its control
// keeps its original outcome in addition to the new one. Unknown controls are never waived.
package waiver

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
	"github.com/dbaudit/dbaudit/schema"
)

// DefaultName is the default file of waivers.
const DefaultName = "waivers.yaml"

const (
	// MaxDays is how far ahead a waiver's expiry date may be.
	MaxDays = 366
	// WarnDays is how long before its expiry date a remark reports a waiver.
	WarnDays = 14
)

// A Kind says why a finding is accepted.
type Kind string

// The kinds of waiver.
const (
	// AcceptedRisk: the fault exists, and its owner accepts the risk.
	AcceptedRisk Kind = "accepted-risk"
	// FalsePositive: the fault does not exist, whatever was read.
	FalsePositive Kind = "false-positive"
	// Compensating: something else compensates for the fault.
	Compensating Kind = "compensating"
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{AcceptedRisk, FalsePositive, Compensating} }

// A Waiver is one accepted finding, as in its file.
type Waiver struct {
	Control audit.ControlID `yaml:"control"`
	// Environment limits the waiver to one environment; empty for all.
	Environment string `yaml:"environment,omitempty"`
	// Profile limits the waiver to one profile, if an environment has several integrations;
	// empty for all that have the control.
	Profile string `yaml:"profile,omitempty"`
	// Subject is the name or the id of the finding's object, a view of a known table
	// as TABLE=NAME; empty for any.
	Subject string `yaml:"subject,omitempty"`
	// Privilege is the finding's privilege; empty for any.
	Privilege string `yaml:"privilege,omitempty"`
	Kind      Kind   `yaml:"kind"`
	Owner     string `yaml:"owner"`
	Reason    string `yaml:"reason"`
	// Expires is the last day of the waiver, as YYYY-MM-DD, in UTC.
	Expires string `yaml:"expires"`
	// Broad allows the waiver to name less than its findings have.
	Broad bool `yaml:"broad,omitempty"`

	// Line is the line where the waiver begins.
	Line int `yaml:"-"`
}

// A File is a parsed file of waivers.
type File struct {
	Name    string   `yaml:"-"`
	Waivers []Waiver `yaml:"waivers"`

	doc *yamldoc.Document
}

// Parse reads a file of waivers at a given time. Errors have a line and a column: unknown
// keys, missing keys, an expiry date that is invalid or too far ahead, two waivers of the
// same finding.
func Parse(name string, data []byte, asOf time.Time) (*File, error) {
	f := &File{Name: name}
	var err error
	if f.doc, err = yamldoc.Read(name, data, schema.Files, "waivers.json", f); err != nil {
		return nil, err
	}
	return f, f.check(asOf)
}

func (f *File) check(asOf time.Time) error {
	var faults []error
	first := map[Waiver]int{}
	for i := range f.Waivers {
		w := &f.Waivers[i]
		index := fmt.Sprint(i)
		w.Line = f.doc.FaultAt("", "waivers", index).Line
		days, err := w.daysLeft(asOf)
		switch {
		case err != nil:
			faults = append(faults, f.fault(fmt.Sprintf("expires: %s is not a date: want YYYY-MM-DD", w.Expires), index, "expires"))
		case days > MaxDays:
			faults = append(faults, f.fault(fmt.Sprintf("expires: %s is %d days ahead, but the maximum is %d: accepted findings are reviewed every year",
				w.Expires, days, MaxDays), index, "expires"))
		}
		key := w.target()
		if line, ok := first[key]; ok {
			faults = append(faults, f.fault(fmt.Sprintf("the same finding is already waived in line %d", line), index))
		} else {
			first[key] = w.Line
		}
	}
	return errors.Join(faults...)
}

func (f *File) fault(msg string, path ...string) error {
	return f.doc.FaultAt(msg, append([]string{"waivers"}, path...)...)
}

// target is what a waiver says about its findings, in comparable form.
func (w *Waiver) target() Waiver {
	return Waiver{
		Control: w.Control, Environment: w.Environment, Profile: w.Profile,
		Subject: strings.ToLower(w.Subject), Privilege: strings.ToLower(w.Privilege),
	}
}

// daysLeft counts the days from the day of a time to the waiver's expiry date.
func (w *Waiver) daysLeft(asOf time.Time) (int, error) {
	last, err := time.Parse(time.DateOnly, w.Expires)
	if err != nil {
		return -1, err
	}
	today := asOf.UTC().Truncate(24 * time.Hour)
	return int(last.Sub(today) / (24 * time.Hour)), nil
}

// String names the waiver's findings: control, subject and privilege.
func (w *Waiver) String() string {
	text := string(w.Control)
	if w.Privilege != "" {
		text += " " + w.Privilege
	}
	if w.Subject != "" {
		text += fmt.Sprintf(" of %q", w.Subject)
	}
	if w.Environment != "" {
		text += " in " + w.Environment
	}
	if w.Profile != "" {
		text += " under the profile " + w.Profile
	}
	return text
}

// covers reports whether the waiver covers a finding of its control.
func (w *Waiver) covers(f audit.Finding) bool {
	if w.Privilege != "" && !strings.EqualFold(w.Privilege, f.Evidence.Text("privilege")) {
		return false
	}
	return w.Subject == "" || names(w.Subject, f.Subject)
}

// names reports whether a text is a subject's id or name. Views of several tables may have
// the same name, so the table is needed for a view with a known table.
func names(text string, s audit.Subject) bool {
	if s.ID != "" && strings.EqualFold(text, s.ID) {
		return true
	}
	return strings.EqualFold(text, Subject(s))
}

// Subject is how a waiver names a finding's subject.
func Subject(s audit.Subject) string {
	switch {
	case s.Table != "":
		return s.Table + "=" + s.Name
	case s.Name == "":
		return s.ID
	}
	return s.Name
}

// excess names what a finding has but the waiver leaves out, so that it would also cover
// other findings; empty if the waiver is as narrow as the finding.
func (w *Waiver) excess(f audit.Finding, several, shared bool) []string {
	var missing []string
	if several && w.Environment == "" {
		missing = append(missing, "environment")
	}
	if shared && w.Profile == "" {
		missing = append(missing, "profile")
	}
	if w.Subject == "" && Subject(f.Subject) != "" {
		missing = append(missing, "subject: "+Subject(f.Subject))
	}
	if privilege := f.Evidence.Text("privilege"); w.Privilege == "" && privilege != "" {
		missing = append(missing, "privilege: "+privilege)
	}
	return missing
}
