package change

import (
	"encoding/json"

	"github.com/dbaudit/dbaudit/policy"
)

// platform is what Dataverse grants to roles without being asked, as the policies read it.
type platform struct {
	NewRole  []string `json:"new_role"`
	Restored []string `json:"restored"`
}

func platformGrants() platform {
	var p platform
	data, err := policy.Files.ReadFile("platform/roles.json")
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	_ = err // the file is embedded, and TestPlatform reads it
	return p
}

// RestoredPrivileges are the privileges that AddPrivilegesRole restores in a role each time.
func RestoredPrivileges() []string { return platformGrants().Restored }

// NewRolePrivileges are the privileges that the platform gives to each new role, at Organization level.
func NewRolePrivileges() []string { return platformGrants().NewRole }

// IsRestoredPrivilege reports whether a privilege is one of [RestoredPrivileges].
func IsRestoredPrivilege(name string) bool { return containsFold(RestoredPrivileges(), name) }
