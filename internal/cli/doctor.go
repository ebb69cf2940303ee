package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/doctor"
	"github.com/dbaudit/dbaudit/internal/plan"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

type doctorFlags struct {
	connection  run.Connection
	requirement run.Wanted
	format      string
	output      string
	roleXML     bool
	roleZip     string
	alone       bool
	apply       bool
	plan        string
	assumptions bool
	record      string
}

func newDoctorCommand(a *app) *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor [--apply [PLAN]]",
		Short: "check the connection, the sign-in and each read of a scan",
		Long: help(`Checks one thing after the other: name resolution, TLS, the environment's
challenge, sign-in, membership of the organization, version, each read that a scan
needs with the privilege that is missing, looking as the integration user and as
the owners of views, the clock, and until when the credential is good. What nothing
can be read behind (a disabled environment, a firewall) is told once, and the rest
is skipped. The exit code is 3 when a check fails.

--role-xml and --role-zip need no connection: they write the least security role that an
auditor needs, as a solution component and as a solution that imports as it is.
--without-impersonation leaves prvActOnBehalfOfAnotherUser out, and says which controls
become unknown.

--assumptions asks the environment, by reads alone, each point that dbaudit assumes of
environments and nobody could look up, and says what dbaudit does where it is
otherwise. Its JSON holds no name, no id and no address: attach it to an issue.

--apply signs in as apply does, and names each privilege that this identity lacks:
what writing takes, all of the profile's minimum, and what each new role grants
unasked, since nobody can grant what they do not hold. With a plan, it is what that
plan needs, and as a warning what rolling it back would need besides. Nothing is
changed.`, exitOK, exitUsage, exitFailure, exitInterrupted),
		Example: `  dbaudit doctor --env production
  dbaudit doctor --url https://contoso.crm.dynamics.com --client-id GUID -f json
  dbaudit doctor --assumptions -f json -o assumptions.json
  dbaudit doctor --apply plan.json
  dbaudit doctor --env production --record recording.jsonl
  dbaudit doctor --role-zip dbaudit-auditor.zip
  dbaudit doctor --role-xml -o "Roles/dbaudit Auditor.xml"`,
		Args: arguments(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				f.plan = args[0]
			}
			return f.run(cmd.Context(), a)
		},
	}
	connectionFlags(cmd.Flags(), &f.connection)
	allEnvsFlag(cmd.Flags(), &f.connection)
	timeoutFlag(cmd.Flags(), &f.connection)
	requirementFlags(cmd.Flags(), &f.requirement)
	cmd.Flags().StringVarP(&f.format, "format", "f", "table", "`format` of the answer: table or json")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` of the answer (default standard output)")
	addRecord(cmd.Flags(), &f.record)
	cmd.Flags().BoolVar(&f.apply, "apply", false, "examine the identity that applies a plan, and say what it lacks")
	cmd.Flags().BoolVar(&f.assumptions, "assumptions", false, "ask the environment what dbaudit assumes of environments")
	cmd.Flags().BoolVar(&f.roleXML, "role-xml", false, "print the least role that an auditor needs, as a solution component")
	cmd.Flags().StringVar(&f.roleZip, "role-zip", "", "write the least role that an auditor needs to a `file`, as a solution that imports as it is")
	cmd.Flags().BoolVar(&f.alone, "without-impersonation", false, "leave prvActOnBehalfOfAnotherUser out of that role")
	return cmd
}

// writeRole writes the auditor's role, and says what it is for.
func (f doctorFlags) writeRole(a *app) error {
	profileName := cmp.Or(f.requirement.Profile, run.DefaultProfile)
	p, err := a.Profile(profileName)
	if err != nil {
		return err
	}
	if f.alone {
		var blind []string
		for _, c := range p.Controls {
			if slices.Contains(doctor.Blind(), c.Rule) {
				blind = append(blind, string(c.ID))
			}
		}
		a.Sayf("without prvActOnBehalfOfAnotherUser nobody can see which personal views the integration user sees: %s become unknown, and the exit code is 4 at best",
			strings.Join(blind, ", "))
	} else {
		a.Sayf("%s; --without-impersonation leaves it out", doctor.WhyImpersonate)
	}
	if f.roleXML {
		role, err := doctor.RoleXML(!f.alone)
		if err != nil {
			return err
		}
		return a.Put(f.output, role)
	}
	data, err := doctor.RoleZip(!f.alone)
	if err != nil {
		return err
	}
	if err := console.WriteFile(f.roleZip, data); err != nil {
		return err
	}
	a.Sayf("wrote %s; import it by: pac solution import --path %s, or in make.powerapps.com > Solutions > Import solution; then give the role %q to the auditor's application user",
		f.roleZip, f.roleZip, doctor.RoleName)
	return nil
}

// An examination is what doctor found in one environment.
type examination struct {
	Format      string         `json:"format"`
	Tool        audit.Tool     `json:"tool"`
	Environment examinedTarget `json:"environment"`
	Outcome     doctor.Outcome `json:"outcome"` // the worst of the checks
	Checks      []doctor.Check `json:"checks"`
}

type examinedTarget struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// The formats of doctor's JSON: one environment, and several.
const (
	doctorFormat  = "dbaudit.doctor/v1"
	doctorsFormat = "dbaudit.doctors/v1"
)

func (f doctorFlags) run(ctx context.Context, a *app) error {
	switch {
	case f.plan != "" && !f.apply:
		return usagef("%s: a plan goes with --apply", f.plan)
	case f.apply && (f.roleXML || f.roleZip != ""):
		return usagef("--apply and --role-xml or --role-zip exclude each other")
	case f.roleXML && f.roleZip != "":
		return usagef("--role-xml and --role-zip exclude each other")
	case f.alone && !f.roleXML && f.roleZip == "":
		return usagef("--without-impersonation goes with --role-zip or --role-xml")
	case f.roleXML || f.roleZip != "":
		return f.writeRole(a)
	}
	if f.format != "table" && f.format != "json" {
		return usagef("--format %s: doctor writes table or json", f.format)
	}
	if f.assumptions {
		if f.apply || f.roleXML {
			return usagef("--assumptions goes with neither --apply nor --role-xml")
		}
		return f.askAssumptions(ctx, a)
	}
	targets, examine, err := f.patients(a)
	if err != nil {
		return err
	}
	write, err := record(a, f.record, "doctor", targets)
	if err != nil {
		return err
	}
	examined := make([]examination, len(targets))
	code := exitOK
	for i, t := range targets {
		err := t.Within(ctx, func(timed context.Context) (err error) {
			examined[i], err = examine(timed, t)
			return err
		})
		if err != nil {
			return errors.Join(err, write())
		}
		if examined[i].Outcome == doctor.Failed {
			code = exitFailure
		}
	}
	if err := write(); err != nil {
		return err
	}
	document, err := f.document(a, examined)
	if err != nil {
		return err
	}
	put := a.Put
	if f.format == "json" {
		put = a.PutData
	}
	if err := put(f.output, document); err != nil {
		return err
	}
	return asError(code)
}

// patients are the targets to examine, and how.
func (f doctorFlags) patients(a *app) ([]run.Target, func(context.Context, run.Target) (examination, error), error) {
	if f.plan != "" {
		p, t, err := f.planned(a)
		return []run.Target{t}, func(ctx context.Context, t run.Target) (examination, error) { return examineApplier(ctx, a, t, &p) }, err
	}
	targets, err := a.Targets(f.connection, f.requirement)
	if f.apply {
		return targets, func(ctx context.Context, t run.Target) (examination, error) { return examineApplier(ctx, a, t, nil) }, err
	}
	return targets, func(ctx context.Context, t run.Target) (examination, error) { return examine(ctx, a, t) }, err
}

func examine(ctx context.Context, a *app, t run.Target) (examination, error) {
	return examineBy(a, t, func(c doctor.Config) ([]doctor.Check, error) { return doctor.Examine(ctx, c) })
}

// examineApplier examines the identity that applies: for one plan, or for any
// that the profile may lead to.
func examineApplier(ctx context.Context, a *app, t run.Target, p *plan.Plan) (examination, error) {
	r := doctor.Remediation{Needs: doctor.Writing(), Grants: grantable(t)}
	if p != nil {
		var err error
		if r, err = remediation(*p, r); err != nil {
			return examination{}, err
		}
	}
	t, own := a.Applier(t)
	return examineBy(a, t, func(c doctor.Config) ([]doctor.Check, error) {
		a.ApplySignIn(&c.SignIn, own)
		return doctor.ExamineApplication(ctx, c, r)
	})
}

// planned reads the plan that doctor is given, and finds its target.
func (f doctorFlags) planned(a *app) (plan.Plan, run.Target, error) {
	data, err := a.ReadFile(bounds.Plan, f.plan)
	if err != nil {
		return plan.Plan{}, run.Target{}, err
	}
	p, err := plan.Decode(data)
	if err != nil {
		return plan.Plan{}, run.Target{}, fmt.Errorf("%s: %w", f.plan, err)
	}
	if p.Expired(a.Now()) {
		a.Warnf("%s: the plan was good until %s: apply will refuse it", f.plan, p.ExpiresAt.Format(time.RFC3339))
	}
	t, err := a.Planned(p, f.connection, f.requirement.Profile)
	return p, t, err
}

// grantable is the profile's minimum with the depths that are wanted of it, which
// are those of policy/dbaudit/depth, and what each new role grants unasked: whoever
// assigns a role must hold all that it grants.
func grantable(t run.Target) []doctor.Privilege {
	var list []doctor.Privilege
	seen := map[string]bool{}
	for _, c := range t.Profile.Controls {
		for _, name := range c.Privileges {
			if seen[name] {
				continue
			}
			seen[name] = true
			p := doctor.Privilege{Name: name, Depth: snapshot.DepthGlobal}
			if depth, asked := t.Profile.Depths[name]; asked {
				p.Depth = depth
			}
			if depth, asked := t.Requirement.Depth[name]; asked {
				p.Depth = depth
			}
			if c.Citation != nil && c.Citation.Tab != "" {
				p.Where = c.Citation.Tab + " > " + c.Citation.Line
			}
			list = append(list, p)
		}
	}
	for _, p := range doctor.Inborn() {
		if !seen[p.Name] {
			list = append(list, p)
		}
	}
	return list
}

// remediation is what one plan needs; known says where its privileges stand in the
// editor of roles.
func remediation(p plan.Plan, known doctor.Remediation) (doctor.Remediation, error) {
	located := func(needs map[string]string) ([]doctor.Privilege, error) {
		var list []doctor.Privilege
		for _, name := range slices.Sorted(maps.Keys(needs)) {
			depth, err := snapshot.ParseDepth(needs[name])
			if err != nil {
				return nil, fmt.Errorf("what the plan needs: %s: %w", name, err)
			}
			needed := doctor.Privilege{Name: name, Depth: depth}
			for _, k := range slices.Concat(known.Needs, known.Grants) {
				if strings.EqualFold(k.Name, name) {
					needed.Where = k.Where
					break
				}
			}
			list = append(list, needed)
		}
		return list, nil
	}
	var r doctor.Remediation
	var err error
	if r.Needs, err = located(p.Needs()); err != nil {
		return r, err
	}
	undo, roles := p.NeedsToUndo()
	r.Again = roles
	r.Undo, err = located(undo)
	return r, err
}

// examineBy makes the checks of an environment.
func examineBy(a *app, t run.Target, check func(doctor.Config) ([]doctor.Check, error)) (examination, error) {
	e := examination{Format: doctorFormat, Tool: a.Tool, Environment: examinedTarget{t.Name, t.URL}, Outcome: doctor.Passed}
	c, stop, err := doctorConfig(a, t)
	if err != nil {
		return e, err
	}
	defer stop()
	e.Checks, err = check(c)
	for _, c := range e.Checks {
		a.Log(slog.LevelDebug, t.Name, c.Title+": "+c.Outcome.String(), slog.String("check", c.ID), slog.String("outcome", c.Outcome.String()))
		if c.Outcome == doctor.Failed || c.Outcome == doctor.Warned && e.Outcome == doctor.Passed {
			e.Outcome = c.Outcome
		}
	}
	return e, err
}

// doctorConfig is how a target is examined, until stop is called.
func doctorConfig(a *app, t run.Target) (c doctor.Config, stop func(), err error) {
	progress := a.Progress(t.Name)
	transport := a.Transport(nil)
	signIn, err := a.SignInConfig(t, transport)
	if err != nil {
		progress.Stop()
		return c, nil, err
	}
	return doctor.Config{
		SignIn:      signIn,
		Client:      a.ClientOptions(t, nil, transport, progress.Exchange),
		Requirement: t.Requirement,
		Pattern:     t.Profile.Pattern,
		LookupHost:  a.LookupHost,
		Proxied:     cmp.Or(a.Getenv("HTTPS_PROXY"), a.Getenv("https_proxy")) != "",
		Now:         a.Now,
		Progress:    progress.Task,
	}, progress.Stop, nil
}

func (f doctorFlags) document(a *app, examined []examination) ([]byte, error) {
	if f.format == "json" {
		var document any = examined[0]
		if len(examined) > 1 {
			document = struct {
				Format  string        `json:"format"`
				Results []examination `json:"results"`
			}{doctorsFormat, examined}
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(document); err != nil {
			return nil, fmt.Errorf("writing the checks: %w", err)
		}
		return b.Bytes(), nil
	}
	width := 0
	if console.IsStdout(f.output) {
		width = a.Width
	}
	var b bytes.Buffer
	for i, e := range examined {
		if i > 0 {
			b.WriteByte('\n')
		}
		if err := doctorTable(a, &b, e, width); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// doctorTable draws the checks of one environment: with lines and wrapped on a
// terminal, plain elsewhere.
func doctorTable(a *app, b *bytes.Buffer, e examination, width int) error {
	counts := map[doctor.Outcome]int{}
	for _, c := range e.Checks {
		counts[c.Outcome]++
	}
	fmt.Fprintf(b, "%s  %s\n%d checks: %d pass, %d fail, %d with a warning, %d skipped\n\n", text.Line(e.Environment.Name), text.Line(e.Environment.URL),
		len(e.Checks), counts[doctor.Passed], counts[doctor.Failed], counts[doctor.Warned], counts[doctor.Skipped])
	var rows [][3]string
	for _, c := range folded(e.Checks) {
		rows = append(rows, [3]string{c.Title, c.Outcome.String(), c.Detail + advised(c.Advice)})
	}
	return table.Checks(b, [3]string{"CHECK", "RESULT", "WHAT WAS FOUND"}, rows, width)
}

// advised is advice as it stands below what was found.
func advised(advice string) string {
	if advice == "" {
		return ""
	}
	return "\n-> " + advice
}

// folded joins checks that were skipped for one reason, one after the other.
func folded(checks []doctor.Check) []doctor.Check {
	var rows []doctor.Check
	for i := 0; i < len(checks); {
		n := 1
		for i+n < len(checks) && checks[i].Outcome == doctor.Skipped && checks[i+n].Outcome == doctor.Skipped && checks[i+n].Detail == checks[i].Detail {
			n++
		}
		c := checks[i]
		if n > 1 {
			c.Title = fmt.Sprintf("%d further checks", n)
		}
		rows = append(rows, c)
		i += n
	}
	return rows
}
