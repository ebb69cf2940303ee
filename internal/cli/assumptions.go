package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/doctor"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

const assumptionsFormat = "dbaudit.assumptions/v1"

// An assumptionsDocument is what an environment says of what dbaudit assumes. It names
// neither the environment nor anybody in it.
type assumptionsDocument struct {
	Format      string           `json:"format"`
	Tool        audit.Tool       `json:"tool"`
	Dataverse   string           `json:"dataverse"` // version, empty where it is not told
	Assumptions []doctor.Assumed `json:"assumptions"`
}

// askAssumptions asks one environment what dbaudit assumes of environments.
func (f doctorFlags) askAssumptions(ctx context.Context, a *app) error {
	targets, err := a.Targets(f.connection, f.requirement)
	if err != nil {
		return err
	}
	if len(targets) != 1 {
		return usagef("--assumptions asks one environment: choose it by --env")
	}
	write, err := record(a, f.record, "doctor", targets)
	if err != nil {
		return err
	}
	c, stop, err := doctorConfig(a, targets[0])
	if err != nil {
		return err
	}
	found, err := doctor.ExamineAssumptions(ctx, c)
	stop()
	if failed := write(); err == nil {
		err = failed
	}
	switch {
	case err != nil:
		return err
	case found.Refused != "":
		return fmt.Errorf("%s: nothing could be asked: %s", targets[0], found.Refused)
	}
	var b bytes.Buffer
	if f.format == "json" {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(assumptionsDocument{assumptionsFormat, a.Tool, found.Version, found.Answers}); err != nil {
			return fmt.Errorf("writing the answers: %w", err)
		}
		return a.PutData(f.output, b.Bytes())
	}
	width := 0
	if console.IsStdout(f.output) {
		width = a.Width
	}
	if err := assumptionsTable(&b, targets[0], found, width); err != nil {
		return err
	}
	return a.Put(f.output, b.Bytes())
}

func assumptionsTable(b *bytes.Buffer, t run.Target, answers doctor.Assumptions, width int) error {
	counts := map[doctor.Answer]int{}
	var rows [][3]string
	for _, q := range answers.Answers {
		counts[q.Answer]++
		found := q.Found
		if q.Answer == doctor.Otherwise {
			found += "\nassumed: " + q.Assumed + "\n-> " + q.Then
		}
		rows = append(rows, [3]string{q.Question, q.Answer.String(), found})
	}
	fmt.Fprintf(b, "%s  %s\n%d assumptions: %d as assumed, %d otherwise, %d could not be asked\n\n", text.Line(t.Name), text.Line(t.URL),
		len(rows), counts[doctor.AsAssumed], counts[doctor.Otherwise], counts[doctor.Unanswered])
	return table.Checks(b, [3]string{"QUESTION", "ANSWER", "WHAT WAS FOUND"}, rows, width)
}
