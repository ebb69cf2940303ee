package audit

import (
	"cmp"
	"fmt"
	"time"

	"github.com/dbaudit/dbaudit/internal/enum"
)

// An Outcome is the result of judging a control. The zero value is unknown, so that a control
// that was not judged never counts as passed.
type Outcome string

// The outcomes of a control.
const (
	OutcomeUnknown       Outcome = ""
	OutcomePass          Outcome = "pass"
	OutcomeFail          Outcome = "fail"
	OutcomeNotApplicable Outcome = "not_applicable"
	OutcomeWaived        Outcome = "waived"
)

// Outcomes lists every outcome in the order in which summaries name them.
func Outcomes() []Outcome {
	return []Outcome{OutcomePass, OutcomeFail, OutcomeUnknown, OutcomeNotApplicable, OutcomeWaived}
}

func (o Outcome) String() string { return enum.String(o) }

// MarshalText implements [encoding.TextMarshaler].
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Outcome) UnmarshalText(b []byte) error {
	return enum.Unmarshal(o, b, "outcome", Outcomes()...)
}

// A Severity says how serious it is if a control fails. The zero value is invalid.
type Severity int

// The severities, least severe first.
const (
	SeverityInvalid Severity = iota
	SeverityInfo
	SeverityLow
	SeverityMedium
	SeverityHigh
	SeverityCritical
)

// Severities lists every valid severity, least severe first.
func Severities() []Severity {
	return []Severity{SeverityInfo, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

func (s Severity) String() string {
	words := [...]string{"invalid", "info", "low", "medium", "high", "critical"}
	if s < 0 || int(s) >= len(words) {
		return words[SeverityInvalid]
	}
	return words[s]
}

// MarshalText implements [encoding.TextMarshaler]. An invalid severity is an error.
func (s Severity) MarshalText() ([]byte, error) {
	if s < SeverityInfo || s > SeverityCritical {
		return nil, fmt.Errorf("severity %d is not valid", int(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Severity) UnmarshalText(b []byte) error {
	return enum.Unmarshal(s, b, "severity", Severities()...)
}

// A Verdict is the answer for a whole environment or file. The zero value is incomplete.
type Verdict string

// The verdicts.
const (
	VerdictIncomplete   Verdict = ""
	VerdictCompliant    Verdict = "compliant"
	VerdictNoncompliant Verdict = "noncompliant"
)

func (v Verdict) String() string { return cmp.Or(string(v), "incomplete") }

// MarshalText implements [encoding.TextMarshaler].
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (v *Verdict) UnmarshalText(b []byte) error {
	return enum.Unmarshal(v, b, "verdict", VerdictCompliant, VerdictNoncompliant, VerdictIncomplete)
}

// A Day counts verdicts on one day.
type Day struct {
	Day                                 time.Time // its beginning in UTC
	Compliant, Incomplete, Noncompliant int
}

// Add counts a verdict.
func (d *Day) Add(v Verdict) {
	switch v {
	case VerdictCompliant:
		d.Compliant++
	case VerdictIncomplete:
		d.Incomplete++
	case VerdictNoncompliant:
		d.Noncompliant++
	}
}

// A SubjectKind is the kind of object that a finding is about. The zero value is unknown, and
// is not valid in JSON.
type SubjectKind string

// The kinds of subject.
const (
	SubjectUnknown SubjectKind = ""
	// SubjectRole is a security role, identified by the id of its root copy.
	SubjectRole SubjectKind = "role"
	// SubjectUser is a systemuser: an application user or a person.
	SubjectUser SubjectKind = "user"
	// SubjectRequiredView is a view that the configuration requires, found or not. It is
	// identified by its table and name.
	SubjectRequiredView SubjectKind = "required-view"
	// SubjectView is a personal view (userquery) that was found.
	SubjectView SubjectKind = "view"
	// SubjectEnvironment is the environment as a whole.
	SubjectEnvironment SubjectKind = "environment"
)

func (k SubjectKind) String() string { return enum.String(k) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (k *SubjectKind) UnmarshalText(b []byte) error {
	return enum.Unmarshal(k, b, "kind of subject", SubjectRole, SubjectUser, SubjectRequiredView, SubjectView, SubjectEnvironment)
}
