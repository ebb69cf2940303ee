package report

import (
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

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
		"contoso meets the 1 control that applies":                                                    single,
		"contoso meets 34 controls; 1 waived":                                                         waived(),
		"contoso: nothing failed, but 2 of 36 controls could not be evaluated":                        incomplete(),
		"contoso: nothing could be judged":                                                            judge(empty),
	} {
		if got := headline(r); got != want {
			t.Errorf("%q, want %q", got, want)
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

// TestWorstFirst checks that the worst results come first, whatever the order of the input.
func TestWorstFirst(t *testing.T) {
	t.Parallel()
	named := func(r audit.Result, name string) audit.Result {
		r.Environment.Name = name
		return r
	}
	unread := named(compliant(), "unread")
	unread.Controls, unread.Summary, unread.Verdict, unread.Unread = nil, audit.Summary{}, audit.VerdictIncomplete, &audit.Unread{Message: "gone"}
	low := named(compliant(), "low")
	fail(&low, "DB-ROLE-COMPLETE", audit.Finding{Message: "not by itself", Subject: role()})
	rs := []audit.Result{named(compliant(), "met"), named(incomplete(), "open"), judge(low), unread, named(mixed(), "critical")}
	var got []string
	for _, r := range worstFirst(rs) {
		got = append(got, r.Environment.Name)
	}
	if want := "critical low unread open met"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	if rs[0].Environment.Name != "met" {
		t.Error("the input was sorted")
	}
	if table := mustRenderAll(t, Table, rs, Options{Summary: true}); strings.Index(table, "critical") > strings.Index(table, "unread") || strings.Index(table, "unread") > strings.Index(table, "met") {
		t.Errorf("the rows of the table are in another order:\n%s", table)
	}
}

// TestUncheckedViews checks that reports mention unchecked views next to the verdict, and do not
// show them as passed.
func TestUncheckedViews(t *testing.T) {
	t.Parallel()
	r := compliant()
	if strings.Contains(headline(r), audit.ViewsUnchecked) || newAccessChain(r).Parts[viewsBox].State != "pass" {
		t.Fatal("the sample checks views")
	}
	r.Notes = append(r.Notes, audit.ViewsUnchecked)
	if !strings.HasSuffix(headline(r), "; "+audit.ViewsUnchecked) {
		t.Error(headline(r))
	}
	if views := newAccessChain(r).Parts[viewsBox]; views.State != "none" || !strings.Contains(views.Note, "not checked") {
		t.Errorf("the part of the views: %+v", views)
	}
	for f, mark := range map[Format]string{
		Table: "compliant*", Markdown: "compliant, views not checked", HTML: "compliant</span><br><span class=\"about\">views not checked</span>",
		CSV: audit.ViewsUnchecked, Unix: "note: " + r.Environment.Name + ": " + audit.ViewsUnchecked, GitLab: audit.ViewsUnchecked,
	} {
		if doc := mustRenderAll(t, f, []audit.Result{r, compliant()}, Options{}); strings.Count(doc, mark) != 1 {
			t.Errorf("%v: the overview marks %d of the two verdicts", f, strings.Count(doc, mark))
		}
	}
}
