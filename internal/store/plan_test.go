package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
)

type recordingConn struct {
	driver.Conn

	queries *[]string
}

func (c recordingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	*c.queries = append(*c.queries, query)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c recordingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c recordingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

type recordingConnector struct {
	driver  driver.Driver
	file    string
	queries *[]string
}

func (c recordingConnector) Driver() driver.Driver { return c.driver }

func (c recordingConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.file)
	return recordingConn{conn, c.queries}, err
}

// TestPlans checks that no method scans a table that grows with each run. SQLite's plan of a query
// does not depend on the stored rows, because the store has no statistics.
func TestPlans(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fleet.db")
	opened, err := Open(t.Context(), file, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	var queries []string
	s := &Store{db: sql.OpenDB(recordingConnector{opened.db.Driver(), file, &queries}), now: time.Now}
	defer s.Close()
	s.db.SetMaxOpenConns(1)
	ctx := t.Context()
	within := func(do func(*Tx) error) func() error { return func() error { return s.InTx(ctx, do) } }
	for name, read := range map[string]func() error{
		"Fleet":            func() error { _, err := s.Status(ctx, ""); return err },
		"Status":           func() error { _, err := s.Status(ctx, "a"); return err },
		"OpenFindings":     func() error { _, err := s.OpenFindings(ctx, "a"); return err },
		"all OpenFindings": func() error { _, err := s.OpenFindings(ctx, ""); return err },
		"Findings":         func() error { _, err := s.Findings(ctx, "a"); return err },
		"Changes":          func() error { _, err := s.RecentChanges(ctx, "a", 9); return err },
		"ControlSpans":     func() error { _, err := s.ControlSpans(ctx, "a", "b"); return err },
		"Control":          func() error { _, err := s.ControlStatuses(ctx, "A"); return err },
		"Controls":         func() error { _, err := s.ControlCounts(ctx); return err },
		"Trend":            func() error { _, err := s.Trend(ctx, "a", "b", time.Now()); return err },
		"Days":             func() error { _, err := s.Days(ctx, time.Now()); return err },
		"Waiting":          func() error { _, err := s.CountUnfinishedRuns(ctx); return err },
		"Workers":          func() error { _, err := s.Workers(ctx, time.Now()); return err },
		"Runs":             func() error { _, err := s.Runs(ctx, "a", 0, 9); return err },
		"Failing":          func() error { _, err := s.FailingRuns(ctx); return err },
		"Result":           func() error { _, _ = s.Result(ctx, 1, "b"); return nil },
		"Results":          func() error { return s.Results(ctx, "a", func(audit.Result) error { return nil }) },
		"Alerts":           func() error { _, _ = s.Alerts(ctx, []int64{1}); return nil },
		"Due":              within(func(tx *Tx) error { _, err := tx.DueEnvironments(ctx, 9); return err }),
		"Orphans":          within(func(tx *Tx) error { _, err := tx.OrphanedRuns(ctx); return err }),
		"OpenAlerts":       within(func(tx *Tx) error { _, err := tx.OpenAlerts(ctx); return err }),
	} {
		queries = nil
		if err := read(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(queries) == 0 {
			t.Errorf("%s sends no query", name)
		}
		for _, query := range slices.Clone(queries) {
			if steps := explain(t, opened.db, query); scansGrowingTable(steps) {
				t.Errorf("%s scans a whole table:\n%s\n%s", name, query, strings.Join(steps, "\n"))
			}
		}
	}
}

func explain(t *testing.T, db *sql.DB, query string) (steps []string) {
	t.Helper()
	args := 0
	for _, placeholder := range regexp.MustCompile(`\$\d+`).FindAllString(query, -1) {
		args = max(args, int(placeholder[1]-'0'))
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, args)...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// scansGrowingTable reports whether a plan scans a table that grows with each run, or a whole index
// of it. Partial indexes contain only current rows.
func scansGrowingTable(steps []string) bool {
	grows := regexp.MustCompile(`^SCAN (run|result|document|finding_span|control_span|alert|[rsfcd])\b`)
	partial := regexp.MustCompile(`USING (COVERING )?INDEX (finding_span_open|finding_span_unwaived|control_span_latest|control_span_in_last|alert_open)$`)
	return slices.ContainsFunc(steps, func(step string) bool { return grows.MatchString(step) && !partial.MatchString(step) })
}
