package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/compare"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/waiver"
)

// AcceptOptions are the options of the command line about waivers and the baseline.
type AcceptOptions struct {
	Waivers  string // file; empty for that of the configuration, else the default
	Baseline string // file of earlier results
	NewOnly  bool   // only findings that the baseline does not have fail the run
}

// An Acceptance contains the waivers and the baseline of a run.
type Acceptance struct {
	Waivers  *waiver.File // nil if no file exists
	Options  waiver.Options
	Baseline []audit.Result // nil without a baseline
	NewOnly  bool
	// ConfiguredResults is the number of results that the whole configuration gives.
	ConfiguredResults int
}

// LoadAcceptance reads the waivers and the baseline.
func (r *Runner) LoadAcceptance(given AcceptOptions, file *config.File, asOf time.Time) (Acceptance, error) {
	x := Acceptance{NewOnly: given.NewOnly}
	for _, env := range file.AllEnvironments() {
		x.ConfiguredResults += len(file.PerIntegration(env))
	}
	if given.NewOnly && given.Baseline == "" {
		return x, Usagef("--fail-on-new needs a baseline: pass an earlier result with --baseline RESULT.json")
	}
	var err error
	if x.Options, err = r.WaiverOptions(file, asOf); err != nil {
		return x, err
	}
	if x.Waivers, err = ReadChosenWaivers(given.Waivers, file, asOf); err != nil {
		return x, err
	}
	if given.Baseline != "" {
		x.Baseline, err = r.ReadResults(given.Baseline)
	}
	return x, err
}

// WaiverOptions returns the options for applying waivers to results of a configuration.
func (r *Runner) WaiverOptions(file *config.File, asOf time.Time) (waiver.Options, error) {
	o := waiver.Options{AsOf: asOf, Environments: file.EnvironmentNames(), Shared: map[string]map[audit.ControlID]bool{}}
	for _, env := range file.AllEnvironments() {
		if len(env.Integrations) < 2 {
			continue
		}
		seen, shared := map[audit.ControlID]bool{}, map[audit.ControlID]bool{}
		for _, integration := range file.PerIntegration(env) {
			p, err := r.configuredProfile(file, integration)
			if err != nil {
				return o, err
			}
			for _, c := range p.Controls {
				shared[c.ID] = shared[c.ID] || seen[c.ID]
				seen[c.ID] = true
			}
		}
		o.Shared[env.Name] = shared
	}
	return o, nil
}

// WaiverFile returns the name of the file of waivers: that of the flag, else that of the
// configuration, else the default. The last two are relative to the configuration's folder, or to
// the working directory without a configuration. Only the default is not required.
func WaiverFile(flag string, file *config.File) (name string, required bool) {
	switch {
	case flag != "":
		return flag, true
	case file.Waivers == "":
		return config.Beside(file.Name(), waiver.DefaultName), false
	}
	return config.Beside(file.Name(), file.Waivers), true
}

// ReadChosenWaivers reads the file that [WaiverFile] returns. It returns nil if the default does not
// exist.
func ReadChosenWaivers(flag string, file *config.File, asOf time.Time) (*waiver.File, error) {
	name, required := WaiverFile(flag, file)
	if _, err := os.Stat(name); !required && errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // no waivers
	}
	return ReadWaivers(name, asOf)
}

// ReadWaivers reads a file of waivers. Waivers that end before asOf are expired.
func ReadWaivers(name string, asOf time.Time) (*waiver.File, error) {
	data, err := bounds.ReadFile(bounds.Waivers, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Usagef("the file of waivers %s does not exist: create it with `dbaudit waiver add`, or correct --waivers or waivers: in the configuration", name)
	case err != nil:
		return nil, Usagef("reading the waivers: %w", err)
	}
	return waiver.Parse(filepath.ToSlash(name), data, asOf)
}

// Accept marks findings that are waived or new in the results, and warns about waivers that need
// attention.
func (r *Runner) Accept(x Acceptance, results []audit.Result) []audit.Result {
	if x.Waivers != nil {
		unread := slices.ContainsFunc(results, func(r audit.Result) bool { return r.Unread != nil })
		x.Options.Partial = x.Options.Partial || unread || len(results) < x.ConfiguredResults
		var remarks []waiver.Remark
		results, remarks = x.Waivers.Apply(results, x.Options)
		for _, remark := range remarks {
			r.Warnf("%s:%d: %s", x.Waivers.Name, remark.Waiver.Line, remark.Text)
		}
	}
	if x.Baseline == nil {
		return results
	}
	for _, result := range results {
		if result.Unread == nil && !compare.HasComparable(x.Baseline, result) {
			r.Warnf("the baseline has no result of %s for the profile %s: every finding counts as new", result.Environment.Name, result.Profile.Name)
		}
	}
	results = compare.MarkBaseline(results, x.Baseline)
	if x.NewOnly {
		r.Infof("%s", baselineSummary(results))
	}
	return results
}

// baselineSummary says how many findings are new, because findings of the baseline are shown too
// and do not fail the run.
func baselineSummary(results []audit.Result) string {
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
	return fmt.Sprintf("new since the baseline: %s; the %d that it has do not fail this run", text.Count(fresh, "finding"), old)
}

// ForExitCode returns the results that decide the exit code. With NewOnly, findings of the baseline
// do not count.
func (x Acceptance) ForExitCode(results []audit.Result) []audit.Result {
	if !x.NewOnly {
		return results
	}
	counted := make([]audit.Result, len(results))
	for i, result := range results {
		counted[i] = withoutKnownFailures(result)
	}
	return counted
}

// withoutKnownFailures returns a result in which a control passes if all of its findings are waived
// or in the baseline. Unknown controls stay unknown.
func withoutKnownFailures(r audit.Result) audit.Result {
	r = r.Clone()
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
