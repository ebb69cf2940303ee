package engine_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
	"github.com/dbaudit/dbaudit/schema"
	"github.com/dbaudit/dbaudit/schema/schematest"
)

// TestResultSchema validates results with every outcome against the published schema.
func TestResultSchema(t *testing.T) {
	compiled, err := schematest.Compile(schema.Files, "result.json")
	if err != nil {
		t.Fatal(err)
	}
	p, e := demandbase(t), load(t)
	full := compliant(p)
	broken := compliant(p)
	clear(broken.RolePrivileges[role])
	broken.RolePrivileges[role]["prvDeleteAccount"] = audit.DepthGlobal
	clear(broken.Views)
	empty := compliant(p)
	clear(empty.Users)
	clear(empty.Roles)
	clear(empty.RolePrivileges)
	unread := compliant(p)
	clear(unread.Coverage)
	for name, s := range map[string]*snapshot.Snapshot{"compliant": full, "broken": broken, "empty": empty, "unread": unread} {
		t.Run(name, func(t *testing.T) {
			if err := s.Seal(); err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(evaluate(t, e, s, p))
			if err != nil {
				t.Fatal(err)
			}
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if err := compiled.Validate(document); err != nil {
				t.Errorf("%v\n%s", err, data)
			}
		})
	}
}
