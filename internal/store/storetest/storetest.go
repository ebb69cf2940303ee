// Package storetest provides empty stores in SQLite and PostgreSQL for tests.
package storetest

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the drivers
	_ "modernc.org/sqlite"
)

// OnBoth runs a test in parallel with the name of an empty store in SQLite and of one in PostgreSQL.
func OnBoth(t *testing.T, test func(t *testing.T, name string)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, filepath.Join(t.TempDir(), "fleet.db")) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, Postgres(t)) })
}

// Database opens the database of a store.
func Database(tb testing.TB, name string) *sql.DB {
	tb.Helper()
	driver, source := "sqlite", name+"?_pragma=busy_timeout(15000)" // the store has it open too
	if strings.HasPrefix(name, "postgres") {
		driver, source = "pgx", name
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// Postgres returns the URL of an empty schema on the server in DBAUDIT_TEST_POSTGRES. Without a
// server it skips the test.
func Postgres(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv("DBAUDIT_TEST_POSTGRES")
	if server == "" {
		tb.Skip("DBAUDIT_TEST_POSTGRES names no server: scripts/with-postgres starts one")
	}
	db := Database(tb, server)
	schema := fmt.Sprintf("t%d", time.Now().UnixNano())
	if _, err := db.ExecContext(tb.Context(), "CREATE SCHEMA "+schema); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _, _ = db.Exec("DROP SCHEMA " + schema + " CASCADE") })
	u, err := url.Parse(server)
	if err != nil {
		tb.Fatal(err)
	}
	u.RawQuery = url.Values{"search_path": {schema}}.Encode()
	return u.String()
}
