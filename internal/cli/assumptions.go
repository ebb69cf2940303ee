package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/dbaudit/dbaudit/internal/doctor"
)

// askAssumptions asks one environment what dbaudit assumes of environments.
func (f doctorFlags) askAssumptions(ctx context.Context, a *app) error {
	targets, err := a.Targets(f.connection, f.requirement)
	if err != nil {
		return err
	}
	if len(targets) != 1 {
		return usagef("--assumptions checks one environment: choose it with --env")
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
		return fmt.Errorf("%s: nothing could be checked: %s", targets[0], found.Refused)
	}
	if f.format == "json" {
		found.Tool = a.Tool
		return a.PutPlainJSON(f.output, found)
	}
	return a.PutTable(f.output, func(w io.Writer, width int) error {
		return found.Table(w, width, doctor.Place{Name: targets[0].Name, URL: targets[0].URL})
	})
}
