package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

const (
	orgID  = "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0001"
	roleID = "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0002"
)

// loadResult returns a result of testdata. All 36 controls of the profile passed, except the one of
// the business unit, which is not configured, and what the name says.
func loadResult(name string) audit.Result {
	doc, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		panic(err)
	}
	rs, err := ReadResults(doc)
	if err != nil {
		panic(err)
	}
	return rs[0]
}

func compliant() audit.Result  { return loadResult("compliant") }
func incomplete() audit.Result { return loadResult("incomplete") }
func waived() audit.Result     { return loadResult("waived") }

// mixed returns a result with every outcome: findings of every kind, some of them new or waived, a
// control that is waived as a whole, and one that is unknown.
func mixed() audit.Result { return loadResult("mixed") }

// unreadFile returns the result of a file in an archive that could not be read.
func unreadFile() audit.Result { return loadResult("unread") }

func control(r *audit.Result, id string) *audit.Control {
	for i := range r.Controls {
		if r.Controls[i].ID == audit.ControlID(id) {
			return &r.Controls[i]
		}
	}
	panic("no control " + id)
}

// judge returns the result with the summary and the verdict of its controls.
func judge(r audit.Result) audit.Result {
	for i := range r.Controls {
		if r.Controls[i].Findings == nil {
			r.Controls[i].Findings = []audit.Finding{}
		}
	}
	r.Summary = audit.Summarize(r.Controls)
	r.Verdict = r.Summary.Verdict()
	return r
}

func role() audit.Subject {
	return audit.Subject{Kind: audit.SubjectRole, ID: roleID, Name: "Demandbase Integration"}
}

func roleRef() *audit.Reference { return &audit.Reference{ID: roleID, Name: "Demandbase Integration"} }

// fail adds findings to a control, which then fails.
func fail(r *audit.Result, id string, fs ...audit.Finding) {
	c := control(r, id)
	c.Outcome = audit.OutcomeFail
	for _, f := range fs {
		f.Fingerprint = audit.Fingerprint(c.ID, r.Environment.OrganizationID, f.Subject, f.Evidence.Text("privilege"))
		c.Findings = append(c.Findings, f)
	}
}

// privilegeFinding returns a finding about a privilege in a state.
func privilegeFinding(privilege, state, actual string) audit.Finding {
	const required = "global"
	f := audit.Finding{
		Subject: role(),
		Evidence: audit.Evidence{
			"privilege": privilege, "state": state, "required_depth": required, "actual_depth": actual,
		},
	}
	grant := []audit.Grant{{Name: privilege, ID: "a8ecac53-09e8-4a13-b598-8d8c87bc3d33", Depth: audit.DepthGlobal}}
	switch state {
	case "missing":
		f.Message = fmt.Sprintf("%s is not granted; %s is required (%s)", audit.PrivilegeLabel(privilege), audit.LevelOf(required), privilege)
		f.Fix = &audit.Fix{Kind: change.AddPrivilege, Role: roleRef(), Privileges: grant}
	case "shallow":
		f.Message = fmt.Sprintf("%s is granted at %s level; %s is required (%s)", audit.PrivilegeLabel(privilege), audit.LevelOf(actual), audit.LevelOf(required), privilege)
		f.Fix = &audit.Fix{Kind: change.RaiseDepth, Role: roleRef(), Privileges: grant}
	case "undefined":
		f.Message = fmt.Sprintf(`the environment does not define %s (%s), so no role can grant it; the app that contains the table "list" is not installed`, audit.PrivilegeLabel(privilege), privilege)
		grant[0].ID, grant[0].Depth = "", audit.DepthNone
		f.Fix = &audit.Fix{Kind: change.InstallApp, Table: "list", Privileges: grant}
	}
	return f
}

// hostileNames returns names that an environment can have and that have a meaning in some format.
func hostileNames() []string {
	return []string{
		`"><script>alert(1)</script>`,
		`' onmouseover='alert(1)`,
		"a|b|c\n| --- | --- |\nd",
		"line one\r\n::error::injected\r\n::set-output name=x::y",
		"\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \u009b31m",
		"]]><!-- --><![CDATA[",
		"\u202egnp.exe\u2066 \u200b\u200f\ufeff\u2028\u2029 \U000e0041",
		"nul\x00bell\x07del\x7f",
		"bad utf8 \xff\xfe\xc0\xaf",
		"=cmd|' /C calc'!A0",
		"+1", "-1", "@SUM(A1)", "\tx", "\rx",
		"`code` **bold** [link](https://evil.example) ![i](https://evil.example/i.png) </details> @everyone #1",
		"100% %0A::error::x %25 a,b:c",
		"${{ secrets.TOKEN }} $(id) `id` ; rm -rf /",
		"{{.}} {{template \"x\"}} javascript:alert(1)",
		strings.Repeat("long ", 160),
		strings.Repeat("長", 300),
		strings.Repeat("e\u0301\u0323", 200),
		strings.Repeat("A", 1024),
	}
}

// hostile returns a result with a finding for each hostile name, in every place that an environment
// can fill.
func hostile() audit.Result {
	r := compliant()
	names := hostileNames()
	r.Environment.Name = names[0]
	r.Notes = append(r.Notes, names...)
	for _, n := range names {
		read := validUTF8(n) // policies read only valid UTF-8
		ref := func() *audit.Reference { return &audit.Reference{ID: n, Name: n} }
		fail(&r, "DB-PRIV-LEAD", audit.Finding{
			Message: fmt.Sprintf(`role "%s" does not grant prvReadLead`, n),
			Subject: audit.Subject{Kind: audit.SubjectRole, ID: n, Name: n},
			Evidence: audit.Evidence{
				"privilege": "prvReadLead", "state": "missing", "required_depth": "global", "actual_depth": "none", read: read,
			},
			Fix: &audit.Fix{Kind: change.AddPrivilege, Role: ref(), Privileges: []audit.Grant{{Name: n, ID: n, Depth: audit.DepthGlobal}}},
		})
		fail(&r, "DB-VIEW-SHARED", audit.Finding{
			Message:  fmt.Sprintf(`the view "%s" is not shared with the user "%s"`, n, n),
			Subject:  audit.Subject{Kind: audit.SubjectRequiredView, Name: n, Table: n},
			Evidence: audit.Evidence{"state": read, "list": []any{read, read}, "map": map[string]any{read: read}},
			Location: &audit.Location{Path: n, Line: 3},
			Fix: &audit.Fix{
				Kind: change.ReduceShare, View: &audit.Reference{Name: n}, User: ref(), Owner: ref(), Table: n,
				Principals: []audit.Reference{{Kind: "team", Name: n}},
			},
			Waiver: &audit.Waiver{Kind: n, Owner: n, Reason: n, Expires: n},
		})
	}
	c := control(&r, "DB-USER-ENABLED")
	c.Outcome, c.Reason, c.Notes = audit.OutcomeUnknown, strings.Join(names, " "), names
	c = control(&r, "DB-USER-DEDICATED")
	c.Outcome, c.Reason, c.Title = audit.OutcomeNotApplicable, names[2], names[3]
	c.Citation = &audit.Citation{Tab: names[2], Line: names[0]}
	return judge(r)
}

// large returns a result with n findings.
func large(n int) audit.Result {
	r := compliant()
	for i := range n {
		id := fmt.Sprintf("DB-PRIV-%s", []string{"ACCOUNT", "LEAD", "CAMPAIGN", "FIELD"}[i%4])
		f := privilegeFinding("prvAppendToLead", []string{"missing", "shallow"}[i%2], []string{"none", "basic"}[i%2])
		f.Subject.ID = fmt.Sprintf("%08d-9a35-4a54-9d43-6f3c3f4a0002", i)
		f.Subject.Name = fmt.Sprintf("Role %d", i)
		fail(&r, id, f)
	}
	return judge(r)
}

// archive returns the result of a role in an archive. It has no environment and no time, and one of
// its rules proposes no fix.
func archive() audit.Result {
	r := compliant()
	r.Environment = audit.Environment{Name: "out/sales.zip!/customizations.xml"}
	r.Snapshot.TakenAt = time.Time{}
	for i := range r.Controls {
		r.Controls[i].Location = nil
	}
	lacking := privilegeFinding("prvAppendToLead", "missing", "none")
	lacking.Location = &audit.Location{Path: "out/sales.zip!/customizations.xml", Line: 77, Column: 3, EndColumn: 20}
	fail(&r, "DB-PRIV-LEAD", lacking)
	for _, line := range []int{78, 79} {
		fail(&r, "DB-ROLE-COMPLETE", audit.Finding{
			Message: fmt.Sprintf("line %d is not as it should be", line), Subject: role(),
			Location: &audit.Location{Path: "out/sales.zip!/parts/more roles.xml", Line: line},
		})
	}
	return judge(r)
}

func rules() map[string]audit.Rule {
	m := map[string]audit.Rule{}
	for _, c := range compliant().Controls {
		m[c.Rule] = audit.Rule{
			ID: c.Rule, Title: "Rule " + c.Rule, Severity: c.Severity,
			Description: "What the rule " + c.Rule + " requires, in a sentence or two.",
			Consequence: "The sync stops at the first record that it may not write.",
			Remediation: "Grant what is missing in the security-role editor.",
			Resources:   []audit.Resource{{Title: "Security roles and privileges", URL: "https://learn.microsoft.com/power-platform/admin/security-roles-privileges"}},
		}
	}
	return m
}
