package cli

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

// TestEmittedCommands: the commands and flags that reports propose exist.
func TestEmittedCommands(t *testing.T) {
	t.Parallel()
	ref := &audit.Reference{ID: "an-id", Name: "name"}
	for _, kind := range change.Kinds() {
		for _, env := range []audit.Environment{{URL: "https://contoso.crm.dynamics.com"}, {Name: "src/Roles/role.xml"}} {
			fix := audit.Fix{Kind: kind, Role: ref, User: ref, View: ref, Owner: ref, Team: ref, Privileges: []audit.Grant{{Name: "prvReadLead"}}}
			for _, line := range change.For(fix, change.Place{Environment: env, Profile: "gong"}).Commands {
				words := strings.Fields(line)
				if words[0] != "dbaudit" {
					continue
				}
				parsed(t, words[1:]...)
			}
		}
	}
}
