package webapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/apply/webapi"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// A meddler is an environment in which something else changes around a request.
type meddler struct {
	apply.Mutator

	before, after func(change.Request) // nil for nothing
}

func (m meddler) Change(ctx context.Context, r change.Request, t change.Target, label string) (string, error) {
	if m.before != nil {
		m.before(r)
	}
	made, err := m.Mutator.Change(ctx, r, t, label)
	if m.after != nil {
		m.after(r)
	}
	return made, err
}

// TestRequestChangesMore: if a request does more than the plan says, the run stops, and the journal says what
// changed. The rollback restores what the plan names, and reports the rest until it is as before.
func TestRequestChangesMore(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	role := func(env *simulator.Environment) simulator.Grants { return env.Role(roleName).Privileges }
	for name, tt := range map[string]struct {
		fault  func(*simulator.Environment)
		path   string // the end of the request's path
		meddle func(*simulator.Environment)
		want   string
		// kept is the manual step that remains after a rollback, and restore carries it out.
		kept    string
		restore func(*simulator.Environment)
	}{
		"a greater depth": {
			func(env *simulator.Environment) { role(env)["prvReadAccount"] = simulator.DepthBasic }, "AddPrivilegesRole",
			func(env *simulator.Environment) { role(env)["prvReadAccount"] = simulator.DepthDeep },
			"prvReadAccount is deep, not global", "", nil,
		},
		"the other privileges are replaced": {
			func(env *simulator.Environment) { delete(role(env), "prvReadLead") }, "AddPrivilegesRole",
			func(env *simulator.Environment) {
				delete(role(env), "prvReadAccount")
				delete(role(env), "prvReadContact")
			},
			"prvReadAccount is none, not global, prvReadContact is none, not global",
			`in the role "Demandbase Integration" set prvReadAccount to global, prvReadContact to global`,
			func(env *simulator.Environment) {
				role(env)["prvReadAccount"], role(env)["prvReadContact"] = simulator.DepthGlobal, simulator.DepthGlobal
			},
		},
		"another privilege": {
			func(env *simulator.Environment) { delete(role(env), "prvReadLead") }, "AddPrivilegesRole",
			func(env *simulator.Environment) { role(env)["prvAssignAccount"] = simulator.DepthLocal },
			"prvAssignAccount is local, not none",
			`set prvAssignAccount to none`,
			func(env *simulator.Environment) { delete(role(env), "prvAssignAccount") },
		},
		"removal of another privilege": {
			func(env *simulator.Environment) { role(env)["prvBulkDelete"] = simulator.DepthGlobal }, "RemovePrivilegeRole",
			func(env *simulator.Environment) { role(env)["prvReadAccount"] = simulator.DepthLocal },
			"prvReadAccount is local, not global",
			`set prvReadAccount to global`,
			func(env *simulator.Environment) { role(env)["prvReadAccount"] = simulator.DepthGlobal },
		},
		"more rights on a view": {
			func(env *simulator.Environment) { setShare(env, "account", "Demandbase Accounts", 0) }, "GrantAccess",
			func(env *simulator.Environment) {
				setShare(env, "account", "Demandbase Accounts", simulator.RightRead|simulator.RightWrite)
			},
			"access is read, write, not read", "", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l.reset(t, tt.fault)
			start := l.state(t)
			r, file := l.start(t, l.plan(t))
			r.Mutator = meddler{Mutator: r.Mutator, after: func(sent change.Request) {
				if strings.HasSuffix(sent.Path, tt.path) {
					l.mutate(t, tt.meddle)
				}
			}}
			if err := r.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			again := l.reopen(t, file)
			if tt.kept != "" {
				if err := again.Apply(t.Context()); err != nil {
					t.Error(err)
				}
				if lost, err := again.Verify(t.Context()); err != nil || len(lost) != 1 {
					t.Errorf("a continued run: %v, %v", lost, err)
				}
				checkKept(t, again, 1, tt.kept)
				l.mutate(t, tt.restore)
			}
			if err := again.Rollback(t.Context()); err != nil {
				t.Error(err)
			}
			checkEqual(t, "after the rollback", l.state(t), start)
		})
	}
}

// TestPlatformGrantsDefaults: the platform may restore any of the privileges that it grants to each new role.
func TestPlatformGrantsDefaults(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	l.reset(t, func(env *simulator.Environment) {
		delete(env.Role(roleName).Privileges, "prvReadLead")
		delete(env.Role(roleName).Privileges, "prvReadPluginType")
	})
	r, _ := l.start(t, l.plan(t))
	r.Mutator = meddler{Mutator: r.Mutator, after: func(change.Request) {
		l.mutate(t, func(env *simulator.Environment) {
			env.Role(roleName).Privileges["prvReadPluginType"] = simulator.DepthGlobal
		})
	}}
	if err := r.Apply(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestUndoChangesMore: a rollback reports what its own requests change besides.
func TestUndoChangesMore(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	l.reset(t, func(env *simulator.Environment) { delete(env.Role(roleName).Privileges, "prvReadLead") })
	r, _ := l.apply(t, l.plan(t))
	r.Mutator = meddler{Mutator: r.Mutator, after: func(change.Request) {
		l.mutate(t, func(env *simulator.Environment) { delete(env.Role(roleName).Privileges, "prvReadAccount") })
	}}
	checkKept(t, r, 1, `prvReadAccount is none, not global; manual step: in the role "Demandbase Integration" set prvReadAccount to global`)
}

// TestResumeAfterOthers: between an interrupted run and its continuation, somebody else changes the
// environment. The continuation checks the target of a request again before it sends it.
func TestResumeAfterOthers(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	removeReadLead := func(env *simulator.Environment) { delete(env.Role(roleName).Privileges, "prvReadLead") }
	for name, tt := range map[string]struct {
		fault, meddle func(*simulator.Environment)
		want          string
	}{
		"more grants of a role to be assigned": {
			func(env *simulator.Environment) { env.ApplicationUser(app).Roles = nil },
			func(env *simulator.Environment) {
				env.Role(roleName).Privileges["prvBulkDelete"] = simulator.DepthGlobal
			},
			"the role grants more than in the plan: prvBulkDelete",
		},
		"another holder of the role": {
			removeReadLead,
			func(env *simulator.Environment) {
				u := env.User("jane@contoso.com")
				u.Roles = append(u.Roles, simulator.RoleAssignment{Role: roleName})
			},
			"others have the role too",
		},
		"another name of the role": {
			removeReadLead,
			func(env *simulator.Environment) {
				env.ApplicationUser(app).Roles = nil
				env.Role(roleName).Name = "Finance"
			},
			`is now named "Finance"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l.reset(t, tt.fault)
			r, file := l.start(t, l.plan(t))
			if err := l.withFaults(t.Context(), failFrom(1, simulator.FaultResetBefore), r.Apply); err == nil {
				t.Fatal("the run does not report the fault")
			}
			l.mutate(t, tt.meddle)
			before := l.state(t)
			again := l.reopen(t, file)
			if err := again.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			checkEqual(t, "after the refusal", l.state(t), before)
		})
	}
}

// TestResumeAfterRevert: somebody else undoes the first action, the assignment of the integration role, before
// the continued run takes the administrator role away.
func TestResumeAfterRevert(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	l.reset(t, func(env *simulator.Environment) {
		env.ApplicationUser(app).Roles = []simulator.RoleAssignment{{Role: "System Administrator"}}
	})
	r, file := l.start(t, l.plan(t))
	if err := l.withFaults(t.Context(), failFrom(2, simulator.FaultResetBefore), r.Apply); err == nil {
		t.Fatal("the run does not report the fault")
	}
	l.mutate(t, func(env *simulator.Environment) {
		env.ApplicationUser(app).Roles = []simulator.RoleAssignment{{Role: "System Administrator"}}
	})
	before := l.state(t)
	checkDrift(t, l.reopen(t, file).Apply(t.Context()), change.UnassignRole, "did not persist: now assigned is no")
	checkEqual(t, "after the refusal", l.state(t), before)
}

// TestResumeSecondChangeOfTarget: the interrupted run changed what an earlier action had changed.
func TestResumeSecondChangeOfTarget(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	l.reset(t, func(env *simulator.Environment) {
		setShare(env, "account", "Demandbase Accounts", simulator.RightWrite)
	})
	r, file := l.start(t, l.plan(t))
	if err := l.withFaults(t.Context(), failFrom(2, simulator.FaultResetAfter), r.Apply); err == nil {
		t.Fatal("the run does not report the fault")
	}
	again := l.reopen(t, file)
	if err := again.Apply(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCreatedRoleIsWidened: somebody else grants a privilege to the role that the plan created, before the
// plan assigns it.
func TestCreatedRoleIsWidened(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	l.reset(t, removeRole)
	r, _ := l.start(t, l.plan(t))
	r.Progress = func(a change.Action, e apply.Event) {
		if a.Kind == change.AddPrivilege && e == apply.EventDone {
			l.mutate(t, func(env *simulator.Environment) {
				env.Role(roleName).Privileges["prvBulkDelete"] = simulator.DepthGlobal
			})
		}
	}
	checkDrift(t, r.Apply(t.Context()), change.AssignRole, "the role grants more than in the plan: prvBulkDelete")
}

// TestChangeDuringRequest: the request is refused because the user changed since it was read. It is sent
// again only if the user is still the one in the plan.
func TestChangeDuringRequest(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	l.reset(t, func(env *simulator.Environment) { env.ApplicationUser(app).Disabled = true })
	r, _ := l.start(t, l.plan(t))
	r.Mutator = meddler{Mutator: webapi.New(l.admin), before: func(change.Request) {
		l.mutate(t, func(env *simulator.Environment) {
			for i := range env.PersonalViews {
				env.PersonalViews[i].Shares = nil // they name the user
			}
			env.ApplicationUser(app).Name = "Somebody else"
		})
	}}
	var changed *apply.DriftError
	if err := r.Apply(t.Context()); !errors.As(err, &changed) || !strings.Contains(err.Error(), "is now named") || !l.Server.Environment().ApplicationUser(app).Disabled {
		t.Errorf("got %v", err)
	}
}
