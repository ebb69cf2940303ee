package sessions_test

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// TestCustomRulesSeeSameInput checks that a custom rule counts the same users and roles in scan, in
// check of the scan's snapshot, and in check of the input that check --input saves.
func TestCustomRulesSeeSameInput(t *testing.T) {
	server := serve(t, builtin(t, "sample"), simulator.Options{})
	p := newParallelProcess(t, server)
	requirement := requirementYAML(server.Environment())
	profile := p.write("acme.yaml", `acme:
  extends: demandbase
  controls:
    - {id: ACME-COUNTS, rule: acme/counts, title: Counts, severity: info, why: Ours.}
`)
	p.write("dbaudit.yaml", strings.Replace(requirement, "profile: demandbase", "profile: "+profile, 1))
	p.write("counts.rego", `# METADATA
# title: Counts
# description: Counts users and roles.
# custom:
#   severity: info
#   requires: [users, roles]
#   consequence: None.
#   remediation: None.
package dbaudit.rules.acme.counts

metadata := rego.metadata.chain()[1].annotations.custom

findings contains {
	"control": "ACME-COUNTS",
	"message": sprintf("%d users, %d roles", [count(input.users), count(input.roles)]),
	"subject": {"kind": "environment", "id": "", "name": ""},
}
`)
	whole, input := p.file("whole.json"), p.file("input.json")
	own := []string{"--policy", p.dir, "--profile", profile, "-q", "--fail-on", "none", "-f", "json"}
	counted := func(args ...string) string {
		t.Helper()
		o := p.run(append(args, own...)...).must(t, 0)
		var r audit.Result
		decodeInto(t, o.stdout, &r)
		for _, c := range r.Controls {
			if c.ID == "ACME-COUNTS" && len(c.Findings) == 1 {
				return c.Findings[0].Message
			}
		}
		t.Fatalf("nothing was counted: %s", o.stdout)
		return ""
	}
	scanned := counted("scan", "--scope", "environment", "--snapshot", whole)
	for name, got := range map[string]string{
		"check":              counted("check", whole, "--input", input),
		"check of its input": counted("check", input),
	} {
		if got != scanned {
			t.Errorf("%s counts %s, scan %s", name, got, scanned)
		}
	}
	p.run("check", whole, whole, "--input", input).must(t, 2)
}
