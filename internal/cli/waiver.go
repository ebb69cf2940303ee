package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

func defineWaiver(a *app, cmd *cobra.Command) {
	addCommands(a, cmd,
		declaration{"add [RESULT.json]", define[waiverAddFlags]},
		declaration{"check [RESULT.json...]", define[waiverCheckFlags]},
	)
}

type waiverAddFlags struct {
	accept  run.AcceptOptions
	days    int
	control string
	waiver  waiver.Waiver
}

func (f *waiverAddFlags) define(_ *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	waiversFlag(flags, &f.accept)
	flags.StringVar(&f.control, "control", "", "the `control` to waive")
	flags.StringVar(&f.waiver.Subject, "subject", "", "`name` or id of the finding's role, user or view (TABLE=NAME)")
	flags.StringVar(&f.waiver.Privilege, "privilege", "", "the finding's `privilege`")
	flags.StringVar(&f.waiver.Profile, "profile", "", "`name` of the only profile to waive it for, if an environment has several integrations")
	flags.StringVar(&f.waiver.Environment, "env", "", "`name` of the only environment to waive it for")
	flags.StringVar(&f.waiver.Environment, "environment", "", "as --env")
	_ = flags.MarkHidden("environment") // the first release had it
	flags.Var(newChoice(&f.waiver.Kind, waiver.Kinds()...), "kind", "`kind` of acceptance: "+orList(stringsOf(waiver.Kinds())))
	flags.StringVar(&f.waiver.Owner, "owner", "", "`owner` of the accepted finding")
	flags.StringVar(&f.waiver.Reason, "reason", "", "`reason` for accepting it")
	flags.StringVar(&f.waiver.Expires, "expires", "", "expiry `date`, YYYY-MM-DD, at most 366 days ahead")
	flags.IntVar(&f.days, "days", 0, "expiry date as a `number` of days from today")
	flags.BoolVar(&f.waiver.Broad, "broad", false, "allow a waiver without the subject or privilege that its findings have")
}

func (f waiverAddFlags) run(_ context.Context, a *app, results []string) error {
	now := a.Now().UTC()
	for _, flag := range [][2]string{{"control", f.control}, {"kind", string(f.waiver.Kind)}, {"owner", f.waiver.Owner}, {"reason", f.waiver.Reason}} {
		if strings.TrimSpace(flag[1]) == "" {
			return usagef("--%s is missing: a waiver needs a control, a kind, an owner, a reason and an expiry date", flag[0])
		}
	}
	if (f.days != 0) == (f.waiver.Expires != "") {
		return usagef("set the expiry date with either --expires YYYY-MM-DD or --days NUMBER")
	}
	f.waiver.Control = audit.ControlID(strings.ToUpper(f.control))
	if f.days != 0 {
		if err := requirePositive("days", f.days); err != nil {
			return err
		}
		f.waiver.Expires = now.AddDate(0, 0, f.days).Format(time.DateOnly)
	}
	if last, err := time.Parse(time.DateOnly, f.waiver.Expires); err != nil || last.Before(now.Truncate(24*time.Hour)) {
		return usagef("--expires %s: want a future date, as YYYY-MM-DD", f.waiver.Expires)
	}
	file, err := a.Configuration()
	if err != nil {
		return err
	}
	added := []waiver.Waiver{f.waiver}
	if len(results) > 0 {
		if added, err = waiversForFindings(a, f.waiver, results, file); err != nil {
			return err
		}
	}
	name, _ := run.WaiverFile(f.accept.Waivers, file)
	data, err := bounds.ReadFile(bounds.Waivers, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the waivers: %w", err)
	}
	if data, err = waiver.Append(filepath.ToSlash(name), data, added, now); err != nil {
		return err
	}
	if err := console.WriteFile(name, data); err != nil {
		return err
	}
	for _, w := range added {
		a.Infof("%s: waived %s until %s", name, &w, w.Expires)
	}
	return nil
}

// waiversForFindings returns a waiver for each finding of saved results that a pattern covers.
func waiversForFindings(a *app, pattern waiver.Waiver, files []string, file *config.File) ([]waiver.Waiver, error) {
	results, err := a.ReadResults(files...)
	if err != nil {
		return nil, err
	}
	options, err := a.WaiverOptions(file, a.Now())
	if err != nil {
		return nil, err
	}
	waivers := pattern.Narrow(results, options)
	if len(waivers) == 0 {
		return nil, usagef("%s has no open finding of %s: nothing to waive", strings.Join(files, ", "), &pattern)
	}
	return waivers, nil
}

type waiverCheckFlags struct {
	accept run.AcceptOptions
	asOf   time.Time // zero for now
}

func (f *waiverCheckFlags) define(_ *app, cmd *cobra.Command) {
	waiversFlag(cmd.Flags(), &f.accept)
	asOfFlag(cmd.Flags(), &f.asOf, "check for")
}

func (f waiverCheckFlags) run(_ context.Context, a *app, files []string) error {
	asOf := f.asOf
	if asOf.IsZero() {
		asOf = a.Now()
	}
	file, err := a.Configuration()
	if err != nil {
		return err
	}
	name, _ := run.WaiverFile(f.accept.Waivers, file)
	waivers, err := run.ReadWaivers(name, asOf)
	if err != nil {
		return err
	}
	results, err := a.ReadResults(files...)
	if err != nil {
		return err
	}
	for i := range results {
		results[i] = waiver.Strip(results[i])
	}
	options, err := a.WaiverOptions(file, asOf)
	if err != nil {
		return err
	}
	_, remarks := waivers.Apply(results, options)
	code := exitOK
	state := map[int]string{}
	for _, remark := range remarks {
		a.Warnf("%s:%d: %s", waivers.Name, remark.Waiver.Line, remark.Text)
		if remark.Kind != waiver.Expiring {
			code = exitFindings
		}
		state[remark.Waiver.Line] = cmp.Or(state[remark.Waiver.Line], string(remark.Kind))
	}
	rows := make([][]string, len(waivers.Waivers))
	for i, w := range waivers.Waivers {
		rows[i] = []string{w.String(), string(w.Kind), w.Owner, w.Expires, cmp.Or(state[w.Line], "active"), w.Reason}
	}
	return exitWith(code, table.List(a.Stdout, a.Width, []string{"waiver", "kind", "owner", "expires", "state", "reason"}, rows))
}
