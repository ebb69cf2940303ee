package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
)

const (
	orgID  = "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0001"
	roleID = "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0002"
	userID = "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0003"
	viewID = "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0004"
	appID  = "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0005"
	unitID = "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0006"
)

// base is a result of the profile's thirty-six controls, all of them passed except the
// business unit, which is not configured.
func base() audit.Result {
	r := audit.Result{
		Format:      audit.ResultFormat,
		Tool:        audit.Tool{Name: "dbaudit", Version: "0.1.0"},
		Environment: audit.Environment{Name: "contoso", URL: "https://contoso.crm.dynamics.com", OrganizationID: orgID, OrganizationName: "Contoso Ltd"},
		Profile: audit.Profile{
			Version: "2026-11-30", Origin: audit.OriginBuiltin, Digest: "sha256:" + strings.Repeat("5e", 32),
			Name: "demandbase", Title: "Demandbase integration user, minimum requirements",
			Source: audit.Source{Title: "Step 2 (OAuth): Create Microsoft Dynamics Integration User", URL: "https://support.demandbase.com/hc/en-us/articles/1234"},
		},
		Snapshot: audit.Snapshot{
			Digest:  "sha256:" + strings.Repeat("0123456789abcdef", 4),
			TakenAt: time.Date(2026, 11, 20, 9, 59, 58, 0, time.UTC),
		},
		EvaluatedAt: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC),
		Notes: []string{
			`The integration role is "Demandbase Integration": of the user's roles, it grants most of the minimum.`,
			"the article does not state access levels: dbaudit requires the highest level each privilege allows; lower it with depth: in dbaudit.yaml",
		},
	}
	for _, line := range []struct{ id, tab, line string }{
		{"ACCOUNT", "Core Records", "Account - Read, write"},
		{"ACTIVITY", "Core Records", "Activity - Create, read, write, delete, append"},
		{"CONTACT", "Core Records", "Contact - Create, read, write, append, append to"},
		{"LEAD", "Core Records", "Lead - Create, read, write, append, append to"},
		{"OPPORTUNITY", "Core Records", "Opportunity - Read, write"},
		{"OPPORTUNITY-RELATIONSHIP", "Core Records", "Opportunity Relationship - Read"},
		{"QUEUE", "Core Records", "Queue - Read"},
		{"SAVED-VIEW", "Core Records", "Saved View - Read"},
		{"CAMPAIGN", "Marketing", "Campaign - Read, write, append, append to"},
		{"MARKETING-LIST", "Marketing", "Marketing List - Read"},
		{"BULK-EDIT", "Business Management", "Bulk edit - Enable"},
		{"CURRENCY", "Business Management", "Currency - Read"},
		{"USER", "Business Management", "User - Create, read, write, append"},
		{"USER-SETTINGS", "Business Management", "User settings: Read"},
		{"ATTRIBUTE-MAP", "Customization", "Attribute map - Read"},
		{"ENTITY", "Customization", "Entity - Read"},
		{"ENTITY-MAP", "Customization", "Entity map - Read"},
		{"FIELD", "Customization", "Field - Create, read, write"},
		{"PROCESS", "Customization", "Process: Read"},
		{"RELATIONSHIP", "Customization", "Relationship: read"},
		{"SYSTEM-JOB", "Customization", "System job: Read"},
		{"VIEW", "Customization", "View - Read"},
	} {
		r.Controls = append(r.Controls, audit.Control{
			ID: audit.ControlID("DB-PRIV-" + line.id), Rule: "role/privileges",
			Title:    "The integration user is granted what the line asks for: " + line.line,
			Severity: audit.SeverityHigh, Outcome: audit.OutcomePass,
			Citation: &audit.Citation{Tab: line.tab, Line: line.line},
			Why:      "Without these, the integration user cannot work with the record of the line.",
			Location: &audit.Location{Path: "dbaudit.yaml", Line: 1},
		})
	}
	for _, c := range []struct {
		id, rule, title string
		severity        audit.Severity
		line            int
	}{
		{"DB-ROLE-EXISTS", "role/exists", "The integration role exists", audit.SeverityCritical, 7},
		{"DB-ROLE-CUSTOM", "role/custom", "The integration role is a custom role that can be edited", audit.SeverityHigh, 7},
		{"DB-ROLE-COMPLETE", "role/complete", "The integration role is complete by itself", audit.SeverityLow, 7},
		{"DB-ROLE-LEAST-PRIVILEGE", "role/least-privilege", "The integration role grants nothing beyond the minimum", audit.SeverityMedium, 7},
		{"DB-USER-EXISTS", "user/exists", "Exactly one integration user exists", audit.SeverityCritical, 6},
		{"DB-USER-ENABLED", "user/enabled", "The integration user is enabled", audit.SeverityCritical, 6},
		{"DB-USER-DEDICATED", "user/dedicated", "The integration user is an application user", audit.SeverityMedium, 6},
		{"DB-USER-ROLE", "user/role", "The integration role is assigned to the integration user", audit.SeverityCritical, 6},
		{"DB-USER-BUSINESS-UNIT", "user/business-unit", "The integration user is in the configured business unit", audit.SeverityHigh, 6},
		{"DB-USER-NO-ADMINISTRATOR", "user/no-administrator", "The integration user has no administrator role", audit.SeverityHigh, 6},
		{"DB-VIEW-SHARED", "view/shared", "Every required view is shared with the integration user", audit.SeverityHigh, 9},
		{"DB-VIEW-TABLE", "view/table", "Every required view lists accounts, contacts or leads", audit.SeverityMedium, 9},
		{"DB-VIEW-ACTIVE", "view/active", "No required view is deactivated", audit.SeverityMedium, 9},
		{"DB-VIEW-LEAST-ACCESS", "view/least-access", "No share gives more than Read", audit.SeverityLow, 9},
	} {
		r.Controls = append(r.Controls, audit.Control{
			ID: audit.ControlID(c.id), Rule: c.rule, Title: c.title, Severity: c.severity, Outcome: audit.OutcomePass,
			Location: &audit.Location{Path: "dbaudit.yaml", Line: c.line},
		})
	}
	c := control(&r, "DB-USER-BUSINESS-UNIT")
	c.Outcome, c.Reason = audit.OutcomeNotApplicable, "the configuration names no business unit"
	control(&r, "DB-VIEW-SHARED").Notes = []string{`"Active Leads" is a system view: everyone sees it and it needs no share.`}
	return judge(r)
}

func control(r *audit.Result, id string) *audit.Control {
	for i := range r.Controls {
		if r.Controls[i].ID == audit.ControlID(id) {
			return &r.Controls[i]
		}
	}
	panic("no control " + id)
}

func judge(r audit.Result) audit.Result {
	for i := range r.Controls {
		if r.Controls[i].Findings == nil {
			r.Controls[i].Findings = []audit.Finding{}
		}
	}
	r.Summary = audit.Summarize(r.Controls)
	r.Verdict = audit.Judge(r.Summary)
	return r
}

func role() audit.Subject {
	return audit.Subject{Kind: audit.SubjectRole, ID: roleID, Name: "Demandbase Integration"}
}

func roleRef() *audit.Reference { return &audit.Reference{ID: roleID, Name: "Demandbase Integration"} }
func userRef() *audit.Reference { return &audit.Reference{ID: userID, Name: "# Demandbase"} }

func fail(r *audit.Result, id string, fs ...audit.Finding) {
	c := control(r, id)
	c.Outcome = audit.OutcomeFail
	for _, f := range fs {
		f.Fingerprint = audit.Fingerprint(c.ID, r.Environment.OrganizationID, f.Subject, f.Evidence.Text("privilege"))
		c.Findings = append(c.Findings, f)
	}
}

func short(privilege, state, actual string) audit.Finding {
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
		f.Message = fmt.Sprintf("%s is not granted; %s is required (%s)", audit.Right(privilege), audit.Level(required), privilege)
		f.Fix = &audit.Fix{Kind: change.AddPrivilege, Role: roleRef(), Privileges: grant}
	case "shallow":
		f.Message = fmt.Sprintf("%s is granted at %s level; %s is required (%s)", audit.Right(privilege), audit.Level(actual), audit.Level(required), privilege)
		f.Fix = &audit.Fix{Kind: change.RaiseDepth, Role: roleRef(), Privileges: grant}
	case "undefined":
		f.Message = fmt.Sprintf(`the environment does not define %s (%s), so no role can grant it; the app that contains the table "list" is not installed`, audit.Right(privilege), privilege)
		grant[0].ID, grant[0].Depth = "", audit.DepthNone
		f.Fix = &audit.Fix{Kind: change.InstallApp, Table: "list", Privileges: grant}
	}
	return f
}

func compliant() audit.Result { return base() }

// mixed has every outcome: faults of every kind, some of them new, one of two
// accepted, a control that is waived as a whole, and something unknown besides.
func mixed() audit.Result {
	r := base()
	fail(&r, "DB-PRIV-LEAD", short("prvAppendLead", "shallow", "basic"), short("prvAppendToLead", "missing", "none"))
	control(&r, "DB-PRIV-LEAD").Findings[0].Baseline = audit.BaselineUnchanged
	control(&r, "DB-PRIV-LEAD").Findings[1].Baseline = audit.BaselineNew
	fail(&r, "DB-PRIV-OPPORTUNITY-RELATIONSHIP", short("prvReadCustomerOpportunityRole", "missing", "none"))
	fail(&r, "DB-PRIV-MARKETING-LIST", short("prvReadList", "undefined", "none"))
	accept(&r, "DB-PRIV-USER", short("prvCreateUser", "missing", "none"))
	fail(&r, "DB-PRIV-FIELD", short("prvCreateAttribute", "missing", "none"), short("prvWriteAttribute", "missing", "none"))
	control(&r, "DB-PRIV-FIELD").Findings[0].Waiver = &audit.Waiver{
		Kind: "compensating", Owner: "platform@contoso.com", Expires: "2026-12-31", Reason: "Columns are added by solution import.",
	}
	fail(&r, "DB-ROLE-LEAST-PRIVILEGE", audit.Finding{
		Message: `role "Demandbase Integration" grants 3 privileges beyond the minimum`, Subject: role(),
		Evidence: audit.Evidence{"surplus": []any{"prvDeleteAccount", "prvAssignRole", "prvReadInvoice"}, "dangerous": 2, "roles": map[string]any{"z": true, "a": 1.5}},
		Fix: &audit.Fix{Kind: change.RemovePrivilege, Role: roleRef(), Privileges: []audit.Grant{
			{Name: "prvAssignRole"}, {Name: "prvDeleteAccount"}, {Name: "prvReadInvoice"},
		}},
	})
	fail(&r, "DB-USER-ROLE", audit.Finding{
		Message:  `the role "Demandbase Integration" is not assigned to the user "# Demandbase", neither directly nor through a team`,
		Subject:  audit.Subject{Kind: audit.SubjectUser, ID: userID, Name: "# Demandbase"},
		Evidence: audit.Evidence{"role": "Demandbase Integration", "reaching": []any{}},
		Fix: &audit.Fix{
			Kind: change.AssignRole, Role: roleRef(), User: userRef(), ApplicationID: appID,
			BusinessUnit: &audit.Reference{ID: unitID, Name: "contoso"},
		},
	})
	fail(&r, "DB-VIEW-SHARED", audit.Finding{
		Message:  `the view "Target Accounts" of account is not shared with the user "# Demandbase"`,
		Subject:  audit.Subject{Kind: audit.SubjectRequiredView, Name: "Target Accounts", Table: "account"},
		Evidence: audit.Evidence{"state": "not-shared", "owner": "jane@contoso.com"},
		Location: &audit.Location{Path: "dbaudit.yaml", Line: 10, Column: 9},
		Fix: &audit.Fix{
			Kind: change.ShareView, View: &audit.Reference{ID: viewID, Name: "Target Accounts"}, User: userRef(), Table: "account",
			Owner: &audit.Reference{Kind: "systemuser", ID: "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0007", Name: "jane@contoso.com"},
		},
	})
	c := control(&r, "DB-VIEW-ACTIVE")
	c.Outcome, c.Reason = audit.OutcomeUnknown, "the personal views could not be read: the auditor lacks prvActOnBehalfOfAnotherUser"
	return judge(r)
}

func incomplete() audit.Result {
	r := base()
	for _, id := range []string{"DB-VIEW-SHARED", "DB-VIEW-ACTIVE"} {
		c := control(&r, id)
		c.Outcome, c.Reason = audit.OutcomeUnknown, "the personal views could not be read: the auditor lacks prvActOnBehalfOfAnotherUser"
	}
	return judge(r)
}

func waived() audit.Result {
	r := base()
	accept(&r, "DB-PRIV-USER", short("prvCreateUser", "missing", "none"))
	return judge(r)
}

// accept makes a control fail with findings that are all waived.
func accept(r *audit.Result, id string, fs ...audit.Finding) {
	fail(r, id, fs...)
	c := control(r, id)
	original := audit.OutcomeFail
	c.Outcome, c.Original = audit.OutcomeWaived, &original
	for i := range c.Findings {
		c.Findings[i].Waiver = &audit.Waiver{
			Kind: "accepted-risk", Owner: "Jane Doe <jane@contoso.com>", Expires: "2027-03-31",
			Reason: "Users are made by the identity team; the integration must not.",
		}
	}
}

// hostileNames are names that an environment could hold and that mean something
// to one format or another.
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

// hostile has one fault for each of the hostile names, which appears everywhere that an
// environment can fill in.
func hostile() audit.Result {
	r := base()
	names := hostileNames()
	r.Environment.Name = names[0]
	r.Notes = append(r.Notes, names...)
	for _, n := range names {
		read := wellFormed(n) // what a policy read of a snapshot is UTF-8
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

// large has findings by the thousand.
func large(n int) audit.Result {
	r := base()
	for i := range n {
		id := fmt.Sprintf("DB-PRIV-%s", []string{"ACCOUNT", "LEAD", "CAMPAIGN", "FIELD"}[i%4])
		f := short("prvAppendToLead", []string{"missing", "shallow"}[i%2], []string{"none", "basic"}[i%2])
		f.Subject.ID = fmt.Sprintf("%08d-9a35-4a54-9d43-6f3c3f4a0002", i)
		f.Subject.Name = fmt.Sprintf("Role %d", i)
		fail(&r, id, f)
	}
	return judge(r)
}

// archive is a result of a role in an archive: of no environment and of no time, with
// a finding whose rule proposes no change.
func archive() audit.Result {
	r := base()
	r.Environment = audit.Environment{Name: "out/sales.zip!/customizations.xml"}
	r.Snapshot.TakenAt = time.Time{}
	for i := range r.Controls {
		r.Controls[i].Location = nil
	}
	lacking := short("prvAppendToLead", "missing", "none")
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

// unreadFile is a file of an archive that could not be read.
func unreadFile() audit.Result {
	r := base()
	r.Environment = audit.Environment{Name: "out/sales.zip!/Roles/Sync.xml"}
	r.Snapshot, r.Notes, r.Controls = audit.Snapshot{}, nil, nil
	r.Unread = &audit.Unread{
		Location: &audit.Location{Path: "out/sales.zip!/Roles/Sync.xml", Line: 3, Column: 7},
		Message:  "this is not XML: the element <Role> is not closed",
	}
	return judge(r)
}

func rules() map[string]audit.Rule {
	m := map[string]audit.Rule{}
	for _, c := range base().Controls {
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
