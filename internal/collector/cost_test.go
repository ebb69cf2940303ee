package collector_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dbaudit/dbaudit/internal/collector"
	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// enlarged returns the compliant environment with a number of irrelevant rows that grows with the
// factor, and three roles of the integration user, one of them through a team.
func enlarged(t testing.TB, factor int) *simulator.Environment {
	return builtinEnvironment(t, "compliant", func(env *simulator.Environment) {
		some := func(n int) simulator.Grants {
			g := simulator.Grants{"prvReadAccount": simulator.DepthGlobal}
			for i, p := range simulator.StandardPrivileges() {
				if i%7 == n%7 && p.Allows(simulator.DepthGlobal) {
					g[p.Name] = simulator.DepthGlobal
				}
			}
			return g
		}
		for i := range 3 * factor {
			env.BusinessUnits = append(env.BusinessUnits, simulator.BusinessUnit{Name: fmt.Sprint("Unit ", i), Parent: "Contoso"})
		}
		for i := range 2 * factor {
			env.Roles = append(env.Roles, simulator.Role{Name: fmt.Sprint("Role ", i), Privileges: some(i)})
		}
		for i := range 10 * factor {
			env.ApplicationUsers = append(env.ApplicationUsers, simulator.User{
				Name: fmt.Sprint("App ", i), ApplicationID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i),
				BusinessUnit: fmt.Sprint("Unit ", i%(3*factor)), Roles: []simulator.RoleAssignment{{Role: fmt.Sprint("Role ", i%(2*factor))}},
			})
		}
		for i := range 3 * factor {
			env.Teams = append(env.Teams, simulator.Team{
				Name: fmt.Sprint("Team ", i), Roles: []simulator.RoleAssignment{{Role: "Role 0"}}, Members: []string{fmt.Sprint("App ", i)},
			})
		}
		for i := range 10 * factor {
			env.PersonalViews = append(env.PersonalViews, simulator.PersonalView{
				Name: fmt.Sprint("View ", i), Table: "account", Owner: "jane@contoso.com",
				Shares: []simulator.Share{{Principal: fmt.Sprint("App ", i), Access: simulator.RightRead}},
			})
			env.SystemViews = append(env.SystemViews, simulator.SystemView{Name: fmt.Sprint("System view ", i), Table: "account"})
		}
		env.Roles = append(env.Roles, simulator.Role{Name: "Second"}, simulator.Role{Name: "Third", TeamPrivilegesOnly: true})
		app := env.ApplicationUser(env.Suggest.ApplicationID)
		app.Roles = append(app.Roles, simulator.RoleAssignment{Role: "Second"})
		env.Teams = append(env.Teams, simulator.Team{Name: "Integrations", Members: []string{app.Name}, Roles: []simulator.RoleAssignment{{Role: "Third"}}})
		// Views that the user does not see must be found elsewhere.
		for i := range env.PersonalViews {
			if env.PersonalViews[i].Table == "lead" {
				env.PersonalViews[i].Shares = nil
			}
		}
		env.Suggest.BusinessUnit = "Unit 0"
	})
}

// counter counts the requests to the Web API.
type counter struct {
	mu    sync.Mutex
	paths []string
}

func (c *counter) observe(r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/data/") {
		c.mu.Lock()
		c.paths = append(c.paths, r.URL.Path)
		c.mu.Unlock()
	}
}

func (c *counter) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	paths := c.paths
	c.paths = nil
	return paths
}

// rounds returns how many requests follow one another. It measures the time of a replay in which
// each response takes a second.
func rounds(t *testing.T, rec *recording, options ...collector.Options) (took int) {
	synctest.Test(t, func(t *testing.T) {
		rec.delay = time.Second
		began := time.Now()
		if _, err := collector.CollectAll(t.Context(), rec.replay(), options); err != nil {
			t.Error(err)
		}
		took = int(time.Since(began) / time.Second)
	})
	return took
}

// The number of requests does not grow with the environment.
func TestCost(t *testing.T) {
	t.Parallel()
	var flat []string
	for _, factor := range []int{1, 10, 100} {
		var calls counter
		l := newLab(t, enlarged(t, factor), labOptions{simulator: simulator.Options{Observe: calls.observe}})
		for owners := range 3 {
			l.options = optionsFor(l.server.Environment())
			for i := range l.options.Requirement.Views {
				if i >= owners {
					l.options.Requirement.Views[i].Owner = ""
				}
			}
			if owners == 2 {
				l.options.Requirement.Views[1].Owner = "amir@contoso.com"
			}
			rec := newRecording(l)
			s := l.collect(rec.record)
			wantComplete(t, s)
			requests, deep := len(calls.take()), rounds(t, rec, l.options)
			roles := len(s.RolePrivileges)
			most := 12 + roles + 2*owners
			if owners > 0 { // who they are
				most++
			}
			if owners < 2 { // the auditor's own views, because a view has no owner
				most++
			}
			if requests > most || roles != 3 {
				t.Errorf("×%d, %d roles, %d owners: %d requests, more than %d", factor, roles, owners, requests, most)
			}
			if deep > 4 {
				t.Errorf("×%d: %d requests follow one another, more than 4", factor, deep)
			}
			flat = append(flat, fmt.Sprintf("%d owners: %d requests in %d rounds", owners, requests, deep))
		}
	}
	for i, line := range flat {
		if line != flat[i%3] {
			t.Errorf("the cost grows with the environment: %s, then %s", flat[i%3], line)
		}
	}
	t.Log(strings.Join(flat[:3], "; "))
}

// Reading the application users of an environment costs one request for each role that is assigned
// to one of them, and none for views, shares and other roles. Teams and roles are requested by id,
// about 200 in a request.
func TestCostOfUsers(t *testing.T) {
	t.Parallel()
	for _, factor := range []int{1, 10, 100} {
		var calls counter
		env := enlarged(t, factor)
		env.Roles = append(env.Roles, simulator.Role{Name: "Nobody's"})
		l := newLab(t, env, labOptions{simulator: simulator.Options{Observe: calls.observe}})
		l.options.Scope, l.options.Requirement, l.options.Pattern, l.options.Privileges = snapshot.ScopeUsers, snapshot.Requirement{}, "", nil
		rec := newRecording(l)
		s := l.collect(rec.record)
		for _, section := range []snapshot.Section{snapshot.SectionUsers, snapshot.SectionTeams, snapshot.SectionRoles, snapshot.SectionRolePrivileges} {
			if s.Coverage[section].State != snapshot.StateCollected {
				t.Errorf("×%d: %s: %+v", factor, section, s.Coverage[section])
			}
		}
		if state := s.Coverage[snapshot.SectionShares].State; state != snapshot.StateSkipped {
			t.Errorf("shares were not asked for, and are %s", state)
		}
		if users := len(s.Users); users < 10*factor {
			t.Errorf("×%d: %d users", factor, users)
		}
		requests, deep := len(calls.take()), rounds(t, rec, l.options)
		if most := 8 + len(s.RolePrivileges) + (len(s.Teams)+len(s.Roles))/200; requests > most || deep > 4 {
			t.Errorf("×%d: %d requests in %d rounds for %d roles and %d teams; at most %d in 4", factor, requests, deep, len(s.RolePrivileges), len(s.Teams), most)
		}
	}
}

// The cost has the same limit if something is missing or wrong.
func TestCostOfFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change  func(*simulator.Environment)
		options func(*collector.Options)
		beside  int // roles that are not assigned and may be the integration's
	}{
		"no user": {change: func(env *simulator.Environment) {
			env.ApplicationUsers = slices.DeleteFunc(env.ApplicationUsers, func(u simulator.User) bool {
				return u.ApplicationID == env.Suggest.ApplicationID
			})
			for i := range env.PersonalViews {
				env.PersonalViews[i].Shares = nil
			}
		}, beside: 1},
		"the user has no role": {change: func(env *simulator.Environment) {
			env.ApplicationUser(env.Suggest.ApplicationID).Roles = nil
		}, beside: 1},
		"deduced": {options: func(o *collector.Options) { o.Requirement.ApplicationID, o.Requirement.Role = "", "" }},
		"deduced, through a team": {change: func(env *simulator.Environment) {
			env.Roles = append(env.Roles, simulator.Role{Name: "Demandbase (old)"})
			app := env.ApplicationUser(env.Suggest.ApplicationID)
			env.Teams = append(env.Teams, simulator.Team{Name: "Sync", Members: []string{app.Name}, Roles: app.Roles})
			app.Roles = nil
		}, options: func(o *collector.Options) { o.Requirement.Role = "" }},
		"a role beside": {change: func(env *simulator.Environment) {
			env.Roles = append(env.Roles, simulator.Role{Name: "Other"})
		}, options: func(o *collector.Options) { o.Requirement.Role = "Other" }, beside: 1},
		"many teams": {change: func(env *simulator.Environment) {
			app := env.ApplicationUser(env.Suggest.ApplicationID)
			for i := range 150 {
				env.Teams = append(env.Teams, simulator.Team{Name: fmt.Sprint("Many ", i), Type: simulator.TeamAccess, Members: []string{app.Name}})
			}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls counter
			l := newLab(t, builtinEnvironment(t, "compliant", test.change), labOptions{simulator: simulator.Options{Observe: calls.observe}})
			for i := range l.options.Requirement.Views {
				l.options.Requirement.Views[i].Owner = ""
			}
			l.options.Requirement.BusinessUnit = "Germany"
			if test.options != nil {
				test.options(&l.options)
			}
			rec := newRecording(l)
			s := l.collect(rec.record)
			assigned := map[string]bool{}
			if id, ok := s.IntegrationUser("demandbase"); ok {
				for _, role := range s.Users[id].Roles {
					assigned[s.Roles[role].RootID] = true
				}
				for _, team := range s.Users[id].Teams {
					for _, role := range s.Teams[team].Roles {
						assigned[s.Roles[role].RootID] = true
					}
				}
			}
			requests, deep := len(calls.take()), rounds(t, rec, l.options)
			if most := 13 + len(assigned) + test.beside; requests > most || deep > 4 {
				t.Errorf("%d requests in %d rounds; at most %d in 4", requests, deep, most)
			}
		})
	}
}
