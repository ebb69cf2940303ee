// Package storetest gives tests an empty store in PostgreSQL.
package storetest

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// Postgres is the URL of an empty schema of the server that DBAUDIT_TEST_POSTGRES names;
// without one the test is skipped.
func Postgres(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv("DBAUDIT_TEST_POSTGRES")
	if server == "" {
		tb.Skip("DBAUDIT_TEST_POSTGRES names no server: scripts/with-postgres starts one")
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		tb.Fatal(err)
	}
	schema := fmt.Sprintf("t%d", time.Now().UnixNano())
	if _, err := db.ExecContext(tb.Context(), "CREATE SCHEMA "+schema); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_, _ = db.Exec("DROP SCHEMA " + schema + " CASCADE")
		_ = db.Close()
	})
	u, err := url.Parse(server)
	if err != nil {
		tb.Fatal(err)
	}
	u.RawQuery = url.Values{"search_path": {schema}}.Encode()
	return u.String()
}
