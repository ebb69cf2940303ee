package webapi_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/apply"
	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// removeRoleAndUser removes the role, the user and the shares.
func removeRoleAndUser(env *simulator.Environment) {
	removeUser(env)
	role := env.Role(roleName).ID
	env.Roles = slices.DeleteFunc(env.Roles, func(r simulator.Role) bool { return r.ID == role })
}

func removeUser(env *simulator.Environment) {
	user := env.ApplicationUser(app)
	id, name := user.ID, user.Name
	env.ApplicationUsers = slices.DeleteFunc(env.ApplicationUsers, func(u simulator.User) bool { return u.ID == id })
	for i := range env.PersonalViews {
		v := &env.PersonalViews[i]
		v.Shares = slices.DeleteFunc(v.Shares, func(s simulator.Share) bool { return s.Principal == name || s.Principal == id || s.Principal == app })
	}
	for i := range env.Teams {
		env.Teams[i].Members = slices.DeleteFunc(env.Teams[i].Members, func(m string) bool { return m == name || m == app || m == id })
	}
}

func removeRole(env *simulator.Environment) {
	env.ApplicationUser(app).Roles = nil
	role := env.Role(roleName).ID
	env.Roles = slices.DeleteFunc(env.Roles, func(r simulator.Role) bool { return r.ID == role })
}

// breakAll adds a fault for each kind of fix that changes an existing role or user.
func breakAll(env *simulator.Environment) {
	role := env.Role(roleName)
	delete(role.Privileges, "prvReadLead")
	delete(role.Privileges, "prvAppendToLead")
	role.Privileges["prvReadAccount"] = simulator.DepthLocal
	role.Privileges["prvWriteContact"] = simulator.DepthBasic
	role.Privileges["prvBulkDelete"] = simulator.DepthGlobal
	role.Privileges["prvDeleteAccount"] = simulator.DepthDeep
	// The platform restores these two whenever a privilege is granted.
	delete(role.Privileges, "prvReadSharePointData")
	delete(role.Privileges, "prvWriteSharePointData")
	user := env.ApplicationUser(app)
	user.Disabled = true
	user.Roles = []simulator.RoleAssignment{{Role: "System Administrator"}}
	setShare(env, "account", "Demandbase Accounts", 0)
	setShare(env, "lead", "Demandbase Leads", simulator.RightRead|simulator.RightWrite|simulator.RightAppendTo)
}

// setShare sets the rights of the integration user on a view, 0 for no share.
func setShare(env *simulator.Environment, table, name string, rights simulator.Rights) {
	user := env.ApplicationUser(app)
	v := env.PersonalView(table, name)
	v.Shares = slices.DeleteFunc(v.Shares, func(s simulator.Share) bool {
		return s.Principal == user.Name || s.Principal == user.ID || s.Principal == app
	})
	if rights != 0 {
		v.Shares = append(v.Shares, simulator.Share{Principal: app, Access: rights})
	}
}

func checkCompliant(t *testing.T, r audit.Result) {
	t.Helper()
	for _, c := range r.Controls {
		if c.Outcome != audit.OutcomePass && c.Outcome != audit.OutcomeNotApplicable {
			t.Errorf("%s %s %s %v", c.ID, c.Outcome, c.Reason, c.Findings)
		}
	}
}

// TestEachKind applies and rolls back each kind of fix separately, and all of them together.
func TestEachKind(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	for _, tt := range []struct {
		name   string
		change func(*simulator.Environment)
		want   []string
	}{
		{"nothing", nil, nil},
		{"create-role", removeRole, []string{"create-role", "add-privilege", "assign-role"}},
		{"add-privilege", func(env *simulator.Environment) { delete(env.Role(roleName).Privileges, "prvReadLead") }, []string{"add-privilege"}},
		{"raise-depth", func(env *simulator.Environment) {
			env.Role(roleName).Privileges["prvReadLead"] = simulator.DepthBasic
		}, []string{"raise-depth"}},
		{"remove-privilege", func(env *simulator.Environment) {
			env.Role(roleName).Privileges["prvBulkDelete"] = simulator.DepthGlobal
		}, []string{"remove-privilege"}},
		{"create-application-user", removeUser, []string{"create-application-user", "assign-role", "share-view", "share-view", "share-view"}},
		{"enable-user", func(env *simulator.Environment) { env.ApplicationUser(app).Disabled = true }, []string{"enable-user"}},
		{"assign-role", func(env *simulator.Environment) { env.ApplicationUser(app).Roles = nil }, []string{"assign-role"}},
		{"unassign-role", func(env *simulator.Environment) {
			u := env.ApplicationUser(app)
			u.Roles = append(u.Roles, simulator.RoleAssignment{Role: "System Administrator"})
		}, []string{"unassign-role"}},
		{"share-view", func(env *simulator.Environment) { setShare(env, "account", "Demandbase Accounts", 0) }, []string{"share-view"}},
		{"reduce-share", func(env *simulator.Environment) {
			setShare(env, "account", "Demandbase Accounts", simulator.RightRead|simulator.RightWrite)
		}, []string{"reduce-share"}},
		{"a share without Read", func(env *simulator.Environment) {
			setShare(env, "account", "Demandbase Accounts", simulator.RightWrite|simulator.RightShare)
		}, []string{"share-view", "reduce-share"}},
		{"everything", breakAll, []string{
			"add-privilege", "raise-depth", "remove-privilege", "remove-privilege", "enable-user", "assign-role",
			"share-view", "reduce-share", "unassign-role",
		}},
		{"from nothing", removeRoleAndUser, []string{
			"create-role", "add-privilege", "create-application-user", "assign-role", "share-view", "share-view", "share-view",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l.reset(t, tt.change)
			start := l.state(t)
			p := l.plan(t)
			got := actionKinds(p)
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Fatalf("planned %v, want %v\n%s", got, tt.want, p.Text())
			}
			if len(p.Manual)+len(p.Withheld) > 0 {
				t.Errorf("manual steps: %v, withheld: %v", p.Manual, p.Withheld)
			}
			before := l.state(t)
			checkEqual(t, "planning", before, start)
			_, file := l.apply(t, p)
			r, _ := l.scan(t)
			checkCompliant(t, r)
			if err := l.reopen(t, file).Apply(t.Context()); err != nil {
				t.Errorf("resuming a complete run: %v", err)
			}
			if err := l.reopen(t, file).Rollback(t.Context()); err != nil {
				t.Fatalf("rolling back: %v", err)
			}
			checkEqual(t, "after the rollback", l.state(t), start)
			if err := l.reopen(t, file).Apply(t.Context()); err == nil {
				t.Error("a run that was rolled back was resumed")
			}
		})
	}
}

// failFrom returns faults: the nth write fails in the given way, and all later requests fail too.
func failFrom(n int, kind simulator.FaultKind) func(*http.Request) simulator.Fault {
	writes := 0
	return func(r *http.Request) simulator.Fault {
		if isWrite(r) {
			writes++
		}
		switch {
		case writes < n || !strings.HasPrefix(r.URL.Path, "/api/data/"):
			return simulator.Fault{}
		case writes == n && isWrite(r):
			writes++
			return simulator.Fault{Kind: kind}
		}
		return simulator.Fault{Kind: simulator.FaultResetBefore}
	}
}

// TestCutAnywhere interrupts the largest plans at every write, before and after it takes effect, and
// resumes the run or rolls it back.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	for name, change := range map[string]func(*simulator.Environment){"from nothing": removeRoleAndUser, "everything": breakAll} {
		l.reset(t, change)
		start := l.state(t)
		p := l.plan(t)
		l.apply(t, p)
		end := l.stateWithoutIDs(t)
		for n := 1; n <= len(p.Actions); n++ {
			for _, kind := range []simulator.FaultKind{simulator.FaultResetBefore, simulator.FaultResetAfter} {
				for _, back := range []bool{false, true} {
					if name != "everything" && back == ((n+int(kind))%2 == 0) {
						continue // only the largest plan tests all combinations
					}
					l.reset(t, change)
					r, file := l.start(t, p)
					if err := l.withFaults(t.Context(), failFrom(n, kind), r.Apply); err == nil {
						t.Fatalf("%s: the run does not report the fault at write %d", name, n)
					}
					if err := r.Journal.Close(); err != nil {
						t.Fatal(err)
					}
					appendPartialLine(t, file)
					if back {
						if err := l.reopen(t, file).Rollback(t.Context()); err != nil {
							t.Fatalf("%s: rolling back after write %d (%d): %v", name, n, kind, err)
						}
						checkEqual(t, name+": after the rollback", l.state(t), start)
						continue
					}
					if err := l.reopen(t, file).Apply(t.Context()); err != nil {
						t.Fatalf("%s: resuming after write %d (%d): %v", name, n, kind, err)
					}
					checkEqual(t, name+": after resuming", l.stateWithoutIDs(t), end)
				}
			}
		}
	}
}

// appendPartialLine appends a part of a line to a journal, as a killed process may leave it.
func appendPartialLine(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, writeErr := f.WriteString(`{"event":"done","acti`)
	if err := errors.Join(writeErr, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestKilledAnywhere ends a run at every line of the journal, and resumes it or rolls it back.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	for name, prepare := range map[string]func(*simulator.Environment){"from nothing": removeRoleAndUser, "everything": breakAll} {
		l.reset(t, prepare)
		start := l.state(t)
		p := l.plan(t)
		_, completeFile := l.apply(t, p)
		end := l.stateWithoutIDs(t)
		data, err := os.ReadFile(completeFile)
		if err != nil {
			t.Fatal(err)
		}
		for n := range strings.Count(string(data), "\n") - 1 {
			l.reset(t, prepare)
			r, file := l.start(t, p)
			records := 0
			r.Progress = func(change.Action, apply.Event) {
				if records++; records > n {
					panic("killed")
				}
			}
			func() {
				defer func() { _ = recover() }()
				_ = r.Apply(t.Context())
			}()
			if err := r.Journal.Close(); err != nil {
				t.Fatal(err)
			}
			if r := l.reopen(t, file); n%2 == 0 {
				if err := r.Rollback(t.Context()); err != nil {
					t.Fatalf("%s: rolling back after line %d: %v", name, n, err)
				}
				checkEqual(t, name+": after the rollback", l.state(t), start)
				continue
			} else if err := r.Apply(t.Context()); err != nil {
				t.Fatalf("%s: resuming after line %d: %v", name, n, err)
			}
			checkEqual(t, name+": after resuming", l.stateWithoutIDs(t), end)
		}
	}
}

// TestRollbackCutAnywhere interrupts a rollback at every write, and rolls back again.
func TestRollbackCutAnywhere(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	for name, change := range map[string]func(*simulator.Environment){"from nothing": removeRoleAndUser, "everything": breakAll} {
		l.reset(t, change)
		start := l.state(t)
		p := l.plan(t)
		undone := false
		for n := 1; !undone; n++ {
			kind := []simulator.FaultKind{simulator.FaultResetBefore, simulator.FaultResetAfter}[n%2]
			l.reset(t, change)
			r, file := l.apply(t, p)
			undone = l.withFaults(t.Context(), failFrom(n, kind), r.Rollback) == nil
			if err := r.Journal.Close(); err != nil {
				t.Fatal(err)
			}
			if err := l.reopen(t, file).Rollback(t.Context()); err != nil {
				t.Fatalf("%s: rolling back again after write %d (%d): %v", name, n, kind, err)
			}
			checkEqual(t, name+": after the rollback", l.state(t), start)
		}
	}
}

// TestRollbackDeletesDependents: a change that a rollback kept disappears with the created row that
// it depends on.
func TestRollbackDeletesDependents(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	l.reset(t, removeRoleAndUser)
	start := l.state(t)
	r, file := l.apply(t, l.plan(t))
	gate := func(r *http.Request) simulator.Fault {
		if strings.HasSuffix(r.URL.Path, "/RevokeAccess") {
			return simulator.Fault{Kind: simulator.FaultFirewall}
		}
		return simulator.Fault{}
	}
	var kept *apply.KeptError
	if err := l.withFaults(t.Context(), gate, r.Rollback); !errors.As(err, &kept) {
		t.Fatalf("nothing was kept: %v", err)
	}
	if err := r.Journal.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.reopen(t, file).Rollback(t.Context()); err != nil {
		t.Errorf("rolling back again: %v", err)
	}
	checkEqual(t, "after the rollback", l.state(t), start)
}

// TestClocksDiffer: a run finds the rows that it created, and its rollback deletes them, although the clocks of
// this machine and of the environment differ by hours.
func TestClocksDiffer(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{26 * time.Hour, -3 * time.Hour} {
		l := newLab(t, simulator.Options{Now: func() time.Time { return now().Add(ahead) }})
		l.reset(t, removeRoleAndUser)
		start := l.state(t)
		r, _ := l.apply(t, l.plan(t))
		if err := r.Rollback(t.Context()); err != nil {
			t.Errorf("the environment is %s ahead: %v", ahead, err)
		}
		checkEqual(t, "after the rollback", l.state(t), start)
	}
}

// TestTransientFaults: runs and rollbacks succeed although each write fails once.
func TestTransientFaults(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{StaleFor: 20})
	starts := []func(*simulator.Environment){breakAll, removeRoleAndUser}
	for name, fault := range map[string]simulator.Fault{
		"429":                 {Kind: simulator.FaultStatus, Status: 429, RetryAfter: "3"},
		"500":                 {Kind: simulator.FaultStatus, Status: 500},
		"502":                 {Kind: simulator.FaultStatus, Status: 502},
		"503":                 {Kind: simulator.FaultStatus, Status: 503, RetryAfter: "2"},
		"412":                 {Kind: simulator.FaultStatus, Status: 412},
		"401":                 {Kind: simulator.FaultUnauthorized},
		"reset before effect": {Kind: simulator.FaultResetBefore},
		"reset after effect":  {Kind: simulator.FaultResetAfter},
		"truncated response":  {Kind: simulator.FaultTruncate},
	} {
		t.Run(name, func(t *testing.T) {
			l.reset(t, starts[len(name)%2]) // each plan gets half of the faults
			start := l.state(t)
			p := l.plan(t)
			failed := map[string]bool{}
			once := func(r *http.Request) simulator.Fault {
				key := r.Method + r.URL.Path
				if !isWrite(r) || failed[key] {
					delete(failed, key)
					return simulator.Fault{}
				}
				failed[key] = true
				return fault
			}
			r, _ := l.start(t, p)
			if err := l.withFaults(t.Context(), once, r.Apply); err != nil {
				t.Fatal(err)
			}
			result, _ := l.scan(t)
			checkCompliant(t, result)
			if err := l.withFaults(t.Context(), once, r.Rollback); err != nil {
				t.Fatal(err)
			}
			checkEqual(t, "after the rollback", l.state(t), start)
		})
	}
}

// TestSecondAdministrator changes the environment while a plan is applied.
func TestSecondAdministrator(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	// changeAfter applies the plan, and changes the environment after n actions.
	changeAfter := func(t *testing.T, n int, mutate func(*simulator.Environment)) (*apply.Runner, error) {
		t.Helper()
		p := l.plan(t)
		r, _ := l.start(t, p)
		done := 0
		r.Progress = func(_ change.Action, e apply.Event) {
			if e == apply.EventDone {
				if done++; done == n {
					l.mutate(t, mutate)
				}
			}
		}
		return r, r.Apply(t.Context())
	}
	t.Run("the target of the next action", func(t *testing.T) {
		l.reset(t, breakAll)
		r, err := changeAfter(t, 1, func(env *simulator.Environment) {
			env.Role(roleName).Privileges["prvReadAccount"] = simulator.DepthDeep
		})
		checkDrift(t, err, change.RaiseDepth, "prvReadAccount is deep, not local")
		// The rollback undoes the other changes, and names what somebody else changed.
		checkKept(t, r, 1, "set prvReadAccount to local")
		got := l.Server.Environment().Role(roleName).Privileges
		if got["prvReadAccount"] != simulator.DepthDeep || got["prvReadLead"] != simulator.DepthNone || got["prvReadSharePointData"] != simulator.DepthNone {
			t.Errorf("after the rollback the role grants %v", got)
		}
	})
	t.Run("the same change at the same time", func(t *testing.T) {
		l.reset(t, breakAll)
		if _, err := changeAfter(t, 1, func(env *simulator.Environment) {
			env.Role(roleName).Privileges["prvReadAccount"] = simulator.DepthGlobal
			env.Role(roleName).Privileges["prvWriteContact"] = simulator.DepthGlobal
		}); err == nil {
			t.Fatal("another identity's change counts as done")
		}
	})
	t.Run("more grants of a role to be assigned", func(t *testing.T) {
		for n, extend := range map[int]func(*simulator.Environment){
			1: func(env *simulator.Environment) {
				env.Role(roleName).Privileges["prvAssignAccount"] = simulator.DepthLocal
			},
			5: func(env *simulator.Environment) {
				env.Role(roleName).Privileges["prvBulkDelete"] = simulator.DepthGlobal
			},
		} {
			l.reset(t, breakAll)
			_, err := changeAfter(t, n, extend)
			checkDrift(t, err, change.AssignRole, "the role grants more than in the plan: prv")
		}
	})
	t.Run("something else", func(t *testing.T) {
		l.reset(t, breakAll)
		r, err := changeAfter(t, 6, func(env *simulator.Environment) {
			env.Role(roleName).Privileges["prvAssignAccount"] = simulator.DepthLocal
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := l.Server.Environment().Role(roleName).Privileges["prvAssignAccount"]; got != simulator.DepthLocal {
			t.Errorf("the rollback changed another identity's grant: %v", got)
		}
	})
	t.Run("a change before the rollback", func(t *testing.T) {
		l.reset(t, breakAll)
		p := l.plan(t)
		r, _ := l.apply(t, p)
		l.mutate(t, func(env *simulator.Environment) {
			setShare(env, "lead", "Demandbase Leads", simulator.RightRead|simulator.RightDelete)
		})
		checkKept(t, r, 1, `share the view "Demandbase Leads" with "Demandbase Integration" for read, write, append-to`)
		l.mutate(t, func(env *simulator.Environment) {
			setShare(env, "lead", "Demandbase Leads", simulator.RightRead|simulator.RightWrite|simulator.RightAppendTo)
		})
		got := l.state(t)
		l.reset(t, breakAll)
		checkEqual(t, "all the rest was rolled back", got, l.state(t))
	})
	t.Run("another assignment of the new role", func(t *testing.T) {
		l.reset(t, removeRoleAndUser)
		p := l.plan(t)
		r, _ := l.apply(t, p)
		l.mutate(t, func(env *simulator.Environment) {
			u := env.User("jane@contoso.com")
			u.Roles = append(u.Roles, simulator.RoleAssignment{Role: roleName})
		})
		err := r.Rollback(t.Context())
		if _, ok := errors.AsType[*apply.KeptError](err); !ok || l.Server.Environment().Role(roleName) == nil {
			t.Fatalf("an assigned role was deleted: %v", err)
		}
	})
}

// TestUnusualEnvironments plans and applies in unusual environments.
func TestUnusualEnvironments(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	checkManual := func(t *testing.T, p plan.Plan, kind audit.FixKind) {
		t.Helper()
		i := slices.IndexFunc(p.Manual, func(m plan.Manual) bool { return m.Kind == kind })
		if i < 0 || p.Manual[i].Who == "" {
			t.Errorf("%s is not a manual step: %v", kind, p.Manual)
		}
	}
	checkApply := func(t *testing.T, p plan.Plan) {
		t.Helper()
		start := l.state(t)
		r, _ := l.apply(t, p)
		result, _ := l.scan(t)
		if left := fixableFindings(result); left != nil {
			t.Errorf("not fixed: %v", left)
		}
		if err := r.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkEqual(t, "after the rollback", l.state(t), start)
	}
	t.Run("a role that cannot be edited", func(t *testing.T) {
		l.reset(t, func(env *simulator.Environment) {
			r := env.Role(roleName)
			r.Managed, r.NotCustomizable = true, true
			delete(r.Privileges, "prvReadLead")
			r.Privileges["prvBulkDelete"] = simulator.DepthGlobal
		})
		p := l.plan(t)
		if len(p.Actions) != 0 {
			t.Errorf("planned %v", actionKinds(p))
		}
		checkManual(t, p, change.ReplaceRole)
	})
	t.Run("a managed role that can be edited", func(t *testing.T) {
		l.reset(t, func(env *simulator.Environment) {
			env.Role(roleName).Managed = true
			delete(env.Role(roleName).Privileges, "prvReadLead")
		})
		checkApply(t, l.plan(t))
	})
	t.Run("a built-in role", func(t *testing.T) {
		l.reset(t, func(env *simulator.Environment) {
			env.ApplicationUser(app).Roles = []simulator.RoleAssignment{{Role: "System Customizer"}}
			if env.Role("System Customizer") == nil {
				env.ApplicationUser(app).Roles = []simulator.RoleAssignment{{Role: "Basic User"}}
			}
		})
		checkApply(t, l.plan(t))
	})
	t.Run("a user in a child business unit", func(t *testing.T) {
		for name, change := range map[string]func(*simulator.Environment){
			"without the role": func(env *simulator.Environment) { env.ApplicationUser(app).Roles = nil },
			"without a role":   removeRole,
			"without a user":   removeUser,
			"without both":     removeRoleAndUser,
		} {
			t.Run(name, func(t *testing.T) {
				l.requireUnit(t, "Germany")
				l.reset(t, func(env *simulator.Environment) {
					env.ApplicationUser(app).BusinessUnit = "Germany"
					change(env)
				})
				checkApply(t, l.plan(t))
			})
		}
	})
	t.Run("ownership across business units", func(t *testing.T) {
		l.requireUnit(t, "Europe")
		for _, change := range []func(*simulator.Environment){removeRoleAndUser, func(env *simulator.Environment) { env.ApplicationUser(app).Roles = nil }} {
			l.reset(t, func(env *simulator.Environment) {
				env.Organization.RecordOwnershipAcrossBusinessUnits = simulator.On
				env.ApplicationUser(app).BusinessUnit = "Europe"
				change(env)
			})
			checkApply(t, l.plan(t))
		}
	})
	t.Run("a role without a copy in the user's business unit", func(t *testing.T) {
		for setting, automatic := range map[simulator.Tristate]bool{simulator.Off: false, simulator.On: true} {
			l.reset(t, func(env *simulator.Environment) {
				env.Organization.RecordOwnershipAcrossBusinessUnits = setting
				env.ApplicationUser(app).Roles = nil
				env.Role(roleName).BusinessUnit = "Europe"
			})
			p := l.plan(t)
			if got := slices.Contains(actionKinds(p), "assign-role"); got != automatic {
				t.Errorf("across business units %v: planned %v", setting, actionKinds(p))
			}
			if automatic {
				checkApply(t, p)
			} else {
				checkManual(t, p, change.AssignRole)
			}
		}
	})
	t.Run("a new user without a role", func(t *testing.T) {
		l.reset(t, func(env *simulator.Environment) {
			removeUser(env)
			env.Role(roleName).BusinessUnit = "Europe"
		})
		p := l.plan(t)
		if slices.Contains(actionKinds(p), "share-view") {
			t.Errorf("planned %v, and the environment refuses the shares", actionKinds(p))
		}
		checkManual(t, p, change.ShareView)
	})
	t.Run("an application user that is soft-deleted", func(t *testing.T) {
		l.reset(t, func(env *simulator.Environment) {
			u := env.ApplicationUser(app)
			u.SoftDeleted, u.Disabled, u.Roles = true, true, nil
		})
		p := l.plan(t)
		if slices.Contains(actionKinds(p), "create-application-user") {
			t.Errorf("planned %v, and the id is taken", actionKinds(p))
		}
		checkManual(t, p, change.RemoveDuplicateUser)
	})
	t.Run("soft-deleted after the plan was made", func(t *testing.T) {
		l.reset(t, removeRoleAndUser)
		p := l.plan(t)
		l.mutate(t, func(env *simulator.Environment) {
			env.ApplicationUsers = append(env.ApplicationUsers, simulator.User{
				Name: "Ghost", ApplicationID: app, Disabled: true, SoftDeleted: true,
			})
		})
		r, _ := l.start(t, p)
		checkDrift(t, r.Apply(t.Context()), change.CreateApplicationUser, "")
		checkKept(t, r, 1, "user is deleted now")
	})
	t.Run("a role that others have", func(t *testing.T) {
		team := func(members ...string) func(*simulator.Environment) {
			return func(env *simulator.Environment) {
				env.Teams = append(env.Teams, simulator.Team{Name: "Sync", Roles: []simulator.RoleAssignment{{Role: roleName}}, Members: members})
			}
		}
		for name, tt := range map[string]struct {
			assign func(*simulator.Environment)
			holder string
		}{
			"directly": {func(env *simulator.Environment) {
				u := env.User("sofia@contoso.com")
				u.Roles = append(u.Roles, simulator.RoleAssignment{Role: roleName})
			}, "Sofia"},
			"through a team":         {team("sofia@contoso.com"), "Sofia"},
			"a team without members": {team(), `the team "Sync"`},
		} {
			t.Run(name, func(t *testing.T) {
				l.reset(t, func(env *simulator.Environment) {
					delete(env.Role(roleName).Privileges, "prvReadLead")
					tt.assign(env)
				})
				start := l.state(t)
				p := l.plan(t)
				r, _ := l.start(t, p)
				if err := r.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), tt.holder) || !strings.Contains(err.Error(), "--allow-shared-role") {
					t.Fatalf("not refused: %v", err)
				}
				checkEqual(t, "nothing was changed", l.state(t), start)
				r.AllowSharedRole = true
				if err := r.Apply(t.Context()); err != nil {
					t.Fatal(err)
				}
			})
		}
	})
	t.Run("another environment", func(t *testing.T) {
		l.reset(t, breakAll)
		p := l.plan(t)
		p.Environment.OrganizationID = "00000000-0000-0000-0000-000000000001"
		start := l.state(t)
		r, _ := l.start(t, p)
		if err := r.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "another environment") {
			t.Fatalf("not refused: %v", err)
		}
		if err := r.Rollback(t.Context()); err == nil {
			t.Error("rolled back in another environment")
		}
		checkEqual(t, "nothing was changed", l.state(t), start)
	})
	ownedByTeam := func(env *simulator.Environment) {
		setShare(env, "account", "Demandbase Accounts", simulator.RightRead|simulator.RightWrite)
		env.PersonalView("account", "Demandbase Accounts").Owner = "Marketing Operations"
	}
	t.Run("a view whose owner is a team", func(t *testing.T) {
		l.reset(t, ownedByTeam)
		p := l.plan(t)
		if !p.Empty() || !slices.ContainsFunc(p.Manual, func(m plan.Manual) bool { return m.Control == "DB-VIEW-LEAST-ACCESS" }) {
			t.Errorf("not a manual step:\n%s", p.Text())
		}
	})
	t.Run("a view with a new owner", func(t *testing.T) {
		l.reset(t, func(env *simulator.Environment) { env.PersonalView("account", "Demandbase Accounts").Shares = nil })
		p := l.plan(t)
		l.mutate(t, func(env *simulator.Environment) {
			env.PersonalView("account", "Demandbase Accounts").Owner = "sofia@contoso.com"
		})
		r, _ := l.start(t, p)
		if err := r.CheckDrift(t.Context(), func(change.Action, string) {}); err == nil || !strings.Contains(err.Error(), "no longer sees it") {
			t.Errorf("a dry run says %v", err)
		}
	})
	t.Run("a view whose owner is a team, but not known as one", func(t *testing.T) {
		l.reset(t, ownedByTeam)
		start := l.state(t)
		_, s := l.scan(t)
		for id, v := range s.Views { // as in an environment without the column owningteam
			v.OwnerType = snapshot.PrincipalUnknown
			s.Views[id] = v
		}
		result, err := l.Engine.Evaluate(t.Context(), s, l.Profile, engine.Options{AsOf: now()})
		if err != nil {
			t.Fatal(err)
		}
		r, _ := l.start(t, l.planFor(t, result, s))
		if err := r.Apply(t.Context()); err == nil || !strings.Contains(err.Error(), "it may be a team") {
			t.Errorf("a team was impersonated: %v", err)
		}
		if r.Journal.MayHaveChanges() {
			t.Error("a refused change counts as sent")
		}
		checkEqual(t, "nothing was changed", l.state(t), start)
	})
	t.Run("a dry run", func(t *testing.T) {
		for _, prepare := range []func(*simulator.Environment){breakAll, removeRoleAndUser} {
			l.reset(t, prepare)
			p := l.plan(t)
			start := l.state(t)
			if err := l.runner(&apply.Journal{Plan: p}).CheckDrift(t.Context(), func(change.Action, string) {}); err != nil {
				t.Error(err)
			}
			checkEqual(t, "nothing was changed", l.state(t), start)
		}
		l.reset(t, breakAll)
		p := l.plan(t)
		l.reset(t, nil)
		if err := l.runner(&apply.Journal{Plan: p}).CheckDrift(t.Context(), func(change.Action, string) {}); err == nil {
			t.Error("a plan for another state was accepted")
		}
	})
}

// TestAssignAnotherRole: a dry run and a run refuse to assign a role that is not a copy of the plan's
// role, or is built in.
func TestAssignAnotherRole(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	l.reset(t, func(env *simulator.Environment) { env.ApplicationUser(app).Roles = nil })
	start := l.state(t)
	whole := l.plan(t)
	environment := l.Server.Environment()
	admin := environment.Role("System Administrator").ID
	for name, edit := range map[string]func(*change.Target){
		"not a copy of the plan's role": func(target *change.Target) { target.Copy.ID = admin },
		"a built-in one":                func(target *change.Target) { target.Copy.ID, target.Role.ID = admin, admin },
	} {
		text, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		var p plan.Plan
		if err := json.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		for i := range p.Actions {
			if a := &p.Actions[i]; a.Kind == change.AssignRole {
				edit(&a.Target)
			}
		}
		r, _ := l.start(t, p)
		var changed *apply.DriftError
		if err := r.CheckDrift(t.Context(), func(change.Action, string) {}); !errors.As(err, &changed) {
			t.Errorf("%s: a dry run says %v", name, err)
		}
		if err := r.Apply(t.Context()); !errors.As(err, &changed) || l.state(t) != start {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestForeignRow resets the connection at the request that creates a row. A row that exists later
// counts as created only if the signed-in identity created it.
func TestForeignRow(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	creations := map[audit.FixKind]func(*simulator.Environment){
		change.CreateRole: func(env *simulator.Environment) {
			env.Roles = append(env.Roles, simulator.Role{Name: roleName, PlatformDefaults: true})
		},
		change.CreateApplicationUser: func(env *simulator.Environment) {
			env.ApplicationUsers = append(env.ApplicationUsers, simulator.User{Name: "Theirs", ApplicationID: app})
		},
	}
	for kind, create := range creations {
		l.reset(t, removeRoleAndUser)
		p := l.plan(t)
		n := 1 + slices.IndexFunc(p.Actions, func(a change.Action) bool { return a.Kind == kind })
		for _, back := range []bool{false, true} {
			l.reset(t, removeRoleAndUser)
			r, file := l.start(t, p)
			if err := l.withFaults(t.Context(), failFrom(n, simulator.FaultResetBefore), r.Apply); err == nil {
				t.Fatal("the run does not report the fault")
			}
			l.mutate(t, create)
			again := l.reopen(t, file)
			if back {
				checkKept(t, again, 1, "another identity created it")
			} else if checkDrift(t, again.Apply(t.Context()), kind, "another identity created it"); !again.Journal.MayHaveChanges() {
				t.Errorf("%s: a change that may have been sent does not count", kind)
			}
			env := l.Server.Environment()
			if kind == change.CreateRole && env.Role(roleName) == nil || kind == change.CreateApplicationUser && env.ApplicationUser(app) == nil {
				t.Errorf("%s: a foreign row was deleted", kind)
			}
		}
	}
}

// TestRollbackKeeps: a rollback names what it cannot undo and what others changed since, and undoes
// the rest.
func TestRollbackKeeps(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	for name, tt := range map[string]struct {
		change func(*simulator.Environment)
		kept   int
		reason string
	}{
		"the role": {removeRole, 4, "what it changed no longer exists"},
		"the user": {removeUser, 4, "what it changed no longer exists"},
		"an owner's access": {func(env *simulator.Environment) {
			env.User("jane@contoso.com").Disabled = true
		}, 1, "is disabled: enable the user, or make the change manually"},
		"a privilege": {func(env *simulator.Environment) {
			env.Role(roleName).Privileges["prvReadAccount"] = simulator.DepthDeep
		}, 1, "it was changed since: prvReadAccount is deep now"},
	} {
		l.reset(t, breakAll)
		p := l.plan(t)
		r, _ := l.apply(t, p)
		l.mutate(t, tt.change)
		checkKept(t, r, tt.kept, tt.reason)
		if left := r.Journal.Undoable(); len(left) != tt.kept {
			t.Errorf("%s: %d of %d actions are left to undo", name, len(left), len(p.Actions))
		}
		if role := l.Server.Environment().Role(roleName); name == "a privilege" && (role.Privileges["prvWriteContact"] != simulator.DepthBasic || role.Privileges["prvReadAccount"] != simulator.DepthDeep) {
			t.Errorf("after the rollback the role grants %v", role.Privileges)
		}
	}
}

// TestContradictions applies and rolls back in environments that differ from what dbaudit assumes.
func TestContradictions(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulator.Options{})
	for _, c := range simulator.Contradictions() {
		if c == simulator.OtherOrganization {
			continue // a scan reads nothing from it, so the plan is empty
		}
		l.reset(t, func(env *simulator.Environment) {
			breakAll(env)
			env.Contradictions = []simulator.Contradiction{c}
		})
		start := l.state(t)
		p := l.plan(t)
		r, file := l.start(t, p)
		if err := r.Apply(t.Context()); err != nil {
			t.Errorf("%s: %v", c, err)
		}
		if err := l.reopen(t, file).Rollback(t.Context()); err != nil {
			t.Errorf("%s: rolling back: %v", c, err)
		}
		checkEqual(t, string(c), l.state(t), start)
	}
}
