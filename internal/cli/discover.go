package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/discovery"
	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

type discoverFlags struct {
	connection run.Connection
	profiles   []string
	document   documentFlags
}

func (f *discoverFlags) define(_ *app, cmd *cobra.Command) {
	connectionFlags(cmd.Flags(), &f.connection)
	timeoutFlag(cmd.Flags(), &f.connection)
	cmd.Flags().StringArrayVar(&f.profiles, "profile", nil, "profile `file` to match, in addition to the built-in and configured ones; repeatable")
	f.document.add(cmd.Flags(), "table", "json", "yaml")
}

func (f discoverFlags) run(ctx context.Context, a *app, args []string) error {
	d, err := a.Discover(ctx, f.connection, f.profiles, append(args, "")[0])
	if err != nil {
		return err
	}
	proposed, err := d.Configuration()
	if err != nil {
		return err
	}
	if f.document.format == "yaml" {
		err = a.WriteOutput(f.document.file, proposed)
	} else {
		err = f.document.write(a, d, func(w io.Writer, width int) error { return writeDiscovery(w, width, a.Verbose, d, proposed) })
	}
	return exitWith(codeIf(!d.Complete(), exitIncomplete), err)
}

func writeDiscovery(w io.Writer, width int, verbose bool, d discovery.Document, proposed []byte) error {
	fmt.Fprintf(w, "%s  %s  read %s\n%s\n\n", text.Line(d.Environment.Name), text.Line(d.Environment.URL),
		formatTime(&d.TakenAt), text.Count(len(d.Users), "application user"))
	if len(d.Users) > 0 {
		if err := table.List(w, width, []string{"application user", "", ""}, d.TableRows(verbose)); err != nil {
			return err
		}
	}
	for _, r := range d.Warnings() {
		fmt.Fprintf(w, "\n%s\n", strings.Join(text.Wrap(r, width), "\n"))
	}
	fmt.Fprintf(w, "\nProposed dbaudit.yaml (-f yaml -o FILE):\n\n%s", proposed)
	return nil
}
