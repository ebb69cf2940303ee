package webapi_test

import (
	"slices"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// empty has no role, no user and no share.
func empty(env *simulator.Environment) {
	role, user := env.Role(roleName), env.ApplicationUser(app)
	env.Roles = slices.DeleteFunc(env.Roles, func(r simulator.Role) bool { return r.ID == role.ID })
	id := user.ID
	env.ApplicationUsers = slices.DeleteFunc(env.ApplicationUsers, func(u simulator.User) bool { return u.ID == id })
	for i := range env.PersonalViews {
		env.PersonalViews[i].Shares = nil
	}
	for i := range env.Teams {
		env.Teams[i].Members = slices.DeleteFunc(env.Teams[i].Members, func(m string) bool { return m == roleName || m == app || m == id })
	}
}

func TestFromNothing(t *testing.T) {
	l := newLab(t, simulator.Options{})
	l.reset(t, empty)
	start := l.state(t)
	p := l.plan(t, everything())
	t.Log("\n" + p.Text())
	_, file := l.apply(t, p)
	r, _ := l.scan(t)
	if r.Verdict != audit.VerdictCompliant {
		for _, c := range r.Controls {
			if c.Outcome != audit.OutcomePass {
				t.Errorf("%s %s %s %v", c.ID, c.Outcome, c.Reason, c.Findings)
			}
		}
	}
	if err := l.again(t, file).Rollback(t.Context()); err != nil {
		t.Fatalf("rolling back: %v", err)
	}
	same(t, "after the rollback", l.state(t), start)
}
