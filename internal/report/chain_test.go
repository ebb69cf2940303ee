package report

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

func TestAccessChain(t *testing.T) {
	t.Parallel()
	c := newAccessChain(mixed())
	var got []string
	for _, part := range c.Parts {
		got = append(got, part.State)
	}
	if strings.Join(got, " ") != "fail fail pass fail unknown" {
		t.Errorf("%q", got)
	}
	if c.Parts[roleBox].Name != "Demandbase Integration" || c.Parts[userBox].Name != "# Demandbase" || c.Parts[viewsBox].Name != "Target Accounts" {
		t.Errorf("%+v", c.Parts)
	}
	if c := newAccessChain(compliant()); c.Parts[3].State != "pass" || c.Parts[userBox].Name != "" {
		t.Errorf("%+v", c)
	}
	r := compliant()
	fail(&r, "DB-USER-NO-ADMINISTRATOR", audit.Finding{Subject: audit.Subject{Kind: audit.SubjectRole, ID: "x", Name: "System Customizer"}})
	if c := newAccessChain(judge(r)); c.Parts[roleBox].Name != "" || c.Parts[roleBox].State != "pass" || c.Parts[userBox].State != "fail" {
		t.Errorf("the chain names another role: %+v", c.Parts)
	}
	r.Controls = r.Controls[:0]
	if c := newAccessChain(r); c != nil {
		t.Errorf("a chain without controls: %+v", c)
	}
}
