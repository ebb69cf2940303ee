package simulator_test

import (
	"net/http"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

const integrationName = "Demandbase Integration"

func TestUsersWithoutAccess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*simulator.Environment)
		status int
		code   string
	}{
		"a disabled unit": {func(env *simulator.Environment) {
			env.ApplicationUser(integrationName).BusinessUnit = "Germany"
			env.BusinessUnit("Germany").Disabled = true
		}, http.StatusForbidden, "0x8004032c"},
		"below a disabled unit": {func(env *simulator.Environment) {
			env.ApplicationUser(integrationName).BusinessUnit = "Germany"
			env.BusinessUnit("Europe").Disabled = true
		}, http.StatusForbidden, "0x8004032c"},
		"beside a disabled unit": {func(env *simulator.Environment) {
			env.BusinessUnit("Europe").Disabled = true
		}, http.StatusOK, "-"},
		"deleted in Entra": {func(env *simulator.Environment) {
			env.ApplicationUser(integrationName).EntraState = simulator.EntraDeleted
		}, http.StatusForbidden, "0x80072560"},
		"a role through a team of a disabled unit": {func(env *simulator.Environment) {
			u := env.ApplicationUser(integrationName)
			env.Teams = append(env.Teams, simulator.Team{
				Name: "Closed", BusinessUnit: "Fabrikam (closed)", Roles: u.Roles, Members: []string{u.Name},
			})
			u.Roles = nil
		}, http.StatusForbidden, "0x80042f09"},
		"a left-over copy of another unit": {func(env *simulator.Environment) {
			env.ApplicationUser(integrationName).Roles = []simulator.RoleAssignment{{Role: integrationName, BusinessUnit: "Europe"}}
		}, http.StatusForbidden, "0x80042f09"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, "compliant", simulator.Options{}, nil)
			mutate(t, server, test.change)
			signIn(t, server, integrationName).get("userqueries?$select=name").expect(t, name, test.status, test.code)
		})
	}
}

func TestAccessModeRead(t *testing.T) {
	server := start(t, "compliant", simulator.Options{}, nil)
	mutate(t, server, func(env *simulator.Environment) {
		env.ApplicationUser("dbaudit apply").AccessMode = simulator.AccessRead
	})
	admin := signIn(t, server, "dbaudit apply")
	admin.get("roles?$select=name").expect(t, "a read", http.StatusOK, "-")
	admin.do("POST", "roles", obj{"name": "New"}).expect(t, "a write", http.StatusForbidden, "0x80048306")
}

// TestMoveAndRoles checks that a user who moves loses its roles, even with record ownership across business units,
// unless a setting keeps them.
func TestMoveAndRoles(t *testing.T) {
	tests := map[string]struct {
		across, keep simulator.Tristate
		roles        int
	}{
		"by default":                      {simulator.Off, simulator.Absent, 0},
		"with ownership across units too": {simulator.On, simulator.Absent, 0},
		"kept":                            {simulator.On, simulator.On, 1},
		"kept by a setting that is off":   {simulator.On, simulator.Off, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := start(t, "compliant", simulator.Options{}, nil)
			mutate(t, server, func(env *simulator.Environment) {
				env.Organization.RecordOwnershipAcrossBusinessUnits, env.Organization.KeepRolesOnMove = test.across, test.keep
			})
			env := server.Environment()
			signIn(t, server, "dbaudit apply").do("PATCH", "systemusers("+env.ApplicationUser(integrationName).ID+")", obj{
				"businessunitid@odata.bind": "/businessunits(" + env.BusinessUnit("Europe").ID + ")",
			}).expect(t, "move", http.StatusNoContent, "-")
			if got := server.Environment().ApplicationUser(integrationName).Roles; len(got) != test.roles {
				t.Errorf("roles after the move: %v", got)
			}
		})
	}
}
