package report

import (
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// checkSARIF checks what viewers require beyond the schema, such as a location in the checkout,
// without which GitHub refuses a document.
func checkSARIF(t *testing.T, doc string) sarifLog {
	t.Helper()
	var log sarifLog
	d := json.NewDecoder(strings.NewReader(doc))
	d.DisallowUnknownFields()
	if err := d.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(doc, `"results": [`) {
		t.Error("no list of results")
	}
	for _, run := range log.Runs {
		seen := map[string]bool{}
		for _, r := range run.Tool.Driver.Rules {
			if len(r.Properties.Tags) > 20 || r.Properties.Tags[0] != "security" {
				t.Errorf("%s: tags %q", r.ID, r.Properties.Tags)
			}
			if u, err := url.Parse(r.HelpURI); err != nil || u.Scheme != "https" {
				t.Errorf("%s: helpUri %q", r.ID, r.HelpURI)
			}
		}
		for i, r := range run.Results {
			if len(r.Locations) == 0 {
				t.Errorf("result %d has no location", i)
			}
			for _, l := range r.Locations {
				checkLocation(t, l.Physical)
				if len(l.Logical) == 0 || l.Logical[0].Name == "" || l.Logical[0].FullyQualifiedName == "" {
					t.Errorf("result %d has no logical location", i)
				}
			}
			if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID {
				t.Errorf("result %d: the rule at the index has another id", i)
			}
			if (r.Kind == "fail") == (r.Level == "none") {
				t.Errorf("result %d: kind %s with level %s", i, r.Kind, r.Level)
			}
			fingerprint := r.RuleID + " " + r.PartialFingerprints[fingerprintKey]
			if r.PartialFingerprints[fingerprintKey] == "" || seen[fingerprint] && r.Kind != "fail" {
				t.Errorf("result %d: fingerprint %q", i, fingerprint)
			}
			seen[fingerprint] = true
			if r.Message.Text == "" {
				t.Errorf("result %d has no message", i)
			}
		}
	}
	return log
}

func checkLocation(t *testing.T, p sarifPhysical) {
	t.Helper()
	uri := p.File.URI
	u, err := url.Parse(uri)
	switch {
	case err != nil, u.Scheme != "", u.Host != "", u.RawQuery != "", u.Fragment != "":
		t.Errorf("%q is not a relative path", uri)
	case uri == "", path.IsAbs(uri), path.Clean(u.Path) == "..", strings.HasPrefix(path.Clean(u.Path), "../"):
		t.Errorf("%q is not in the checkout", uri)
	case !regexp.MustCompile(`^([A-Za-z0-9._~/-]|%[0-9A-F]{2})+$`).MatchString(uri):
		t.Errorf("%q is not percent-encoded", uri)
	}
	if p.Region.StartLine < 1 || p.Region.StartColumn < 0 || p.Region.EndColumn != 0 && p.Region.EndColumn <= p.Region.StartColumn {
		t.Errorf("%q: region %+v", uri, p.Region)
	}
}

func TestPhysicalLocation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in     *audit.Location
		uri    string
		region sarifRegion
		origin string
	}{
		{nil, "dbaudit.yaml", sarifRegion{StartLine: 1}, ""},
		{&audit.Location{}, "dbaudit.yaml", sarifRegion{StartLine: 1}, ""},
		{&audit.Location{Path: "dbaudit.yaml", Line: 9}, "dbaudit.yaml", sarifRegion{StartLine: 9}, ""},
		{&audit.Location{Path: "dbaudit.yaml"}, "dbaudit.yaml", sarifRegion{StartLine: 1}, ""},
		{&audit.Location{Path: "src/Roles/Power Platform User SR.xml", Line: 42, Column: 5, EndColumn: 30}, "src/Roles/Power%20Platform%20User%20SR.xml", sarifRegion{StartLine: 42, StartColumn: 5, EndColumn: 30}, ""},
		{&audit.Location{Path: "a.xml", Line: 1, Column: 5, EndColumn: 5}, "a.xml", sarifRegion{StartLine: 1, StartColumn: 5}, ""},
		{&audit.Location{Path: "./x/../rôle#1?.xml", Line: 2}, "r%C3%B4le%231%3F.xml", sarifRegion{StartLine: 2}, ""},
		{&audit.Location{Path: "ab:c.xml", Line: 2}, "ab%3Ac.xml", sarifRegion{StartLine: 2}, ""},
		{&audit.Location{Path: "sol.zip!/customizations.xml", Line: 77}, "sol.zip", sarifRegion{StartLine: 1}, "customizations.xml, line 77"},
		{&audit.Location{Path: "/etc/dbaudit.yaml", Line: 3}, "dbaudit.yaml", sarifRegion{StartLine: 1}, "/etc/dbaudit.yaml, line 3"},
		{&audit.Location{Path: "../up/dbaudit.yaml", Line: 3}, "dbaudit.yaml", sarifRegion{StartLine: 1}, "../up/dbaudit.yaml, line 3"},
		{&audit.Location{Path: `C:/x.yaml`, Line: 3}, "dbaudit.yaml", sarifRegion{StartLine: 1}, "C:/x.yaml, line 3"},
		{&audit.Location{Path: `https://contoso.crm.dynamics.com/x`, Line: 3}, "dbaudit.yaml", sarifRegion{StartLine: 1}, "https://contoso.crm.dynamics.com/x, line 3"},
	} {
		got, within, origin := physicalLocation(c.in)
		if got.File.URI != c.uri || got.Region != c.region || origin != c.origin {
			t.Errorf("%+v: %s %+v %q, want %s %+v %q", c.in, got.File.URI, got.Region, origin, c.uri, c.region, c.origin)
		}
		checkLocation(t, got)
		if (within != nil) != (c.uri == "sol.zip") {
			t.Errorf("%+v: within %+v", c.in, within)
		}
	}
}

func FuzzPhysicalLocation(f *testing.F) {
	for _, n := range hostileNames() {
		f.Add(n, 1, 1, 2)
	}
	f.Fuzz(func(t *testing.T, file string, line, column, end int) {
		p, within, _ := physicalLocation(&audit.Location{Path: file, Line: line, Column: column, EndColumn: end})
		checkLocation(t, p)
		if within != nil {
			checkLocation(t, *within)
		}
	})
}

func TestSARIFOutcomes(t *testing.T) {
	t.Parallel()
	results := func(r audit.Result, o Options) (sarifRun, map[string][]sarifResult) {
		o.Rules = rules()
		log := checkSARIF(t, mustRender(t, SARIF, r, o))
		byRule := map[string][]sarifResult{}
		for _, s := range log.Runs[0].Results {
			byRule[s.RuleID] = append(byRule[s.RuleID], s)
		}
		return *log.Runs[0], byRule
	}

	run, byRule := results(compliant(), Options{})
	if len(byRule) != 0 || !run.Invocations[0].ExecutionSuccessful || run.AutomationDetails.ID != "dbaudit/contoso/" {
		t.Errorf("compliant: %d results, %+v, %+v", len(byRule), run.Invocations, run.AutomationDetails)
	}
	if len(run.Tool.Driver.Rules) != 36 {
		t.Errorf("%d rules, want every control", len(run.Tool.Driver.Rules))
	}

	run, byRule = results(mixed(), Options{})
	if run.Invocations[0].ExecutionSuccessful || len(run.Invocations[0].Notifications) != 1 {
		t.Errorf("a control is unknown, but the invocation is %+v", run.Invocations)
	}
	if s := byRule["DB-VIEW-ACTIVE"]; len(s) != 1 || s[0].Kind != "open" || s[0].Level != "none" {
		t.Errorf("unknown: %+v", s)
	}
	if s := byRule["DB-PRIV-LEAD"]; len(s) != 2 || s[0].BaselineState != "unchanged" || s[1].BaselineState != "new" || s[1].Level != "error" ||
		s[1].Locations[0].Logical[0].FullyQualifiedName != "contoso/Demandbase Integration/prvAppendToLead" {
		t.Errorf("failed: %+v", s)
	}
	if s := byRule["DB-PRIV-USER"]; len(s) != 1 || s[0].Kind != "fail" || len(s[0].Suppressions) != 1 || s[0].Suppressions[0].Kind != "external" ||
		s[0].Suppressions[0].Status != "accepted" || s[0].Suppressions[0].Justification == "" {
		t.Errorf("waived: %+v", s)
	}
	if s := byRule["DB-PRIV-FIELD"]; len(s) != 2 || len(s[0].Suppressions) != 1 || len(s[1].Suppressions) != 0 {
		t.Errorf("waived in part: %+v", s)
	}
	if s := byRule["DB-VIEW-SHARED"]; s[0].Locations[0].Physical.Region.StartLine != 10 {
		t.Errorf("the line of a finding: %+v", s[0].Locations[0].Physical)
	}
	if byRule["DB-PRIV-ACCOUNT"] != nil || byRule["DB-USER-BUSINESS-UNIT"] != nil {
		t.Error("controls that passed or do not apply are results, although the document is not verbose")
	}

	_, byRule = results(mixed(), Options{Verbose: true})
	if byRule["DB-PRIV-ACCOUNT"][0].Kind != "pass" || byRule["DB-USER-BUSINESS-UNIT"][0].Kind != "notApplicable" {
		t.Error("a verbose document lacks controls that passed or do not apply")
	}
	_, byRule = results(mixed(), Options{Verbose: true, SARIFProfile: SARIFGitHub})
	if byRule["DB-PRIV-ACCOUNT"] != nil || byRule["DB-USER-BUSINESS-UNIT"] != nil {
		t.Error("GitHub would show an alert without a finding")
	}
}

// TestSARIFFingerprints checks that a fingerprint does not depend on a line, on other findings or
// on the message.
func TestSARIFFingerprints(t *testing.T) {
	t.Parallel()
	prints := func(r audit.Result) map[string]bool {
		m := map[string]bool{}
		for _, s := range checkSARIF(t, mustRender(t, SARIF, r, Options{})).Runs[0].Results {
			m[s.RuleID+" "+s.PartialFingerprints[fingerprintKey]] = true
		}
		return m
	}
	before := prints(mixed())
	moved := mixed()
	for i := range moved.Controls {
		moved.Controls[i].Location = &audit.Location{Path: "conf/dbaudit.yaml", Line: 100 + i}
		for j := range moved.Controls[i].Findings {
			moved.Controls[i].Findings[j].Message += " today"
		}
	}
	moved.Environment.Name, moved.Environment.URL = "production", "https://other.crm4.dynamics.com"
	fail(&moved, "DB-PRIV-ACCOUNT", privilegeFinding("prvWriteAccount", "missing", "none"))
	after := prints(judge(moved))
	for p := range before {
		if !after[p] {
			t.Errorf("the fingerprint %s is missing", p)
		}
	}
	if len(after) != len(before)+1 {
		t.Errorf("%d fingerprints, want %d", len(after), len(before)+1)
	}
}

func TestSARIFOfAzureDevOps(t *testing.T) {
	t.Parallel()
	second := mixed()
	second.Environment.Name = "fabrikam"
	o := Options{SARIFProfile: SARIFAzureDevOps, AzureDevOps: pipeline()}
	const id = "azuredevops/pipeline/build/contoso/Sales/12/3dc8fd7e-4368-5a92-293e-d53cefc8c4b3/refs/heads/main/4711"
	for name, rs := range map[string][]audit.Result{"": {mixed()}, "/contoso": {mixed(), second}} {
		log := checkSARIF(t, mustRenderAll(t, SARIF, rs, o))
		a := log.Runs[0].AutomationDetails
		if a.ID != id+name || len(log.Runs) != len(rs) || a.ID == log.Runs[len(rs)-1].AutomationDetails.ID && len(rs) > 1 {
			t.Errorf("%d runs, the first is %s", len(log.Runs), a.ID)
		}
		for _, key := range []string{"buildDefinitionId", "buildDefinitionName", "phaseId", "phaseName"} {
			if a.Properties["azuredevops/pipeline/build/"+key] == "" {
				t.Errorf("no %s", key)
			}
		}
		if log.Runs[0].Tool.Driver.FullName == "" {
			t.Error("no full name of the driver")
		}
	}
}
