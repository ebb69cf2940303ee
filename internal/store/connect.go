package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
)

const (
	lockTimeout    = 15 * time.Second // how long a process waits while another process has locked an SQLite file
	sqliteBusy     = 5                // SQLITE_BUSY, the lower byte of a result code (sqlite.org/rescode.html)
	poolSize       = 16               // the number of connections to PostgreSQL that a process may have
	connectTimeout = 10 * time.Second // how long a host may take to answer, unless the URL sets connect_timeout
)

// retryWhileLocked repeats do while another process has locked the SQLite file. SQLite itself
// does not wait when it turns on the write-ahead log, nor while the last other connection cleans
// up (sqlite.org/wal.html, section 11).
func (s *Store) retryWhileLocked(ctx context.Context, do func() error) error {
	timeout := time.After(lockTimeout)
	for {
		err := do()
		var locked *sqlite.Error
		if !errors.As(err, &locked) || locked.Code()&0xff != sqliteBusy {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout:
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// IsPostgres reports whether a URL names a PostgreSQL database.
func IsPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// HasPassword reports whether a PostgreSQL URL contains a password, or may contain one because
// it cannot be parsed.
func HasPassword(name string) bool {
	u, err := url.Parse(name)
	if err != nil || !IsPostgres(name) {
		return IsPostgres(name)
	}
	_, set := u.User.Password()
	return set || u.Query().Has("password")
}

func openPostgres(name string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(name)
	if err != nil {
		return nil, errors.New("the store's URL is not valid: want postgres://USER@HOST:PORT/DATABASE; the password is taken from PGPASSWORD or PGPASSFILE")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	db := sql.OpenDB(&connector{Connector: stdlib.GetConnector(*config), config: config.Config})
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// A connector connects to PostgreSQL. Its errors are one line of advice. The driver's own errors
// have several lines and contain the configuration.
type connector struct {
	driver.Connector

	config pgconn.Config
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	server := "PostgreSQL at " + net.JoinHostPort(c.config.Host, fmt.Sprint(c.config.Port))
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return nil, errors.New(server + ": " + c.refusalReason(refused))
	}
	return nil, fmt.Errorf("%s cannot be reached: %s: check that it runs, and the host and the port in DBAUDIT_STORE or --store", server, connectFailure(err))
}

// refusalReason says why the server refuses a connection, with advice. Appendix A of PostgreSQL's
// manual lists the codes.
func (c *connector) refusalReason(err *pgconn.PgError) string {
	switch err.Code {
	case "28P01", "28000":
		return err.Message + ": set PGPASSWORD or PGPASSFILE, and check the user and the server's pg_hba.conf"
	case "3D000":
		return "it has no database " + c.config.Database + ": create it, or name another"
	case "42501":
		return "the user " + c.config.User + " may not use the database " + c.config.Database + ": grant it CONNECT"
	case "53300":
		return "it has no free connection: raise max_connections, or run fewer processes of dbaudit"
	}
	return err.Message
}

// connectFailure returns the cause of a failed connection, without the server's address.
func connectFailure(err error) string {
	var unknown *net.DNSError
	var call *os.SyscallError
	var timeout net.Error
	switch {
	case errors.As(err, &unknown):
		return "the name of the host is not known"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it does not respond in time"
	case errors.As(err, &call):
		return call.Err.Error()
	}
	// One line for each address that was tried: ADDRESS (HOST): CAUSE.
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	cause := lines[len(lines)-1]
	if i := strings.LastIndex(cause, "): "); i >= 0 {
		cause = cause[i+len("): "):]
	}
	return strings.TrimSpace(cause)
}

// openSQLite opens an SQLite file on a local disk with one connection, because SQLite has one
// writer. A commit returns when its data is on the disk.
func openSQLite(file string, mustExist bool) (*sql.DB, error) {
	if file == "" {
		return nil, errors.New("the store is not named: want a file or postgres://USER@HOST:PORT/DATABASE")
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	flags := os.O_RDWR
	if !mustExist {
		flags |= os.O_CREATE
	}
	err = createFile(absolute, flags)
	if mustExist && errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the store %s does not exist: dbaudit fleet import and dbaudit serve create one; name another with --store or DBAUDIT_STORE", file)
	}
	if err != nil { // an *os.PathError: the message has the path
		return nil, fmt.Errorf("the store %s cannot be opened: %w: it is a file that you may write, in a folder that exists; name another with --store or DBAUDIT_STORE", file, errors.Unwrap(err))
	}
	db, err := sql.Open("sqlite", sqliteURL(absolute))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

func sqliteURL(file string) string {
	path := filepath.ToSlash(file)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/…
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", lockTimeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
	}.Encode()}
	return u.String()
}

// createFile opens a file with the flags and closes it. Only the owner can read a new file.
func createFile(name string, flags int) error {
	file, err := os.OpenFile(name, flags, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}
