package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// Content says what goes into a plan.
type Content struct {
	Only, Except          []string // ids of controls
	LeastPrivilege        bool
	ReplaceFiltered       bool
	UnassignAdministrator bool
	ValidFor              time.Duration
	MaxChanges            int
}

// JudgedAsSaved judges a snapshot again and refuses a result that says anything
// else: a plan changes what its findings ask for, and a saved file can be edited.
// Waivers and places in files are the result's own. Whom it is about is said by the
// policies.
func (r *Runner) JudgedAsSaved(ctx context.Context, name string, saved *audit.Result, s *snapshot.Snapshot, p profile.Profile) error {
	if saved.Snapshot.Digest != s.Digest {
		return nil // which the plan refuses with better words
	}
	e, err := r.Engine(ctx, p)
	if err != nil {
		return err
	}
	again, err := r.Judge(ctx, e, s, p, saved.EvaluatedAt)
	if err != nil {
		return err
	}
	of := again.Environment
	of.OrganizationName = saved.Environment.OrganizationName // which older results do not have
	if saved.Environment != of || saved.Profile.Name != again.Profile.Name {
		return fmt.Errorf("%s has another environment or profile than its snapshot: make it again with `dbaudit check SNAPSHOT -f json -o %[2]s`", name, change.Shell(name))
	}
	if len(saved.Controls) > len(again.Controls) {
		return fmt.Errorf("%s has controls that the profile %s does not have: make it again with `dbaudit check SNAPSHOT -f json -o %[3]s`", name, p.Name, change.Shell(name))
	}
	for i, c := range again.Controls {
		same, err := sameVerdict(saved.Controls, i, c)
		if err != nil {
			return err
		}
		if !same {
			return fmt.Errorf("%s and its snapshot give different verdicts on %s: the result was edited, or made by other rules; make it again with `dbaudit check SNAPSHOT -f json -o %[3]s`", name, c.ID, change.Shell(name))
		}
	}
	saved.Integration = again.Integration
	return nil
}

// sameVerdict compares a control with the saved one in its place, waivers and places
// aside.
func sameVerdict(saved []audit.Control, place int, c audit.Control) (bool, error) {
	if place >= len(saved) {
		return false, nil
	}
	var texts [2][]byte
	for i, control := range []audit.Control{saved[place], c} {
		if control.Original != nil {
			control.Outcome, control.Original = *control.Original, nil
		}
		control.Location, control.Why = nil, "" // older results have no why
		control.Findings = slices.Clone(control.Findings)
		for j := range control.Findings {
			f := &control.Findings[j]
			f.Location, f.Waiver, f.Baseline = nil, nil, ""
		}
		var err error
		if texts[i], err = json.Marshal(control); err != nil {
			return false, fmt.Errorf("comparing the result with its snapshot: %w", err)
		}
	}
	return bytes.Equal(texts[0], texts[1]), nil
}

// Plan makes a plan and holds it against the limits.
func (r *Runner) Plan(result audit.Result, s *snapshot.Snapshot, p profile.Profile, c Content, asOf time.Time) (plan.Plan, error) {
	within, err := Limits(p, c.MaxChanges)
	if err != nil {
		return plan.Plan{}, err
	}
	if c.ValidFor <= 0 {
		return plan.Plan{}, Usagef("--valid-for %s: want a positive duration, %s at most", c.ValidFor, plan.MaxValidity)
	}
	made, err := plan.Build(result, s, plan.Options{
		Tool: r.Tool, MadeAt: asOf, Validity: c.ValidFor,
		Minimum: p.Minimum(), Depths: p.Depths,
		Only: controlIDs(c.Only), Except: controlIDs(c.Except),
		LeastPrivilege: c.LeastPrivilege, ReplaceFiltered: c.ReplaceFiltered, UnassignAdministrator: c.UnassignAdministrator,
	})
	if err != nil {
		return plan.Plan{}, Usagef("%w", err)
	}
	if asOf.After(made.ExpiresAt) {
		r.warn("the snapshot is from %s: the plan has already expired, and can be read but not applied", s.TakenAt.Format(time.RFC3339))
	}
	return made, made.Within(within)
}

// Limits are what a profile lets a plan do, in so many changes at most.
func Limits(p profile.Profile, changes int) (plan.Limits, error) {
	if changes < 1 {
		return plan.Limits{}, Usagef("--max-changes %d: want at least 1", changes)
	}
	return plan.Limits{Changes: changes, Minimum: p.Minimum(), Allow: p.Allow, Depths: p.Depths}, nil
}

func controlIDs(names []string) []audit.ControlID {
	ids := make([]audit.ControlID, len(names))
	for i, name := range names {
		ids[i] = audit.ControlID(name)
	}
	return ids
}
