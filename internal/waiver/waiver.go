// Package waiver reads files of accepted findings and applies them to results. A waived control has
// not passed: it keeps its findings and its original outcome. An unknown control is never waived.
package waiver

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/yamldoc"
	"github.com/dbaudit/dbaudit/schema"
)

// DefaultName is the default name of the file of waivers.
const DefaultName = "waivers.yaml"

const (
	maxDays  = 366 // until a waiver's expiry date
	warnDays = 14  // before the expiry date, when a remark warns of it
)

// A Kind says why a finding is accepted.
type Kind string

// The kinds of waiver.
const (
	AcceptedRisk  Kind = "accepted-risk"
	FalsePositive Kind = "false-positive"
	Compensating  Kind = "compensating" // another measure compensates for the fault
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{AcceptedRisk, FalsePositive, Compensating} }

// A Waiver is an entry of a file of waivers.
type Waiver struct {
	Control audit.ControlID `yaml:"control"`
	// Each of these restricts the waiver to some findings; empty for any. The subject is the
	// name or the id of the finding's object, or TABLE=NAME for a view of a known table.
	Environment string `yaml:"environment,omitempty"`
	Profile     string `yaml:"profile,omitempty"`
	Subject     string `yaml:"subject,omitempty"`
	Privilege   string `yaml:"privilege,omitempty"`

	Kind    Kind   `yaml:"kind"`
	Owner   string `yaml:"owner"`
	Reason  string `yaml:"reason"`
	Expires string `yaml:"expires"`         // the last day, as YYYY-MM-DD, in UTC
	Broad   bool   `yaml:"broad,omitempty"` // whether it may cover more than one finding

	Line int `yaml:"-"` // the line on which it begins
}

// A File is a parsed file of waivers.
type File struct {
	Name    string   `yaml:"-"`
	Waivers []Waiver `yaml:"waivers"`

	doc *yamldoc.Document
}

// Parse parses a file of waivers. asOf is the time to which expiry dates are compared. Errors have
// line and column.
func Parse(name string, data []byte, asOf time.Time) (*File, error) {
	f := &File{Name: name}
	var err error
	if f.doc, err = yamldoc.Read(name, data, schema.Files, "waivers.json", f); err != nil {
		return nil, err
	}
	return f, f.check(asOf)
}

// fileHeader returns the first lines of a new file.
func fileHeader() string {
	return "# yaml-language-server: $schema=" + audit.SchemaURL("waivers") + "\n" +
		"# Accepted findings. Each needs an owner, a reason and an expiry date at most 366 days ahead.\n"
}

// Append adds waivers to the end of a file and returns its new content; nothing else changes. data
// is the old content, which is empty for a new file. The new content is checked as by [Parse].
func Append(name string, data []byte, added []Waiver, asOf time.Time) ([]byte, error) {
	indent := "  "
	var out bytes.Buffer
	if len(bytes.TrimSpace(data)) == 0 {
		out.WriteString(fileHeader() + "waivers:\n")
	} else {
		f, err := Parse(name, data, asOf)
		if err != nil {
			return nil, err
		}
		if len(f.Waivers) == 0 {
			return nil, fmt.Errorf("%s: its list is empty: delete the file, or write the first waiver yourself", name)
		}
		indent = strings.Repeat(" ", max(f.doc.FaultAt("", "waivers", "0").Column-3, 0))
		out.Write(bytes.TrimRight(data, "\n"))
		out.WriteByte('\n')
	}
	item, err := yamldoc.Encode(added)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(item)) {
		out.WriteString(indent + line)
	}
	f, err := Parse(name, out.Bytes(), asOf)
	if err != nil {
		return nil, fmt.Errorf("adding the waiver: %w", err)
	}
	if n := len(f.Waivers); n < len(added) || f.Waivers[n-1].target() != added[len(added)-1].target() {
		return nil, fmt.Errorf("%s is not written as a plain list: add the waiver yourself:\n%s", name, item)
	}
	return out.Bytes(), nil
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
		case days > maxDays:
			faults = append(faults, f.fault(fmt.Sprintf("expires: %s is %d days ahead, but the maximum is %d: accepted findings are reviewed every year",
				w.Expires, days, maxDays), index, "expires"))
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

// target returns a waiver with only the fields that identify its findings, for comparison.
func (w *Waiver) target() Waiver {
	return Waiver{
		Control: w.Control, Environment: w.Environment, Profile: w.Profile,
		Subject: strings.ToLower(w.Subject), Privilege: strings.ToLower(w.Privilege),
	}
}

// daysLeft returns the number of days until the waiver's expiry date, counted from the day of asOf.
func (w *Waiver) daysLeft(asOf time.Time) (int, error) {
	last, err := time.Parse(time.DateOnly, w.Expires)
	if err != nil {
		return -1, err
	}
	today := asOf.UTC().Truncate(24 * time.Hour)
	return int(last.Sub(today) / (24 * time.Hour)), nil
}

// String describes the findings that the waiver covers.
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
	return w.Subject == "" || strings.EqualFold(w.Subject, f.Subject.ID) || strings.EqualFold(w.Subject, SubjectName(f.Subject))
}

// SubjectName returns the name of a finding's subject in waivers. A view of a known table is
// TABLE=NAME, because views of several tables may have the same name.
func SubjectName(s audit.Subject) string {
	switch {
	case s.Table != "":
		return s.Table + "=" + s.Name
	case s.Name == "":
		return s.ID
	}
	return s.Name
}

// missingKeys lists the keys that the waiver lacks to cover only the given finding.
func (w *Waiver) missingKeys(f audit.Finding, s siblings) []string {
	var missing []string
	if s.environments && w.Environment == "" {
		missing = append(missing, "environment")
	}
	if s.profiles && w.Profile == "" {
		missing = append(missing, "profile")
	}
	if w.Subject == "" && SubjectName(f.Subject) != "" {
		missing = append(missing, "subject: "+SubjectName(f.Subject))
	}
	if privilege := f.Evidence.Text("privilege"); w.Privilege == "" && privilege != "" {
		missing = append(missing, "privilege: "+privilege)
	}
	return missing
}
