package audit

import "fmt"

// An Outcome is the result of judging a control. The zero value is Unknown: what was
// not judged is never taken for passed.
type Outcome int

// The outcomes of a control.
const (
	OutcomeUnknown Outcome = iota
	OutcomePass
	OutcomeFail
	OutcomeNotApplicable
	OutcomeWaived
)

// Outcomes lists every outcome in the order in which summaries name them.
func Outcomes() []Outcome {
	return []Outcome{OutcomePass, OutcomeFail, OutcomeUnknown, OutcomeNotApplicable, OutcomeWaived}
}

func (o Outcome) String() string {
	switch o {
	case OutcomePass:
		return "pass"
	case OutcomeFail:
		return "fail"
	case OutcomeNotApplicable:
		return "not_applicable"
	case OutcomeWaived:
		return "waived"
	case OutcomeUnknown:
	}
	return "unknown"
}

// ParseOutcome reads an outcome as [Outcome.String] spells it.
func ParseOutcome(s string) (Outcome, error) {
	return parse(s, "outcome", Outcomes())
}

// MarshalText implements [encoding.TextMarshaler].
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Outcome) UnmarshalText(b []byte) (err error) {
	*o, err = ParseOutcome(string(b))
	return err
}

// A Severity is how much a failed control matters. The zero value is invalid.
type Severity int

// The severities, least first.
const (
	SeverityInvalid Severity = iota
	SeverityInfo
	SeverityLow
	SeverityMedium
	SeverityHigh
	SeverityCritical
)

// Severities lists every valid severity, least first.
func Severities() []Severity {
	return []Severity{SeverityInfo, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}
}

func (s Severity) String() string {
	switch s {
	case SeverityInfo:
		return "info"
	case SeverityLow:
		return "low"
	case SeverityMedium:
		return "medium"
	case SeverityHigh:
		return "high"
	case SeverityCritical:
		return "critical"
	case SeverityInvalid:
	}
	return "invalid"
}

// ParseSeverity reads a severity as [Severity.String] spells it.
func ParseSeverity(s string) (Severity, error) {
	return parse(s, "severity", Severities())
}

// MarshalText implements [encoding.TextMarshaler]; an invalid severity is an
// error.
func (s Severity) MarshalText() ([]byte, error) {
	if s < SeverityInfo || s > SeverityCritical {
		return nil, fmt.Errorf("severity %d is not valid", int(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Severity) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSeverity(string(b))
	return err
}

// A Verdict is the answer for a whole environment. The zero value is
// Incomplete.
type Verdict int

// The verdicts.
const (
	VerdictIncomplete Verdict = iota
	VerdictCompliant
	VerdictNoncompliant
)

func (v Verdict) String() string {
	switch v {
	case VerdictCompliant:
		return "compliant"
	case VerdictNoncompliant:
		return "noncompliant"
	case VerdictIncomplete:
	}
	return "incomplete"
}

// ParseVerdict reads a verdict as [Verdict.String] spells it.
func ParseVerdict(s string) (Verdict, error) {
	return parse(s, "verdict", []Verdict{VerdictCompliant, VerdictNoncompliant, VerdictIncomplete})
}

// MarshalText implements [encoding.TextMarshaler].
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (v *Verdict) UnmarshalText(b []byte) (err error) {
	*v, err = ParseVerdict(string(b))
	return err
}

// A SubjectKind says what sort of object a finding is about. The zero value is
// unknown, and refused in JSON.
type SubjectKind int

// The kinds of subject.
const (
	SubjectUnknown SubjectKind = iota
	// SubjectRole is a security role, named by its root copy's id.
	SubjectRole
	// SubjectUser is a systemuser: an application user or a person.
	SubjectUser
	// SubjectRequiredView is a view that the configuration asks for; it is known by
	// its table and name, whether or not it was found.
	SubjectRequiredView
	// SubjectView is a personal view (userquery) that was found.
	SubjectView
	// SubjectEnvironment is the environment as a whole.
	SubjectEnvironment
)

// SubjectKinds lists every valid kind of subject.
func SubjectKinds() []SubjectKind {
	return []SubjectKind{SubjectRole, SubjectUser, SubjectRequiredView, SubjectView, SubjectEnvironment}
}

func (k SubjectKind) String() string {
	switch k {
	case SubjectRole:
		return "role"
	case SubjectUser:
		return "user"
	case SubjectRequiredView:
		return "required-view"
	case SubjectView:
		return "view"
	case SubjectEnvironment:
		return "environment"
	case SubjectUnknown:
	}
	return "unknown"
}

// MarshalText implements [encoding.TextMarshaler].
func (k SubjectKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (k *SubjectKind) UnmarshalText(b []byte) (err error) {
	*k, err = parse(string(b), "kind of subject", SubjectKinds())
	return err
}

func parse[T fmt.Stringer](s, what string, valid []T) (T, error) {
	for _, v := range valid {
		if v.String() == s {
			return v, nil
		}
	}
	var zero T
	return zero, fmt.Errorf("unknown %s %q: want one of %v", what, s, valid)
}
