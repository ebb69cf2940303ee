package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/profile"
	"github.com/dbaudit/dbaudit/policy"
)

// TestRelaxations proves that the notes of a result list the requirements that are less strict than
// the default, and what relaxes them.
func TestRelaxations(t *testing.T) {
	e, builtin := load(t), demandbase(t)
	bases, err := profile.Builtin(policy.Files)
	if err != nil {
		t.Fatal(err)
	}
	own, err := profile.Parse("acme.yaml", []byte(`acme:
  extends: demandbase
  depths: {prvReadAccount: local, prvReadLead: deep}
  allow: [prvReadOrganization]
  view_tables: [account, contact, lead, opportunity]
  controls:
    - {id: DB-PRIV-LEAD, severity: low}
    - {id: DB-PRIV-ACCOUNT, severity: critical}
`), bases...)
	if err != nil {
		t.Fatal(err)
	}
	bare := evaluate(t, e, compliant(builtin), builtin)
	s := compliant(own)
	s.Requirement.Profile = "acme"
	s.Requirement.Depth = map[string]audit.Depth{"prvReadLead": audit.DepthBasic, "prvReadContact": audit.DepthGlobal}
	s.Requirement.Allow = []string{"prvReadRole"}
	lowered := evaluate(t, e, s, own)
	var more []string
	for _, note := range lowered.Notes {
		known := false
		for _, other := range bare.Notes {
			known = known || note == other
		}
		if !known {
			more = append(more, note)
		}
	}
	if diff := cmp.Diff([]string{
		"the profile acme requires less than the highest level (depths:): prvReadAccount (local, not global)",
		"the configuration requires less than the highest level (depth:): prvReadLead (basic, not global)",
		"the profile acme lowers severities: DB-PRIV-LEAD (low, not high)",
		"the profile acme accepts views of more tables (view_tables:): opportunity",
		"the profile acme allows privileges beyond the minimum (allow:): prvReadOrganization",
		"the configuration allows privileges beyond the minimum (allow:): prvReadRole",
	}, more); diff != "" {
		t.Errorf("notes of relaxations (-want +got):\n%s", diff)
	}
	if p := lowered.Profile; p.Origin != "acme.yaml" || p.Digest != own.Digest || !p.Differs(bare.Profile) {
		t.Errorf("judged by %+v", p)
	}
}
