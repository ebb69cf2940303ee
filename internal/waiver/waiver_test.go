package waiver_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

func today() time.Time { return time.Date(2026, 3, 1, 15, 30, 0, 0, time.UTC) }

func role() audit.Subject {
	return audit.Subject{Kind: audit.SubjectRole, ID: "561ccbb0-899c-8a20-b5a3-a68d1472c744", Name: "Integration"}
}

func privilege(name string) audit.Finding {
	return audit.Finding{
		Fingerprint: name, Message: name + " is not granted", Subject: role(),
		Evidence: audit.Evidence{"privilege": name, "state": "missing"},
	}
}

// result has a failed control with two findings, a failed control about a view, a passed control
// and an unknown one.
func result(environment string) audit.Result {
	r := audit.Result{
		Format: audit.ResultFormat, Environment: audit.Environment{Name: environment, OrganizationID: environment},
		Controls: []audit.Control{
			{ID: "DB-PRIV-LEAD", Severity: audit.SeverityHigh, Outcome: audit.OutcomeFail, Findings: []audit.Finding{privilege("prvReadLead"), privilege("prvAppendToLead")}},
			{ID: "DB-VIEW-SHARED", Severity: audit.SeverityHigh, Outcome: audit.OutcomeFail, Findings: []audit.Finding{{
				Fingerprint: "view", Subject: audit.Subject{Kind: audit.SubjectRequiredView, Table: "lead", Name: "Leads"},
			}}},
			{ID: "DB-USER-EXISTS", Severity: audit.SeverityCritical, Outcome: audit.OutcomePass},
			{ID: "DB-VIEW-ACTIVE", Severity: audit.SeverityMedium, Outcome: audit.OutcomeUnknown, Reason: "views were not read"},
		},
	}
	r.SetVerdict()
	return r
}

// entry returns a waiver as it is written in a file. The lines add to the mandatory keys, or
// replace expires:.
func entry(control string, lines ...string) string {
	text := "  - control: " + control + "\n    kind: accepted-risk\n    owner: jane\n    reason: because\n"
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "expires:") }) {
		lines = append(lines, "expires: 2026-12-31")
	}
	for _, line := range lines {
		text += "    " + line + "\n"
	}
	return text
}

func file(t testing.TB, entries ...string) *waiver.File {
	t.Helper()
	f, err := waiver.Parse("waivers.yaml", []byte("waivers:\n"+strings.Join(entries, "")), today())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestApply(t *testing.T) {
	exact := []string{"subject: integration", "privilege: prvReadLead"}
	for _, test := range []struct {
		name    string
		entries []string
		several bool
		want    string // outcomes of the two failed controls, number of waived findings, kinds of remarks
	}{
		{"no waiver applies", []string{entry("DB-PRIV-LEAD", "environment: test")}, false, "fail fail 0"},
		{"one of two findings", []string{entry("DB-PRIV-LEAD", exact...)}, false, "fail fail 1"},
		{"both findings", []string{entry("DB-PRIV-LEAD", exact...), entry("DB-PRIV-LEAD", exact[0], "privilege: PRVAPPENDTOLEAD")}, false, "waived fail 2"},
		{"by id", []string{entry("DB-PRIV-LEAD", "subject: "+role().ID, "privilege: prvReadLead")}, false, "fail fail 1"},
		{"a view by table and name", []string{entry("DB-VIEW-SHARED", "subject: lead=leads")}, false, "fail waived 1"},
		{"a view by name alone", []string{entry("DB-VIEW-SHARED", "subject: leads")}, false, "fail fail 0 unused"},
		{"without privilege", []string{entry("DB-PRIV-LEAD", exact[0])}, false, "fail fail 0 refused"},
		{"without subject", []string{entry("DB-PRIV-LEAD", exact[1])}, false, "fail fail 0 refused"},
		{"with broad: true", []string{entry("DB-PRIV-LEAD", "broad: true")}, false, "waived fail 2"},
		{"without environment", []string{entry("DB-PRIV-LEAD", exact...)}, true, "fail fail 0 refused"},
		{"with environment", []string{entry("DB-PRIV-LEAD", append(exact, "environment: prod")...)}, true, "fail fail 1"},
		{"another environment", []string{entry("DB-PRIV-LEAD", append(exact, "environment: test")...)}, true, "fail fail 0"},
		{"no such environment", []string{entry("DB-PRIV-LEAD", append(exact, "environment: prd")...)}, true, "fail fail 0 unused"},
		{"expired", []string{entry("DB-PRIV-LEAD", append(exact, "expires: 2026-02-28")...)}, false, "fail fail 0 expired"},
		{"on its last day", []string{entry("DB-PRIV-LEAD", append(exact, "expires: 2026-03-01")...)}, false, "fail fail 1 expiring"},
		{"two weeks before", []string{entry("DB-PRIV-LEAD", append(exact, "expires: 2026-03-15")...)}, false, "fail fail 1 expiring"},
		{"fifteen days before", []string{entry("DB-PRIV-LEAD", append(exact, "expires: 2026-03-16")...)}, false, "fail fail 1"},
		{"a passed control", []string{entry("DB-USER-EXISTS", "subject: x")}, false, "fail fail 0 unused"},
		{"an unknown control", []string{entry("DB-VIEW-ACTIVE", "broad: true")}, false, "fail fail 0"},
		{"no control of the profile", []string{entry("DB-NO-SUCH", "broad: true")}, false, "fail fail 0 unused"},
		{"expired beside one that counts", []string{
			entry("DB-PRIV-LEAD", append(exact, "expires: 2026-02-28")...), entry("DB-PRIV-LEAD", "broad: true"),
		}, false, "waived fail 2 expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := result("prod")
			options := waiver.Options{AsOf: today()}
			if test.several {
				options.Environments = []string{"prod", "test"}
			}
			after, remarks := file(t, test.entries...).Apply([]audit.Result{before}, options)
			got := fmt.Sprintf("%s %s %d", after[0].Controls[0].Outcome, after[0].Controls[1].Outcome, waived(after[0]))
			for _, r := range remarks {
				got += " " + string(r.Kind)
			}
			if got != test.want {
				t.Errorf("got %q, want %q; %v", got, test.want, remarks)
			}
			if c := after[0].Controls[3]; c.Outcome != audit.OutcomeUnknown || c.Original != nil {
				t.Errorf("the unknown control became %v", c)
			}
			for _, c := range after[0].Controls {
				if (c.Outcome == audit.OutcomeWaived) != (c.Original != nil && *c.Original == audit.OutcomeFail) {
					t.Errorf("%s: outcome %s, original %v", c.ID, c.Outcome, c.Original)
				}
			}
			if s := audit.Summarize(after[0].Controls); s != after[0].Summary || after[0].Verdict != s.Verdict() {
				t.Error("the summary does not fit the controls")
			}
			if waived(before) != 0 || before.Notes != nil {
				t.Error("the given result was changed")
			}
		})
	}
}

func waived(r audit.Result) int {
	n := 0
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			if f.Waiver != nil {
				n++
			}
		}
	}
	return n
}

// TestPartlyUnknown checks that a finding can be accepted, but not data that was not read.
func TestPartlyUnknown(t *testing.T) {
	r := result("prod")
	r.Controls[1].Unjudged = []string{"shares were not read"}
	after, _ := file(t, entry("DB-VIEW-SHARED", "subject: lead=Leads")).Apply([]audit.Result{r}, waiver.Options{AsOf: today()})
	c := after[0].Controls[1]
	if c.Outcome != audit.OutcomeUnknown || c.Original == nil || *c.Original != audit.OutcomeFail || c.Reason != "shares were not read" {
		t.Errorf("got %+v", c)
	}
	if again := waiver.Strip(after[0]).Controls[1]; again.Outcome != audit.OutcomeFail || again.Reason != "" || again.Findings[0].Waiver != nil {
		t.Errorf("stripped: %+v", again)
	}
}

// TestUnused checks that a waiver is unused only if it covers no finding of any result.
func TestUnused(t *testing.T) {
	_, remarks := file(t, entry("DB-USER-EXISTS", "broad: true")).Apply([]audit.Result{result("prod")}, waiver.Options{AsOf: today(), Partial: true})
	if len(remarks) != 0 {
		t.Errorf("remarks on a part: %v", remarks)
	}
	other := result("test")
	other.Controls[0].Outcome, other.Controls[0].Findings = audit.OutcomePass, nil
	_, remarks = file(t, entry("DB-PRIV-LEAD", "broad: true")).Apply([]audit.Result{other, result("prod")}, waiver.Options{AsOf: today(), Environments: []string{"prod", "test"}})
	if len(remarks) != 0 {
		t.Errorf("remarks: %v", remarks)
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"not a date", "waivers:\n" + entry("DB-PRIV-LEAD", "expires: 2026-02-30"), "waivers.yaml:6:14: expires: 2026-02-30 is not a date"},
		{"too far ahead", "waivers:\n" + entry("DB-PRIV-LEAD", "expires: 2027-03-03"), "367 days ahead"},
		{"without owner", "waivers:\n  - {control: DB-X, kind: accepted-risk, reason: r, expires: 2026-04-01}\n", "waivers.yaml:2:5: waivers.0: missing property 'owner'"},
		{"blank reason", "waivers:\n  - {control: DB-X, kind: accepted-risk, owner: o, reason: ' ', expires: 2026-04-01}\n", "waivers.0.reason"},
		{"unknown kind", strings.Replace("waivers:\n"+entry("DB-PRIV-LEAD"), "accepted-risk", "whatever", 1), "waivers.0.kind"},
		{"unknown key", "waivers:\n" + entry("DB-PRIV-LEAD", "until: x"), "unknown key \"until\""},
		{"twice", "waivers:\n" + entry("DB-PRIV-LEAD") + entry("DB-PRIV-LEAD"), "waivers.yaml:7:5: the same finding is already waived in line 2"},
		{"nothing", "", "missing property 'waivers'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := waiver.Parse("waivers.yaml", []byte(test.text), today())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
	if _, err := waiver.Parse("waivers.yaml", []byte("waivers:\n"+entry("DB-PRIV-LEAD", "expires: 2027-03-02")), today()); err != nil {
		t.Errorf("366 days off: %v", err)
	}
}

func TestAppend(t *testing.T) {
	pattern := waiver.Waiver{
		Control: "DB-PRIV-LEAD", Kind: waiver.Compensating, Owner: "jane: the owner", Reason: "a # and\na line", Expires: "2026-12-31",
	}
	added := pattern.Narrow([]audit.Result{result("prod")}, waiver.Options{Environments: []string{"prod", "test"}})
	if len(added) != 2 {
		t.Fatalf("narrowed to %v", added)
	}
	for _, before := range []string{"", "# mine\nwaivers:\n- {control: DB-X, kind: accepted-risk, owner: o, reason: r, expires: 2026-04-01} # why", "waivers:\n    # first\n" + "    - control: DB-X\n      kind: false-positive\n      owner: o\n      reason: r\n      expires: 2026-04-01\n\n\n"} {
		after, err := waiver.Append("waivers.yaml", []byte(before), added, today())
		if err != nil {
			t.Errorf("%q: %v", before, err)
			continue
		}
		if kept := strings.TrimRight(before, "\n"); !strings.HasPrefix(string(after), kept) {
			t.Errorf("the old content is gone:\n%s", after)
		}
		f, err := waiver.Parse("waivers.yaml", after, today())
		if err != nil {
			t.Fatal(err)
		}
		results, remarks := f.Apply([]audit.Result{result("prod")}, waiver.Options{AsOf: today(), Environments: []string{"prod", "test"}})
		if results[0].Controls[0].Outcome != audit.OutcomeWaived || len(remarks) > 1 {
			t.Errorf("what was added does not count: %v\n%s", remarks, after)
		}
	}
	if _, err := waiver.Append("waivers.yaml", []byte("waivers: [{control: DB-X, kind: accepted-risk, owner: o, reason: r, expires: 2026-04-01}]"), added, today()); err == nil {
		t.Error("a flow list was added to")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("waivers:\n" + entry("DB-PRIV-LEAD", "subject: x", "broad: true")))
	f.Add([]byte("waivers: []"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := waiver.Parse("w", data, today())
		if err != nil {
			return
		}
		file.Apply([]audit.Result{result("prod")}, waiver.Options{AsOf: today()})
	})
}
