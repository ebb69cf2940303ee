package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/doctor"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// examineApplier examines the identity that applies: for one plan, or for any
// that the profile may lead to.
func examineApplier(ctx context.Context, a *app, t run.Target, p *plan.Plan) (doctor.Examination, error) {
	r := doctor.Remediation{Needs: doctor.Writing(), Grants: grantable(t)}
	if p != nil {
		r = remediation(*p, r)
	}
	t, own := a.Applier(t)
	return examineBy(a, t, func(c doctor.Config) ([]doctor.Check, error) {
		a.ApplySignIn(&c.SignIn, own)
		return doctor.ExamineApplication(ctx, c, r)
	})
}

// planned reads the plan that doctor is given, and finds its target.
func (f doctorFlags) planned(a *app) (plan.Plan, run.Target, error) {
	data, err := a.ReadFile(bounds.Plan, f.plan)
	if err != nil {
		return plan.Plan{}, run.Target{}, err
	}
	p, err := plan.Decode(data)
	if err != nil {
		return plan.Plan{}, run.Target{}, fmt.Errorf("%s: %w", f.plan, err)
	}
	if p.Expired(a.Now()) {
		a.Warnf("%s: the plan expired on %s: apply will refuse it", f.plan, p.ExpiresAt.Format(time.RFC3339))
	}
	t, err := a.Planned(p, f.connection, f.requirement.Profile)
	return p, t, err
}

// grantable is the profile's minimum at the required depths, and what the platform gives to
// each new role: whoever assigns a role must have everything that it grants.
func grantable(t run.Target) []doctor.Privilege {
	var list []doctor.Privilege
	seen := map[string]bool{}
	for _, c := range t.Profile.Controls {
		for _, name := range c.Privileges {
			if seen[name] {
				continue
			}
			seen[name] = true
			p := doctor.Privilege{Name: name, Depth: change.Asked(name, t.Requirement, t.Profile.Depths)}
			if c.Citation != nil && c.Citation.Tab != "" {
				p.Where = c.Citation.Tab + " > " + c.Citation.Line
			}
			list = append(list, p)
		}
	}
	for _, name := range change.Inborn() {
		if !seen[name] {
			list = append(list, doctor.Privilege{Name: name, Depth: snapshot.DepthGlobal})
		}
	}
	return list
}

// remediation is what one plan needs; known says where its privileges are in the role
// editor.
func remediation(p plan.Plan, known doctor.Remediation) doctor.Remediation {
	located := func(needs change.Depths) []doctor.Privilege {
		var list []doctor.Privilege
		for _, name := range needs.Names() {
			needed := doctor.Privilege{Name: name, Depth: needs[name]}
			for _, k := range slices.Concat(known.Needs, known.Grants) {
				if strings.EqualFold(k.Name, name) {
					needed.Where = k.Where
					break
				}
			}
			list = append(list, needed)
		}
		return list
	}
	undo, roles := p.NeedsToUndo()
	return doctor.Remediation{Needs: located(p.Needs()), Undo: located(undo), Again: roles}
}
