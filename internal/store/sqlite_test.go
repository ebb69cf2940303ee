package store

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSQLiteSettings checks that commits are durable, that a writer waits for another one, and that
// only the owner can read the file.
func TestSQLiteSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a folder ? of #1", "fleet.db")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), "sqlite:"+file, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "15000", "foreign_keys": "1"} {
		var got string
		if err := s.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q: %v", pragma, got, want, err)
		}
	}
	if n := s.db.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("the file's mode is %o, want its owner alone", mode)
	}
}

// TestOpenWaits checks that Open waits while another process writes a file without a write-ahead
// log. SQLite itself returns an error at once.
func TestOpenWaits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "store.db")
	other, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "CREATE TABLE other (n)"); err != nil {
		t.Fatal(err)
	}
	writing, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writing.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { _, _ = writing.ExecContext(context.Background(), "ROLLBACK") })
	s, err := Open(t.Context(), file, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
