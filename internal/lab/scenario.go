package lab

import (
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/simulator"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// A Scenario is an environment and the requirement that it must meet. A verdict depends on nothing else.
type Scenario struct {
	*simulator.Environment

	Requirement snapshot.Requirement
}

// Clone returns a copy that a test can change without changing the scenario.
func (sc Scenario) Clone() Scenario {
	sc.Environment = sc.Environment.Clone()
	sc.Requirement.Views = slices.Clone(sc.Requirement.Views)
	sc.Requirement.Allow = slices.Clone(sc.Requirement.Allow)
	return sc
}

// suggestedRequirement returns the requirement that the environment suggests.
func suggestedRequirement(env *simulator.Environment, profile string) snapshot.Requirement {
	suggest := env.Suggest
	q := snapshot.Requirement{
		Profile: profile, ApplicationID: suggest.ApplicationID, Role: suggest.Role, BusinessUnit: suggest.BusinessUnit,
	}
	for _, v := range suggest.Views {
		q.Views = append(q.Views, snapshot.RequiredView{Table: v.Table, Name: v.Name, Owner: v.Owner})
	}
	return q
}

const (
	// integrationName is the name of the integration user, of its role and of its application in the
	// compliant environment.
	integrationName = "Demandbase Integration"
	appID           = "5f0c1b52-8f1a-4c62-9c5e-7b8a1d2e3f40"
)

// changeRole changes the required role if it exists.
func (sc *Scenario) changeRole(change func(*simulator.Role)) {
	if r := sc.Role(sc.Requirement.Role); r != nil {
		change(r)
	}
}

// changeUser changes the integration user if it exists.
func (sc *Scenario) changeUser(change func(*simulator.User)) {
	if u := sc.ApplicationUser(integrationName); u != nil {
		change(u)
	}
}

// joinTeam makes the integration user a member of a team.
func (sc *Scenario) joinTeam(team string) {
	sc.changeUser(func(*simulator.User) { sc.Team(team).Members = append(sc.Team(team).Members, integrationName) })
}

// addTeam adds a team with the integration user as a member.
func (sc *Scenario) addTeam(team string, roles ...simulator.RoleAssignment) {
	if sc.Team(team) == nil {
		sc.Teams = append(sc.Teams, simulator.Team{Name: team, BusinessUnit: "Contoso", Roles: roles})
		sc.joinTeam(team)
	}
}

// UseNameEverywhere gives the same name to a role, a user, a business unit, a team and views, and adds faults
// that bring each of them into a report.
func UseNameEverywhere(sc *Scenario, name string) {
	sc.changeRole(func(r *simulator.Role) {
		r.Name = name
		delete(r.Privileges, "prvReadLead")
		r.Privileges["prvDeleteAccount"] = simulator.DepthBasic
	})
	sc.BusinessUnits = append(sc.BusinessUnits, simulator.BusinessUnit{Name: name, Parent: "Contoso"})
	sc.changeUser(func(u *simulator.User) {
		u.Roles[0].Role = name
		u.BusinessUnit = name
	})
	sc.addTeam(name, simulator.RoleAssignment{Role: "System Customizer"})
	for i := range sc.PersonalViews {
		v := &sc.PersonalViews[i]
		if !strings.HasPrefix(v.Name, "Demandbase") {
			continue
		}
		for j := range v.Shares {
			v.Shares[j].Access = simulator.RightRead | simulator.RightWrite
		}
		if v.Table == "account" {
			v.Shares = nil
		}
		v.Inactive = v.Table == "contact"
		v.Name = name
	}
	for i := range sc.Requirement.Views {
		sc.Requirement.Views[i].Name = name
	}
	sc.Requirement.Role = name
	sc.changeUser(func(u *simulator.User) { u.Name = name })
	for i := range sc.PersonalViews {
		for j := range sc.PersonalViews[i].Shares {
			if s := &sc.PersonalViews[i].Shares[j]; s.Principal == integrationName {
				s.Principal = appID
			}
		}
	}
	sc.Team(name).Members = []string{appID}
}
