package report

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/dbaudit/dbaudit/internal/audit"
)

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
				t.Errorf("the link #%s has no target", l)
			}
		}
		if headings != 1 {
			t.Errorf("%d h1 elements, want one", headings)
		}
		if i := strings.Index(page, "<style>"); i < 0 || !strings.Contains(html.UnescapeString(page), sha256Base64(pageStyle)) || !strings.Contains(page, "<script>"+pageScript+"</script>") || !strings.Contains(page, "<style>"+pageStyle+"</style>") {
			t.Error("the policy does not allow the style or the script")
		}
	}
}

// TestPageSentences checks that the page has whole sentences without repetitions, and that
// addresses are links.
func TestPageSentences(t *testing.T) {
	t.Parallel()
	r := mixed()
	fail(&r, "DB-VIEW-ACTIVE", audit.Finding{Message: "the view is deactivated", Subject: audit.Subject{Kind: audit.SubjectRequiredView, Name: "Key <Contacts>", Table: "contact"}})
	page := mustRender(t, HTML, judge(r), Options{Rules: rules()})
	for _, want := range []string{
		`<p class="lead">Fails 8 of 36 controls (`,
		`<h3 class="message">The role &#34;Demandbase Integration&#34; is not assigned`,
		`<li>Prepare fixes for `, `<pre>dbaudit plan --url https://contoso.crm.dynamics.com`,
		`Sign in to <a href="https://admin.powerplatform.microsoft.com" rel="noopener noreferrer">`,
		`(<a href="https://contoso.crm.dynamics.com" rel="noopener noreferrer">`,
		`<b>Target Accounts, Key &lt;Contacts&gt;</b>`, "<h2>Access chain</h2>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, gone := range []string{"contoso fails", "From role to views", "required_depth", "actual_depth"} {
		if strings.Contains(page, gone) {
			t.Errorf("the page says %q", gone)
		}
	}
}

// TestPageOfFiles checks that the page of files does not mention what files do not have: times,
// users, views and plans.
func TestPageOfFiles(t *testing.T) {
	t.Parallel()
	page := mustRenderAll(t, HTML, []audit.Result{archive(), archive()}, Options{Rules: rules()})
	for _, want := range []string{"<h1 id=\"index\">2 roles</h1>", "<th scope=\"col\">File</th>", "<dt>Found in</dt><dd><code>out/sales.zip!/customizations.xml, line 77</code>"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, not := range []string{"<th scope=\"col\">Snapshot</th>", "From role to views", "dbaudit plan", "dbaudit lint --fix", "Required in"} {
		if strings.Contains(page, not) {
			t.Errorf("the page says %s", not)
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

// TestFileNames checks that file names are unique and valid on every system.
func TestFileNames(t *testing.T) {
	t.Parallel()
	taken := map[string]bool{"index": true}
	for _, test := range [][2]string{
		{"contoso", "contoso"},
		{"Contoso", "contoso-2"},
		{"index", "index-2"},
		{"../../etc/passwd", "etc-passwd"},
		{"a b/c\\d", "a-b-c-d"},
		{"", "environment"},
		{"…", "environment-2"},
		{"CON", "environment-con"},
		{"com1.x", "environment-com1.x"},
		{"dev", "dev"},
		{strings.Repeat("x", 400), strings.Repeat("x", nameWidth)},
	} {
		if got := uniqueFileName(test[0], taken); got != test[1] {
			t.Errorf("%.40q: %q, want %q", test[0], got, test[1])
		}
	}
	for _, name := range hostileNames() {
		if got := uniqueFileName(name, taken); strings.ContainsAny(got, `/\:*?"<>|`+"\x00") || got == "" || len(got) > 100 {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}
