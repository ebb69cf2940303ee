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

// PlatformDefaults are the privileges that AddPrivilegesRole restores in a role each time.
func PlatformDefaults() []string { return platformGrants().Restored }

// Inborn are the privileges that the platform gives to each new role, at Organization level.
func Inborn() []string { return platformGrants().NewRole }

// IsPlatformDefault reports whether a privilege is one of [PlatformDefaults].
func IsPlatformDefault(name string) bool { return contains(PlatformDefaults(), name) }
