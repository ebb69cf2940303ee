package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/doctor"
)

type doctorFlags struct {
	connection  connectionFlags
	requirement requirementFlags
	format      string
	output      string
	roleXML     bool
}

func (a *app) doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "check reach, sign-in and each read that a scan needs",
		Long: help(`Checks one thing after the other and stops at none: name resolution, TLS, the
environment's challenge, sign-in, membership of the organization, version, each
read that a scan needs with the privilege that is missing, looking as the
integration user and as the owners of views, the clock, and until when the
credential is good. The exit code is 3 when a check fails.

--role-xml needs no connection: it prints the least security role that an auditor
needs, as a solution component.`),
		Example: `  dbaudit doctor --env production
  dbaudit doctor --url https://contoso.crm.dynamics.com --client-id GUID -f json
  dbaudit doctor --role-xml -o "Roles/dbaudit Auditor.xml"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), f) },
	}
	f.connection.add(cmd.Flags())
	f.requirement.add(cmd.Flags())
	cmd.Flags().StringVarP(&f.format, "format", "f", "table", "`format` of the answer: table or json")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` of the answer (default standard output)")
	cmd.Flags().BoolVar(&f.roleXML, "role-xml", false, "print the least role that an auditor needs, as a solution component")
	return cmd
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

func (a *app) doctor(ctx context.Context, f doctorFlags) error {
	if f.roleXML {
		role, err := doctor.RoleXML()
		if err != nil {
			return err
		}
		return a.put(f.output, role)
	}
	if f.format != "table" && f.format != "json" {
		return usagef("--format %s: doctor writes table or json", f.format)
	}
	targets, err := a.targets(f.connection, f.requirement)
	if err != nil {
		return err
	}
	examined := make([]examination, len(targets))
	code := exitOK
	for i, t := range targets {
		if examined[i], err = a.examine(ctx, t); err != nil {
			return err
		}
		if examined[i].Outcome == doctor.Failed {
			code = exitFailure
		}
	}
	document, err := a.doctorDocument(f, examined)
	if err != nil {
		return err
	}
	if err := a.put(f.output, document); err != nil {
		return err
	}
	return asError(code)
}

func (a *app) examine(ctx context.Context, t target) (examination, error) {
	e := examination{Format: doctorFormat, Tool: a.tool(), Environment: examinedTarget{t.name, t.url}, Outcome: doctor.Passed}
	progress := a.progress(t)
	defer progress.stop()
	transport := a.Transport(nil)
	signIn, err := a.signInConfig(t, transport)
	if err != nil {
		return e, err
	}
	e.Checks, err = doctor.Examine(ctx, doctor.Config{
		SignIn:      signIn,
		Client:      a.clientOptions(t, nil, transport, progress.exchange),
		Requirement: t.requirement,
		Pattern:     t.profile.Pattern,
		LookupHost:  a.LookupHost,
		Proxied:     first(a.Getenv("HTTPS_PROXY"), a.Getenv("https_proxy")) != "",
		Now:         a.Now,
		Progress:    progress.task,
	})
	for _, c := range e.Checks {
		a.log(slog.LevelDebug, t.name, c.Title+": "+c.Outcome.String(), slog.String("check", c.ID), slog.String("outcome", c.Outcome.String()))
		if c.Outcome == doctor.Failed || c.Outcome == doctor.Warned && e.Outcome == doctor.Passed {
			e.Outcome = c.Outcome
		}
	}
	return e, err
}

func (a *app) doctorDocument(f doctorFlags, examined []examination) ([]byte, error) {
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
	if f.output == "" {
		width = a.Width
	}
	var b bytes.Buffer
	for i, e := range examined {
		if i > 0 {
			b.WriteByte('\n')
		}
		if err := a.doctorTable(&b, e, width); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// doctorTable draws the checks of one environment: with lines and wrapped on a
// terminal, plain elsewhere.
func (a *app) doctorTable(b *bytes.Buffer, e examination, width int) error {
	maxTitle := min(36, max(20, width/3))
	counts := map[doctor.Outcome]int{}
	checkWidth := 0
	for _, c := range e.Checks {
		counts[c.Outcome]++
		checkWidth = min(maxTitle, max(checkWidth, len([]rune(c.Title))))
	}
	fmt.Fprintf(b, "%s  %s\n%d checks: %d pass, %d fail, %d with a warning, %d skipped\n\n", printable(e.Environment.Name), printable(e.Environment.URL),
		len(e.Checks), counts[doctor.Passed], counts[doctor.Failed], counts[doctor.Warned], counts[doctor.Skipped])
	rendition := tw.Rendition{Symbols: tw.NewSymbols(tw.StyleLight), Settings: tw.Settings{Separators: tw.Separators{BetweenRows: tw.Off}}}
	options := []tablewriter.Option{
		tablewriter.WithEastAsian(tw.Off),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithRowAlignment(tw.AlignLeft),
	}
	const outcomeWidth, frame = 7, 10
	room := max(30, width-checkWidth-outcomeWidth-frame)
	if width == 0 {
		room = 0
		rendition = tw.Rendition{
			Borders: tw.BorderNone, Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		}
		options = append(options, tablewriter.WithPadding(tw.Padding{Right: "  ", Overwrite: true}))
	}
	var drawn bytes.Buffer
	table := tablewriter.NewTable(&drawn, append(options, tablewriter.WithRenderer(renderer.NewBlueprint(rendition)))...)
	table.Header("CHECK", "RESULT", "WHAT WAS FOUND")
	for _, c := range e.Checks {
		text := wrapped(dataverse.Printable(c.Detail), room)
		if c.Advice != "" {
			text += "\n" + wrapped("-> "+dataverse.Printable(c.Advice), room)
		}
		title := dataverse.Printable(c.Title)
		if width > 0 {
			title = wrapped(title, maxTitle)
		}
		if err := table.Append(title, c.Outcome.String(), printable(text)); err != nil {
			return fmt.Errorf("laying out the checks: %w", err)
		}
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("drawing the checks: %w", err)
	}
	for line := range strings.Lines(drawn.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return nil
}

// wrapped breaks a text between words into lines of a width, where there is one.
func wrapped(text string, width int) string {
	if width <= 0 {
		return text
	}
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		for runes := []rune(word); ; {
			n := len(runes)
			if column > 0 && column+1+min(n, width) > width {
				b.WriteByte('\n')
				column = 0
			}
			if column > 0 {
				b.WriteByte(' ')
				column++
			}
			if n <= width {
				b.WriteString(string(runes))
				column += n
				break
			}
			// Longer than any line: ids run together, an address.
			b.WriteString(string(runes[:width]) + "\n")
			runes = runes[width:]
		}
	}
	return b.String()
}
