package change

import (
	"encoding/json"

	"github.com/dbaudit/dbaudit/policy"
)

// platform lists the privileges that Dataverse itself grants to roles. The policies read the same
// file.
type platform struct {
	NewRole  []string `json:"new_role"`
	Restored []string `json:"restored"`
}

func platformGrants() (p platform) {
	data, _ := policy.Files.ReadFile("platform/roles.json")
	_ = json.Unmarshal(data, &p) // the file is embedded, and TestPlatform checks it
	return p
}

// RestoredPrivileges returns the privileges that each AddPrivilegesRole restores in a role.
func RestoredPrivileges() []string { return platformGrants().Restored }

// NewRolePrivileges returns the privileges that the platform grants to each new role, at
// Organization level.
func NewRolePrivileges() []string { return platformGrants().NewRole }

// IsRestoredPrivilege reports whether a privilege is one of [RestoredPrivileges].
func IsRestoredPrivilege(name string) bool { return containsFold(RestoredPrivileges(), name) }
