package report

import (
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

func TestTableWidths(t *testing.T) {
	t.Parallel()
	for _, r := range []audit.Result{mixed(), compliant(), incomplete(), waived()} {
		for _, width := range []int{1, 60, 80, 119, 120, 200, 1000} {
			for line := range strings.Lines(mustRender(t, Table, r, Options{Width: width, Verbose: true})) {
				if w := text.Width(strings.TrimRight(line, "\n")); w > max(width, 60) && !isUnbroken(line) {
					t.Errorf("a line of %d columns at width %d: %s", w, width, line)
				}
			}
		}
	}
	// Without a terminal, each finding is a line for other tools.
	plain := mustRender(t, Table, mixed(), Options{})
	if got := strings.Count(plain, "\nhigh      DB-PRIV-LEAD "); got != 2 {
		t.Errorf("%d lines for the two findings of DB-PRIV-LEAD", got)
	}
	if strings.ContainsAny(plain, "│┌─") {
		t.Error("borders without a terminal")
	}
}

// isUnbroken reports whether a line of a table is a command or a URL, which are not broken.
func isUnbroken(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, "dbaudit ") || text.IsWebURL(line)
}

// TestCommandsCanBeCopied checks that a proposed command is on its own line at every width, and
// that the source's URL is not broken.
func TestCommandsCanBeCopied(t *testing.T) {
	t.Parallel()
	asked := func(audit.Result) []string {
		return []string{"-c", "a folder/with a long name/dbaudit.yaml", "--env", strings.Repeat("long-", 12) + "production"}
	}
	for _, r := range []audit.Result{mixed(), incomplete(), hostile()} {
		for _, width := range []int{0, 60, 80, 120} {
			o := Options{Width: width, TargetFlags: asked}
			doc := mustRender(t, Table, r, o)
			if !strings.Contains(doc, r.Profile.Source.URL+"\n") {
				t.Errorf("at %d columns the address is broken:\n%s", width, doc)
			}
			for _, step := range nextSteps(r, o) {
				for _, command := range step.Commands {
					if !strings.Contains(doc, "\n           "+text.Line(command)+"\n") {
						t.Errorf("at %d columns this cannot be copied: %s\n%.1000s", width, command, doc)
					}
				}
			}
		}
	}
}

// TestMarkdownKeepsWithinLimit checks that a document within the limit says how much it omits.
func TestMarkdownKeepsWithinLimit(t *testing.T) {
	t.Parallel()
	var many []audit.Result
	for range 100 {
		many = append(many, mixed())
	}
	for name, rs := range map[string][]audit.Result{"one": {large(1000)}, "many": many, "hostile": {hostile()}} {
		doc := mustRenderAll(t, Markdown, rs, Options{Rules: rules()})
		if len(doc) > CommentLimit || len(doc) < CommentLimit/2 {
			t.Errorf("%s: %d bytes", name, len(doc))
		}
		findings := 0
		for _, r := range rs {
			findings += r.Summary.Findings
		}
		if !regexp.MustCompile(fmt.Sprintf(`the details of \d+ of %d findings are shown`, findings)).MatchString(doc) {
			t.Errorf("%s: the document does not say that it was cut: %s", name, doc[max(0, len(doc)-300):])
		}
		if open, closed := strings.Count(doc, "<details>"), strings.Count(doc, "</details>"); open != closed {
			t.Errorf("%s: %d folds opened, %d closed", name, open, closed)
		}
	}
	if strings.Contains(mustRender(t, Markdown, mixed(), Options{Rules: rules()}), "Cut to fit") {
		t.Error("a small document claims to be cut")
	}
}

func TestJUnitOutcomes(t *testing.T) {
	t.Parallel()
	var doc struct {
		Suites []struct {
			Tests     int    `xml:"tests,attr"`
			Failures  int    `xml:"failures,attr"`
			Errors    int    `xml:"errors,attr"`
			Skipped   int    `xml:"skipped,attr"`
			Timestamp string `xml:"timestamp,attr"`
			Cases     []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct {
					Message string `xml:"message,attr"`
				} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	out := mustRenderAll(t, JUnit, []audit.Result{mixed(), compliant()}, Options{})
	if err := xml.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Suites) != 2 {
		t.Fatalf("%d suites", len(doc.Suites))
	}
	s := doc.Suites[0]
	if s.Tests != 36 || s.Failures != 7 || s.Errors != 1 || s.Skipped != 2 || s.Timestamp != "2026-11-20T10:00:00" || len(s.Cases) != 36 {
		t.Errorf("%+v", s)
	}
	for i, c := range s.Cases {
		want := mixed().Controls[i].Outcome
		got := audit.OutcomePass
		switch {
		case c.Failure != nil:
			got = audit.OutcomeFail
		case c.Error != nil:
			got = audit.OutcomeUnknown
		case c.Skipped != nil && strings.HasPrefix(c.Skipped.Message, "waived (originally fail)"):
			got = audit.OutcomeWaived
		case c.Skipped != nil:
			got = audit.OutcomeNotApplicable
		}
		if got != want {
			t.Errorf("%s: %s, want %s", c.Name, got, want)
		}
	}
}

func TestCSVRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		result  audit.Result
		verbose bool
		rows    int
	}{
		{compliant(), false, 0},
		{compliant(), true, 36},
		{mixed(), false, mixed().Summary.Findings + 1},
		{incomplete(), false, 2},
	} {
		rows, err := csv.NewReader(strings.NewReader(mustRender(t, CSV, c.result, Options{Verbose: c.verbose}))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != c.rows+1 {
			t.Errorf("%s: %d rows, want a heading and %d", c.result.Verdict, len(rows), c.rows)
		}
	}
	doc := mustRenderAll(t, CSV, []audit.Result{mixed(), mixed()}, Options{})
	if n := strings.Count(doc, "environment,url"); n != 1 {
		t.Errorf("%d headings", n)
	}
}

func TestEscapeFormula(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "plain": "plain", "1+1": "1+1", "# Demandbase": "# Demandbase",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\tx": "'\tx", "\rx": "'\rx", "  =1": "'  =1", "＝1": "'＝1",
	} {
		if got := EscapeFormula(in); got != want {
			t.Errorf("EscapeFormula(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestGitHubEscapes(t *testing.T) {
	t.Parallel()
	r := compliant()
	fail(&r, "DB-PRIV-LEAD", audit.Finding{Message: "100%\r\n::error::x ##[error]y", Subject: role(), Location: &audit.Location{Path: "a,b:c.yaml", Line: 2, Column: 3, EndColumn: 9}})
	out := mustRender(t, GitHub, judge(r), Options{})
	want := `::error file=a%2Cb%3Ac.yaml,line=2,col=3,endColumn=9,title=DB-PRIV-LEAD (high)::100%25\r\n::error::x ## [error]y%0ASee https://github.com/dbaudit/dbaudit/blob/v0.1.0/docs/controls/README.md#db-priv-lead.` + "\n"
	if !strings.Contains(out, want) {
		t.Errorf("got:\n%s", out)
	}
}

// cells returns the state of each cell of the matrix on a page, by record and column.
func cells(t *testing.T, page string) map[string]string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for n := range doc.Descendants() {
		if n.Data != "td" {
			continue
		}
		var class, title string
		for _, a := range n.Attr {
			switch a.Key {
			case "class":
				class = a.Val
			case "title":
				title = a.Val
			}
		}
		if where, _, ok := strings.Cut(title, ":"); ok {
			m[where] = class
		}
	}
	return m
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	r := mixed()
	c := control(&r, "DB-PRIV-CAMPAIGN")
	c.Outcome, c.Reason = audit.OutcomeUnknown, "not read"
	c = control(&r, "DB-PRIV-QUEUE")
	c.Outcome, c.Reason = audit.OutcomeNotApplicable, "no role"
	got := cells(t, mustRender(t, HTML, judge(r), Options{}))
	for where, want := range map[string]string{
		"Lead, Create": "granted", "Lead, Append": "shallow", "Lead, Append To": "missing", "Marketing List, Read": "undefined",
		"Campaign, Append To": "unknown", "Queue, Read": "inapplicable", "Bulk edit, Miscellaneous": "granted", "User settings, Read": "granted",
		"Field, Create": "missing waived", "Field, Write": "missing", "User, Create": "missing waived", "User, Append": "granted",
	} {
		if got[where] != want {
			t.Errorf("%s is %q, want %q", where, got[where], want)
		}
	}
	if len(got) != 44 {
		t.Errorf("%d cells, want one for each of the forty-four privileges", len(got))
	}
}

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

// TestHTMLLinksHaveTargets checks that ids are unique and that links within the page have targets,
// also for several environments with one name.
func TestHTMLLinksHaveTargets(t *testing.T) {
	t.Parallel()
	for _, rs := range [][]audit.Result{{mixed()}, {mixed(), mixed(), hostile()}, {}} {
		page := mustRenderAll(t, HTML, rs, Options{Rules: rules()})
		doc, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		ids, links := map[string]int{}, []string{}
		headings := 0
		for n := range doc.Descendants() {
			if n.Data == "h1" {
				headings++
			}
			for _, a := range n.Attr {
				if a.Key == "id" {
					ids[a.Val]++
				}
				if target, ok := strings.CutPrefix(a.Val, "#"); a.Key == "href" && ok {
					links = append(links, target)
				}
			}
		}
		for id, n := range ids {
			if n > 1 || strings.ContainsAny(id, " \t\n") {
				t.Errorf("the id %q appears %d times", id, n)
			}
		}
		for _, l := range links {
			if ids[l] == 0 {
				t.Errorf("the link #%s leads nowhere", l)
			}
		}
		if headings != 1 {
			t.Errorf("%d first headings", headings)
		}
		if i := strings.Index(page, "<style>"); i < 0 || !strings.Contains(html.UnescapeString(page), sha256Base64(pageStyle)) || !strings.Contains(page, "<script>"+pageScript+"</script>") || !strings.Contains(page, "<style>"+pageStyle+"</style>") {
			t.Error("the style or the script is not what the policy's hash allows")
		}
	}
}

func TestStepsAreLimited(t *testing.T) {
	t.Parallel()
	page := mustRender(t, HTML, large(1000), Options{})
	if n := strings.Count(page, "<summary>Web API</summary>"); n > 4*maxFindingsWithSteps {
		t.Errorf("the steps are shown %d times", n)
	}
	if n := strings.Count(page, `class="finding"`); n != 1000 {
		t.Errorf("%d findings shown", n)
	}
}

func TestHeadline(t *testing.T) {
	t.Parallel()
	empty := compliant()
	empty.Controls = nil
	single := compliant()
	single.Controls = single.Controls[:1]
	single = judge(single)
	if got := coverageText(single.Summary); got != "100 %, 1 of 1 control that applies" {
		t.Error(got)
	}
	for want, r := range map[string]audit.Result{
		"contoso fails 7 of 36 controls (1 critical, 5 high, 1 medium), and 1 could not be evaluated": mixed(),
		"contoso meets all 35 controls that apply":                                                    compliant(),
		"contoso meets all 1 control that applies":                                                    single,
		"contoso meets 34 controls; 1 waived":                                                         waived(),
		"contoso: nothing failed, but 2 of 36 controls could not be evaluated":                        incomplete(),
		"contoso: nothing could be judged":                                                            judge(empty),
	} {
		if got := headline(r); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestMarkdownListsFailuresFirst checks that the failures of all environments come before the
// details of any, if not everything fits into a comment or a job summary.
func TestMarkdownListsFailuresFirst(t *testing.T) {
	t.Parallel()
	var rs []audit.Result
	for i := range 20 {
		r := mixed()
		r.Environment.Name = fmt.Sprintf("Contoso Sales Europe, the environment of the subsidiary number %02d, production", i)
		rs = append(rs, r)
	}
	for _, limit := range []int{0, JobSummaryLimit} {
		doc := mustRenderAll(t, Markdown, rs, Options{Rules: rules(), MarkdownLimit: limit})
		if limit == JobSummaryLimit && (len(doc) < CommentLimit || strings.Contains(doc, "Cut to fit")) || len(doc) > max(limit, CommentLimit) {
			t.Errorf("%d bytes within %d", len(doc), limit)
		}
		before, _, _ := strings.Cut(doc, "### Details")
		if n := strings.Count(before, "### Failed\n"); n != 20 {
			t.Errorf("%d of 20 tables of failures precede the details", n)
		}
		overview, _, _ := strings.Cut(doc, "### Failed")
		for _, r := range rs {
			if !strings.Contains(overview, "| "+r.Environment.Name+" |") {
				t.Errorf("the overview lacks %s:\n%.2000s", r.Environment.Name, overview)
				break
			}
		}
	}
}

// TestOverviewNamesItsRows checks the noun for the rows of an overview.
func TestOverviewNamesItsRows(t *testing.T) {
	t.Parallel()
	role := mixed()
	role.Environment = audit.Environment{Name: "a/Roles/R.xml"}
	file := role
	file.Unread, file.Controls = &audit.Unread{Message: "no XML"}, nil
	for want, rs := range map[string][]audit.Result{
		"environment": {mixed(), mixed()}, "role": {role, role}, "file": {file, file}, "result": {role, file},
	} {
		for f, head := range map[Format]string{Table: strings.ToUpper(want), Markdown: "## dbaudit: 2 " + want + "s"} {
			doc := mustRenderAll(t, f, rs, Options{})
			if first, _, _ := strings.Cut(doc, "\n"); !strings.HasPrefix(first, head) {
				t.Errorf("%s of %ss begins with %q", f, want, first)
			}
		}
	}
}
