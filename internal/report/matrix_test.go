package report

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/dbaudit/dbaudit/internal/audit"
)

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

// TestMatrixColumns checks that the matrix has a column for each required right, and no others.
func TestMatrixColumns(t *testing.T) {
	t.Parallel()
	m := newMatrix(mixed(), func(id audit.ControlID) string { return string(id) })
	if want := []string{"Create", "Read", "Write", "Delete", "Append", "Append To"}; !slices.Equal(m.Columns, want) {
		t.Error(m.Columns)
	}
	for _, tab := range m.Tabs {
		for _, row := range tab.Rows {
			if row.Cells[0].Span > 0 {
				if row.Record != "Bulk edit - Enable" || row.Cells[0].Span != m.Width()-1 {
					t.Errorf("%+v does not span all columns", row)
				}
				continue
			}
			if len(row.Cells) != m.Width()-1 {
				t.Errorf("%s: %d cells", row.Record, len(row.Cells))
			}
		}
	}
}

// TestMatrixShowsLevels checks that the matrix shows each granted access level, whether or not it
// is high enough.
func TestMatrixShowsLevels(t *testing.T) {
	t.Parallel()
	r := mixed()
	r.Integration = &audit.Integration{Granted: map[string]audit.Depth{
		"prvReadAccount": audit.DepthGlobal, "prvWriteAccount": audit.DepthDeep, "prvReadUserQuery": audit.DepthBasic,
		"prvBulkEdit": audit.DepthGlobal, "prvReadAsyncOperation": audit.DepthLocal,
	}}
	m := newMatrix(r, func(id audit.ControlID) string { return string(id) })
	cells := map[string]matrixCell{}
	for _, tab := range m.Tabs {
		for _, row := range tab.Rows {
			for i, c := range row.Cells {
				column := miscellaneous
				if row.Cells[0].Span == 0 {
					column = m.Columns[i]
				}
				cells[row.Record+"/"+column] = c
			}
		}
	}
	for cell, want := range map[string]string{
		"Account/Read": "granted O", "Account/Write": "granted P", "Saved View/Read": "granted U", "Bulk edit - Enable/Miscellaneous": "granted O",
		"System job/Read": "granted B", "Lead/Append": "shallow U", "Lead/Append To": "missing ", "Queue/Read": "granted ",
	} {
		if got := cells[cell].State + " " + cells[cell].Level; got != want {
			t.Errorf("%s: %q, want %q", cell, got, want)
		}
	}
	page := mustRender(t, HTML, r, Options{})
	if !strings.Contains(page, `title="Account, Write: granted at Parent: Child Business Units level"`) || !strings.Contains(page, `● P`) {
		t.Error("the page does not show the level of what is granted")
	}
	if c := cells["Lead/Append"]; !strings.Contains(page, `<a href="#`+c.Anchor+`">`) || !strings.Contains(page, `id="`+c.Anchor+`"`) {
		t.Error("a failed cell does not link to its finding")
	}
}

// TestMatrixIsCheap checks that a matrix takes few allocations for each cell: a page of 1,000 environments
// has 1,000 matrices.
func TestMatrixIsCheap(t *testing.T) {
	r, cells := mixed(), 0
	anchor := func(id audit.ControlID) string { return string(id) }
	for _, tab := range newMatrix(r, anchor).Tabs {
		for _, row := range tab.Rows {
			cells += len(row.Cells)
		}
	}
	if got := testing.AllocsPerRun(10, func() { newMatrix(r, anchor) }); got > float64(20*cells) {
		t.Errorf("%v allocations for %d cells", got, cells)
	}
}
