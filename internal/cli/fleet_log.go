package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbaudit/dbaudit/internal/report/table"
	"github.com/dbaudit/dbaudit/internal/store"
)

func newFleetLogCommand(a *app, storeName *string) *cobra.Command {
	var limit int
	var document documentFlags
	cmd := &cobra.Command{
		Use:   "log",
		Short: "show who asked for what",
		Long: help(`Shows who added, updated, paused, resumed or removed an environment, asked for a scan or
cancelled a run, the newest first. A person is known by the sign-in to the page, else by the
user name of the session; "local" is the page without a sign-in.`, exitOK, exitUsage, exitFailure),
		Example: "  dbaudit fleet log\n  dbaudit fleet log --limit 1000 -f json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return usagef("--limit %d: want 1 or more", limit)
			}
			return withStore(cmd.Context(), a, *storeName, func(s *store.Store) error {
				deeds, err := s.Deeds(cmd.Context(), limit)
				if err != nil {
					return err
				}
				entries := append([]store.Deed{}, deeds...) // never null
				return document.put(a, map[string]any{"entries": entries}, func(w io.Writer, width int) error {
					rows := make([][]string, len(entries))
					for i, d := range entries {
						rows[i] = []string{d.At.UTC().Format(time.RFC3339), d.Who, d.What}
					}
					return table.List(w, width, []string{"when", "who", "what"}, rows)
				})
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 100, "largest `number` of entries to show")
	document.add(cmd.Flags(), "table", "json")
	return cmd
}
