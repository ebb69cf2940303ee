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

// A recordingConn is a connection that keeps the queries it is asked.
type recordingConn struct {
	driver.Conn

	queries *[]string
}

func (l recordingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	*l.queries = append(*l.queries, query)
	return l.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (l recordingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return l.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (l recordingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return l.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

type recordingConnector struct {
	driver  driver.Driver
	file    string
	queries *[]string
}

func (l recordingConnector) Driver() driver.Driver { return l.driver }

func (l recordingConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := l.driver.Open(l.file)
	return recordingConn{conn, l.queries}, err
}

// TestPlans: no reading goes through a table that grows with each scan. SQLite's plan of a
// query does not depend on what is stored, because the store keeps no statistics.
func TestPlans(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fleet.db")
	made, err := Open(t.Context(), file, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	var heard []string
	s := &Store{db: sql.OpenDB(recordingConnector{made.db.Driver(), file, &heard}), now: time.Now}
	defer s.Close()
	s.db.SetMaxOpenConns(1)
	ctx := t.Context()
	within := func(do func(*Tx) error) func() error { return func() error { return s.InTx(ctx, do) } }
	for name, read := range map[string]func() error{
		"Fleet":            func() error { _, err := s.FleetStatus(ctx); return err },
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
		heard = nil
		if err := read(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(heard) == 0 {
			t.Errorf("%s asks nothing", name)
		}
		for _, query := range slices.Clone(heard) {
			if steps := explain(t, made.db, query); scansGrowingTable(steps) {
				t.Errorf("%s goes through a whole table:\n%s\n%s", name, query, strings.Join(steps, "\n"))
			}
		}
	}
}

func explain(t *testing.T, db *sql.DB, query string) (steps []string) {
	t.Helper()
	most := 0
	for _, place := range regexp.MustCompile(`\$\d+`).FindAllString(query, -1) {
		most = max(most, int(place[1]-'0'))
	}
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, most)...)
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

// scansGrowingTable reports whether a plan goes through a table that grows with each scan, or through an
// index of all of it. A partial index holds what is so now.
func scansGrowingTable(steps []string) bool {
	grows := regexp.MustCompile(`^SCAN (run|result|document|finding_span|control_span|alert|[rsfcd])\b`)
	now := regexp.MustCompile(`USING (COVERING )?INDEX (finding_span_open|finding_span_unwaived|control_span_latest|control_span_in_last|alert_open)$`)
	return slices.ContainsFunc(steps, func(step string) bool { return grows.MatchString(step) && !now.MatchString(step) })
}
