package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// reportRef is the document of policy/dbaudit/main.rego that the engine reads.
const reportRef = "data.dbaudit.report"

// Options are the options of [Engine.Evaluate].
type Options struct {
	Tool audit.Tool
	// AsOf is the result's time of evaluation.
	AsOf time.Time
	// Limit is how long the evaluation may take; 0 means [DefaultLimit].
	Limit time.Duration
}

// DefaultLimit is how long the evaluation of one snapshot may take. A snapshot of a whole
// environment takes a second or two.
const DefaultLimit = time.Minute

// An AmbiguityError reports that several users could be the integration's and that the
// configuration names none of them.
type AmbiguityError struct {
	// Users are the names of the users with their application ids.
	Users []string
}

func (e *AmbiguityError) Error() string {
	return fmt.Sprintf("several application users could be the integration's: %s; "+
		"choose one with --integration-app-id or integration.app_id", strings.Join(e.Users, ", "))
}

// Evaluate judges the slice of a snapshot by a profile. The snapshot's requirement must name that
// profile.
func (e *Engine) Evaluate(ctx context.Context, s *snapshot.Snapshot, p profile.Profile, o Options) (audit.Result, error) {
	if s.Requirement.Profile != p.Name {
		return audit.Result{}, fmt.Errorf("the snapshot is to be judged by the profile %q, not %q", s.Requirement.Profile, p.Name)
	}
	s = s.Slice(p.Pattern)
	// A dangling id would be undefined in the policies, and so no finding.
	if err := s.Check(p.Pattern); err != nil {
		return audit.Result{}, err
	}
	q, err := e.reportQuery(ctx, p)
	if err != nil {
		return audit.Result{}, err
	}
	var report report
	if err := q.evaluate(ctx, s, o.Limit, &report); err != nil {
		return audit.Result{}, err
	}
	if len(report.Invalid) > 0 {
		return audit.Result{}, fmt.Errorf("a policy reports an invalid finding: %s", strings.Join(report.Invalid, "; "))
	}
	if len(report.Ambiguous) > 0 {
		var names []string
		for _, id := range report.Ambiguous {
			names = append(names, fmt.Sprintf("%q (application id %s)", s.Users[id].Name, s.Users[id].ApplicationID))
		}
		slices.Sort(names)
		return audit.Result{}, &AmbiguityError{Users: names}
	}
	return e.assemble(s, p, report, o)
}

// A report is the value of [reportRef].
type report struct {
	Findings      []finding           `json:"findings"`
	NotApplicable map[string][]string `json:"not_applicable"`
	Unknown       map[string][]string `json:"unknown"`
	// UnknownControls lists the reasons by control. Unknown lists them by rule.
	UnknownControls map[audit.ControlID][]string `json:"unknown_controls"`
	RuleNotes       map[string][]string          `json:"rule_notes"`
	Notes           []string                     `json:"notes"`
	Ambiguous       []string                     `json:"ambiguous"`
	Invalid         []string                     `json:"invalid"`
	Integration     audit.Integration            `json:"integration"`
}

type finding struct {
	Control  audit.ControlID `json:"control"`
	Message  string          `json:"message"`
	Subject  audit.Subject   `json:"subject"`
	Evidence audit.Evidence  `json:"evidence"`
	Fix      *audit.Fix      `json:"fix"`
}
