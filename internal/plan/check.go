package plan

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/dbaudit/dbaudit/internal/change"
)

// check refuses a plan that Build would not make.
func (p Plan) check() error {
	if p.ExpiresAt.After(p.Snapshot.TakenAt.Add(MaxValidity)) {
		return fmt.Errorf("the plan is valid for too long: the maximum is %s after its snapshot; make the plan again", MaxValidity)
	}
	for i, a := range p.Actions {
		err := a.Check(p.Actions[:i], p.Environment.URL)
		switch {
		case a.ID != strconv.Itoa(i+1):
			err = fmt.Errorf("its number should be %d", i+1)
		case err == nil:
			err = p.checkWhy(a)
		}
		if err != nil {
			return fmt.Errorf("action %s of the plan cannot be carried out: %w; make the plan again", a.ID, err)
		}
	}
	return nil
}

// words refuses a plan that says something other than it does.
func (p Plan) words() error {
	for _, a := range p.Actions {
		summary, risk, note := a.Describe(p.Requirement.Allow)
		if a.Summary != summary || a.Risk != risk || a.Note != note {
			return fmt.Errorf("the description of the plan's action %s does not match what it does; make the plan again", a.ID)
		}
	}
	return nil
}

// checkWhy compares the reasons of an action with the findings.
func (p Plan) checkWhy(a change.Action) error {
	for _, why := range a.Why {
		if !slices.ContainsFunc(p.Findings, func(f Finding) bool {
			return f.Fingerprint == why.Fingerprint && (f.Control == why.Control || why.Follows)
		}) {
			return fmt.Errorf("its reason, %s, is not among the findings", why.Control)
		}
	}
	if len(a.Why) == 0 {
		return errors.New("it has no reason")
	}
	return nil
}
