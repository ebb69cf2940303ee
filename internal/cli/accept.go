package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/compare"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

// acceptFlags say which findings are known or accepted.
type acceptFlags struct {
	waivers   string
	baseline  string
	failOnNew bool
}

func (f *acceptFlags) add(flags *pflag.FlagSet) {
	f.addKnown(flags)
	flags.BoolVar(&f.failOnNew, "fail-on-new", false, "exit 1 only for findings that are not in the baseline")
}

// addKnown adds the flags that change what is shown, and not how the command ends.
func (f *acceptFlags) addKnown(flags *pflag.FlagSet) {
	f.addWaivers(flags)
	flags.StringVar(&f.baseline, "baseline", "", "earlier `result` (-f json) that findings are compared with")
}

func (f *acceptFlags) addWaivers(flags *pflag.FlagSet) {
	flags.StringVar(&f.waivers, "waivers", "", "`file` of accepted findings (default waivers: of the configuration, else "+waiver.DefaultName+" beside it)")
}

// An acceptance is acceptFlags understood: what a run knows and accepts.
type acceptance struct {
	waivers  *waiver.File // nil where there are none
	options  waiver.Options
	baseline []audit.Result // nil where there is none
	newOnly  bool
	// configured is how many results the configuration names: fewer are a part.
	configured int
}

// acceptance reads the waivers and the baseline, before anything else is done
// that may take long.
func (a *app) acceptance(f acceptFlags, file *config.File, j judgement) (acceptance, error) {
	x := acceptance{newOnly: f.failOnNew, options: waiver.Options{AsOf: j.asOf}}
	x.options.Environments = namesOf(file)
	if file != nil {
		for _, env := range file.All() {
			x.configured += len(file.Each(env))
		}
	}
	if f.failOnNew && f.baseline == "" {
		return x, usagef("--fail-on-new needs a baseline: give an earlier result by --baseline RESULT.json")
	}
	var err error
	name, required := waiverFile(f.waivers, file)
	if _, missing := os.Stat(name); required || !errors.Is(missing, fs.ErrNotExist) {
		if x.waivers, err = a.readWaivers(name, j); err != nil {
			return x, err
		}
	}
	if f.baseline != "" {
		x.baseline, err = a.results([]string{f.baseline})
	}
	return x, err
}

// namesOf lists the environments that a configuration names.
func namesOf(file *config.File) []string {
	var names []string
	if file != nil {
		for _, env := range file.All() {
			if env.Name != "" {
				names = append(names, env.Name)
			}
		}
	}
	return names
}

// waiverFile is the file of waivers that is meant: the flag's, else the one that the
// configuration names, else the default. The last two stand beside the configuration, or
// in the working directory where there is none. Only the default may be missing.
func waiverFile(flag string, file *config.File) (name string, required bool) {
	switch {
	case flag != "":
		return flag, true
	case file == nil || file.Waivers == "":
		return besideConfiguration(file, waiver.DefaultName), false
	}
	return besideConfiguration(file, file.Waivers), true
}

// besideConfiguration is the path of a file that the configuration names: where it is
// not absolute, it is taken from the configuration's folder.
func besideConfiguration(file *config.File, name string) string {
	name = filepath.FromSlash(name)
	if file == nil || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(filepath.FromSlash(file.Name())), name)
}

func (a *app) readWaivers(name string, j judgement) (*waiver.File, error) {
	data, err := bounds.ReadFile(bounds.Waivers, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("there is no file of waivers %s: create it by `dbaudit waiver add`, or take waivers: out of the configuration", name)
	case err != nil:
		return nil, usagef("reading the waivers: %w", err)
	}
	return waiver.Parse(filepath.ToSlash(name), data, j.asOf)
}

// apply marks what is accepted and what is new in the results, and warns of
// waivers that somebody has to look at.
func (x acceptance) apply(a *app, results []audit.Result) []audit.Result {
	if x.waivers != nil {
		unread := slices.ContainsFunc(results, func(r audit.Result) bool { return r.Unread != nil })
		x.options.Partial = x.options.Partial || unread || len(results) < x.configured
		var remarks []waiver.Remark
		results, remarks = x.waivers.Apply(results, x.options)
		for _, remark := range remarks {
			a.warn("%s:%d: %s", x.waivers.Name, remark.Waiver.Line, remark.Text)
		}
	}
	if x.baseline != nil {
		for _, r := range results {
			if r.Unread == nil && !slices.ContainsFunc(x.baseline, func(b audit.Result) bool { return compare.Comparable(r, b) }) {
				a.warn("the baseline holds no result of %s under the profile %s: every finding counts as new", r.Environment.Name, r.Profile.Name)
			}
		}
		results = compare.Baseline(results, x.baseline)
		if x.newOnly {
			a.say("%s", known(results))
		}
	}
	return results
}

// known says why a run may end well though findings are shown.
func known(results []audit.Result) string {
	fresh, old := 0, 0
	for _, r := range results {
		for _, c := range r.Controls {
			for _, f := range c.Findings {
				switch {
				case f.Waiver != nil:
				case f.Baseline == audit.BaselineUnchanged:
					old++
				default:
					fresh++
				}
			}
		}
	}
	return fmt.Sprintf("against the baseline %d findings are new; %d that it has do not fail this run", fresh, old)
}

// code is the exit code of results, the worst of all.
func (x acceptance) code(results []audit.Result, failOn audit.Severity) int {
	code := exitOK
	for _, r := range results {
		if x.newOnly {
			r = onlyNew(r)
		}
		code = worse(code, verdict(r, failOn))
	}
	return code
}

// onlyNew is a result whose controls fail only where a finding is new and not
// accepted. It is for the exit code alone; what could not be judged stays unknown.
func onlyNew(r audit.Result) audit.Result {
	r.Controls = slices.Clone(r.Controls)
	for i := range r.Controls {
		c := &r.Controls[i]
		fresh := slices.ContainsFunc(c.Findings, func(f audit.Finding) bool {
			return f.Baseline != audit.BaselineUnchanged && f.Waiver == nil
		})
		if c.Outcome == audit.OutcomeFail && len(c.Findings) > 0 && !fresh {
			c.Outcome = audit.OutcomePass
		}
	}
	return r
}
