package cli

import (
	"cmp"
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dbaudit/dbaudit/internal/report/text"
)

// helpWidth is the width of a command's help in columns, on every terminal.
const helpWidth = 80

// A heading is a title in a command's help and the flags below it.
type heading struct {
	title string
	flags []string
}

// otherFlags is the heading of the flags that are below no other heading.
const otherFlags = "Other"

func headings() []heading {
	return []heading{
		{"Environment", []string{"url", "env", "all-envs", "label", "timeout", "parallel", "scope", "environment"}},
		{"Requirement", []string{"profile", "integration-app-id", "integration-user", "integration-role", "business-unit", "view"}},
		{"Sign-in", []string{"auth", "authority", "tenant-id", "client-id", "client-certificate", "username"}},
		{"Output", []string{"format", "output", "snapshot", "record", "sarif-profile", "as-of", "severity", "summary", "input", "minimal", "pseudonyms"}},
		{"Exit code", []string{"fail-on", "fail-on-new", "baseline", "waivers", detailedFlag}},
		{"Remediation", []string{
			"remediate", "only", "except", "least-privilege", "replace-filtered", "unassign-administrator",
			"valid-for", "max-changes", "yes", "journal", "resume", "dry-run", "digest", "allow-shared-role",
		}},
		{"Fleet", []string{"store", "listen", "public-url", "oidc-issuer", "oidc-client-id", "tls-certificate", "tls-key", "alerts", "concurrency", "no-worker", "keep-days"}},
		{title: otherFlags},
	}
}

// headingOf returns the title of the heading of a command's flag.
func headingOf(cmd *cobra.Command, flag string) string {
	if cmd.Name() == "plan" && (flag == "result" || flag == "snapshot") {
		return "Environment" // the saved files replace it
	}
	for _, h := range headings() {
		if slices.Contains(h.flags, flag) {
			return h.title
		}
	}
	return otherFlags
}

// minFlagsForHeadings is the number of flags from which a command's help has headings.
const minFlagsForHeadings = 10

// usageText returns the usage part of a command's help: usage line, examples, commands and flags.
func usageText(cmd *cobra.Command) string {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if cmd.Runnable() && !cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND [flags]\n", cmd.CommandPath())
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	groups := cmd.Groups()
	if cmd.HasAvailableSubCommands() && len(groups) == 0 {
		groups = []*cobra.Group{{Title: "Commands"}}
	}
	for _, group := range groups {
		fmt.Fprintf(&b, "\n%s:\n", group.Title)
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() && c.GroupID == group.ID {
				fmt.Fprintf(&b, "  %-*s %s\n", c.NamePadding(), c.Name(), c.Short)
			}
		}
	}
	local, global := visible(cmd.LocalFlags()), visible(cmd.InheritedFlags())
	if help := cmd.Flags().Lookup("help"); cmd.HasParent() && help != nil { // every command has it
		local = slices.DeleteFunc(local, func(f *pflag.Flag) bool { return f == help })
		global = append(global, help)
	}
	if len(local) < minFlagsForHeadings {
		b.WriteString(flagSection("Flags", local))
	} else {
		for _, h := range headings() {
			b.WriteString(flagSection(h.title+" flags", slices.DeleteFunc(slices.Clone(local), func(f *pflag.Flag) bool {
				return headingOf(cmd, f.Name) != h.title
			})))
		}
	}
	b.WriteString(flagSection("Global flags", global))
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nSee %s COMMAND --help for more about a command.\n", cmd.CommandPath())
	}
	return b.String()
}

//go:embed help
var helpFiles embed.FS

// describe sets the descriptions and the examples of a command. They are a section of a file in help:
// below the command's path are a line, the paragraphs of the long description, if any, and the examples,
// with a blank line between them. The file is named after the path's first word after dbaudit.
func describe(cmd *cobra.Command) {
	name := "dbaudit"
	if words := strings.Fields(cmd.CommandPath()); len(words) > 1 {
		name = words[1]
	}
	data, _ := helpFiles.ReadFile("help/" + name + ".txt") // TestHelp finds a command without a description
	_, section, found := strings.Cut("\n"+string(data), "\n# "+cmd.CommandPath()+"\n\n")
	if !found {
		return
	}
	section, _, _ = strings.Cut(section, "\n\n# ")
	paragraphs := strings.Split(strings.Trim(section, "\n"), "\n\n")
	last := len(paragraphs) - 1
	cmd.Short, cmd.Long, cmd.Example = paragraphs[0], strings.Join(paragraphs[1:last], "\n\n"), paragraphs[last]
}

// helpText returns a command's help: its description, wrapped, and its usage.
func helpText(cmd *cobra.Command) string {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(cmp.Or(cmd.Long, cmd.Short), "\n\n") {
		if codes, ok := strings.CutPrefix(paragraph, exitCodesLabel); ok {
			paragraph = exitCodesText(codes)
		}
		if strings.Contains(paragraph, "\n ") { // a list
			b.WriteString(paragraph + "\n\n")
			continue
		}
		for _, line := range text.Wrap(strings.Join(strings.Fields(paragraph), " "), helpWidth) {
			b.WriteString(line + "\n")
		}
		b.WriteString("\n")
	}
	return b.String() + usageText(cmd)
}

func visible(flags *pflag.FlagSet) []*pflag.Flag {
	var list []*pflag.Flag
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			list = append(list, f)
		}
	})
	return list
}

// flagSection returns a heading with its flags: the names on the left, the wrapped descriptions
// on the right. The description of a long name begins on the next line.
func flagSection(title string, flags []*pflag.Flag) string {
	if len(flags) == 0 {
		return ""
	}
	const column = 30
	indent := strings.Repeat(" ", column)
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s:\n", title)
	for _, f := range flags {
		kind, meaning := pflag.UnquoteUsage(f)
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		if kind != "" {
			name += " " + kind
		}
		line := fmt.Sprintf("%-*s", column, name)
		if len(name) > column-2 {
			b.WriteString(name + "\n")
			line = indent
		}
		for _, part := range text.Wrap(meaning+defaultOf(f), helpWidth-column) {
			b.WriteString(line + part + "\n")
			line = indent
		}
	}
	return b.String()
}

// defaultOf returns the default of a flag, unless the flag's description already states it.
func defaultOf(f *pflag.Flag) string {
	none := []string{"", "false", "0", "0s", "[]"}
	if slices.Contains(none, f.DefValue) || strings.Contains(f.Usage, "(default ") {
		return ""
	}
	return " (default " + f.DefValue + ")"
}

// exitCodesLabel begins the paragraph of a description that lists exit codes: "Exit codes: 0 2 3".
const exitCodesLabel = "Exit codes: "

// exitCodesText returns the meanings of exit codes, one a line.
func exitCodesText(codes string) string {
	words := map[string]string{
		"0":   "done",
		"1":   "at least one control of severity --fail-on or higher failed",
		"2":   "wrong usage or configuration",
		"3":   "could not run: sign-in, network, unreadable or broken input",
		"4":   "nothing failed, but some controls could not be evaluated",
		"5":   "a change was applied only in part, or could not be verified",
		"130": "interrupted",
	}
	list := strings.Fields(codes)
	order := ""
	if slices.Contains(list, "1") {
		words["0"] = "no control of severity --fail-on or higher failed, and none is unknown"
		order = "\nIf a run has several results, the most severe code wins: 130, 3, 2, 5, 1, 4, 0."
	}
	lines := strings.TrimSpace(exitCodesLabel)
	for _, code := range list {
		lines += fmt.Sprintf("\n  %-4s %s", code, words[code])
	}
	return lines + order
}
