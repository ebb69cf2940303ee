package doctor

import (
	"fmt"
	"io"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// The formats of doctor's documents, for one environment and for several.
const (
	Format     = "dbaudit.doctor/v1"
	listFormat = "dbaudit.doctors/v1"
)

// An Examination is the document of one environment.
type Examination struct {
	Format      string      `json:"format"`
	Tool        audit.Tool  `json:"tool"`
	Environment Environment `json:"environment"`
	Outcome     Outcome     `json:"outcome"` // the worst of the checks
	Checks      []Check     `json:"checks"`
}

// An Environment identifies the environment that was examined.
type Environment struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Document returns the JSON document of one environment or of several.
func Document(examined []Examination) any {
	if len(examined) == 1 {
		return examined[0]
	}
	return struct {
		Format  string        `json:"format"`
		Results []Examination `json:"results"`
	}{listFormat, examined}
}

// WriteTables writes the checks of each environment as a table, wrapped to a width, or plain if the
// width is 0.
func WriteTables(w io.Writer, width int, examined []Examination) error {
	for i, e := range examined {
		if i > 0 {
			fmt.Fprintln(w)
		}
		counts := map[Outcome]int{}
		for _, c := range e.Checks {
			counts[c.Outcome]++
		}
		fmt.Fprintf(w, "%s  %s\n%d checks: %d pass, %d fail, %d with a warning, %d skipped\n\n", text.Line(e.Environment.Name), text.Line(e.Environment.URL),
			len(e.Checks), counts[Passed], counts[Failed], counts[Warned], counts[Skipped])
		var rows [][3]string
		for _, c := range foldSkipped(e.Checks) {
			if c.Advice != "" {
				c.Detail += "\n-> " + c.Advice
			}
			rows = append(rows, [3]string{c.Title, string(c.Outcome), c.Detail})
		}
		if err := table.Checks(w, [3]string{"CHECK", "RESULT", "WHAT WAS FOUND"}, rows, width); err != nil {
			return err
		}
	}
	return nil
}

// foldSkipped joins consecutive checks that were skipped for the same reason.
func foldSkipped(checks []Check) []Check {
	var rows []Check
	n := 0
	for _, c := range checks {
		if last := len(rows) - 1; last >= 0 && c.Outcome == Skipped && rows[last].Outcome == Skipped && c.Detail == rows[last].Detail {
			n++
			rows[last].Title = fmt.Sprintf("%d further checks", n)
			continue
		}
		rows, n = append(rows, c), 1
	}
	return rows
}

// WriteTable writes the answers of an environment as a table.
func (a Assumptions) WriteTable(w io.Writer, width int, env Environment) error {
	counts := map[Answer]int{}
	var rows [][3]string
	for _, q := range a.Results {
		counts[q.Answer]++
		found := q.Found
		if q.Answer == Otherwise {
			found += "\nassumed: " + q.Assumed + "\n-> " + q.Then
		}
		rows = append(rows, [3]string{q.Question, string(q.Answer), found})
	}
	fmt.Fprintf(w, "%s  %s\n%d assumptions: %d as assumed, %d otherwise, %d could not be asked\n\n", text.Line(env.Name), text.Line(env.URL),
		len(rows), counts[AsAssumed], counts[Otherwise], counts[Unanswered])
	return table.Checks(w, [3]string{"QUESTION", "ANSWER", "WHAT WAS FOUND"}, rows, width)
}
