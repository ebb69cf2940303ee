package store_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/store"
	"github.com/dbaudit/dbaudit/internal/store/storetest"
)

// TestNewerStore checks that a store of a later version is refused with advice.
func TestNewerStore(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		c := newClock()
		s := open(t, name, c)
		if version, err := s.Version(t.Context()); err != nil || version != store.SchemaVersion {
			t.Fatalf("version %d, want %d: %v", version, store.SchemaVersion, err)
		}
		addEnvironments(t, s, time.Hour, "contoso")
		must.Get(storetest.Database(t, name).ExecContext(t.Context(), "INSERT INTO schema_version (version, at) VALUES (1000, 0)"))
		// Another process has migrated the open store.
		if _, _, err := s.Start(t.Context(), 1, "w", "1"); !errors.Is(err, store.ErrNewerVersion) {
			t.Errorf("an open store that was migrated: %v", err)
		}
		_, err := store.Open(t.Context(), name, store.Options{Now: c.now, Migrate: true})
		if !errors.Is(err, store.ErrNewerVersion) || !strings.Contains(err.Error(), "later version of dbaudit (its schema is 1000") {
			t.Errorf("a store of a later version: %v", err)
		}
	})
}

// fill inserts two scans as a version of dbaudit did. Control A failed in both; B passed
// in the first and was unknown in the second.
func fill(t *testing.T, name string, version int, c *clock) {
	t.Helper()
	r := result("contoso", "1", c.at, fail("A", "x"), unknown("B"))
	text := must.Get(json.Marshal(r))
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	must.Get(w.Write(text))
	must.Do(t, w.Close())
	db := storetest.Database(t, name)
	at := c.at.UnixMicro()
	for _, statement := range []string{
		`INSERT INTO environment (name, tenant_id, url, organization_id, config, credential_ref, every, jitter, paused, next_due, labels, created_at, last_run)
			VALUES ('contoso', '', 'https://contoso.crm.dynamics.com', '` + organization + `', 'x', '', 3600000000, 0, FALSE, {at}, '{"stage":"test"}', {at}, 2)`,
		`INSERT INTO integration (environment_id, name, profile, organization_id, retired, results, verdict, since, last_run, last_result_at, last_complete_at)
			VALUES (1, 'demandbase', 'sha256:1', '` + organization + `', FALSE, 2, 'noncompliant', {at}, 2, {at}, {at})`,
		`INSERT INTO run (environment_id, period, trigger, state, attempt, failures, queued_at, started_at, ended_at, error_code, error, worker, tool_version)
			VALUES (1, 1, 'schedule', 'noncompliant', 1, 0, {at}, {at}, {at}, '', '', 'w', '1'), (1, 2, 'schedule', 'noncompliant', 1, 0, {at}, {at}, {at}, '', '', 'w', '1')`,
		`INSERT INTO result (run_id, integration_id, seq, taken_at, evaluated_at, digest, verdict, profile_version, profile_digest, pass, fail, unknown, not_applicable, waived, findings, document_sha)
			VALUES (1, 1, 1, {at}, {at}, 'd', 'noncompliant', '1', 'sha256:1', 1, 1, 0, 0, 0, 1, 's'), (2, 1, 2, {at}, {at}, 'd', 'noncompliant', '1', 'sha256:1', 0, 1, 1, 0, 0, 1, 's')`,
		`INSERT INTO finding_span (integration_id, fingerprint, control, severity, message, waived, profile, first_run, last_seen_run, opened, reason)
			VALUES (1, 'f', 'A', 'high', 'x is missing', FALSE, 'sha256:1', 1, 2, 'first-scan', '')`,
		`INSERT INTO control_span (integration_id, control, severity, outcome, profile, opened, from_run, to_run, latest) VALUES
			(1, 'A', 'high', 'fail', 'sha256:1', 'first-scan', 1, 2, TRUE),
			(1, 'B', 'high', 'pass', 'sha256:1', 'first-scan', 1, 1, TRUE),
			(1, 'B', 'high', 'unknown', 'sha256:1', '', 2, 2, TRUE)`,
	} {
		if strings.HasPrefix(statement, "INSERT INTO result") {
			must.Get(db.ExecContext(t.Context(), "INSERT INTO document (sha, body) VALUES ('s', $1)", body.Bytes()))
		}
		must.Get(db.ExecContext(t.Context(), strings.ReplaceAll(statement, "{at}", fmt.Sprint(at))))
	}
	if version >= 3 {
		must.Get(db.ExecContext(t.Context(), "UPDATE control_span SET in_last = TRUE WHERE latest AND to_run = 2"))
	}
}

// TestMigrate checks that a migration from each earlier version keeps the data, and that such a store
// is refused without a migration.
func TestMigrate(t *testing.T) {
	for version := 1; version < store.SchemaVersion; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			storetest.OnBoth(t, func(t *testing.T, name string) {
				c := newClock()
				must.Do(t, store.SetUpAt(t.Context(), name, version))
				fill(t, name, version, c)
				if _, err := store.Open(t.Context(), name, store.Options{Now: c.now}); !errors.Is(err, store.ErrOutdated) {
					t.Errorf("without migrating: %v", err)
				}
				s := must.Get(store.Open(t.Context(), name, store.Options{Now: c.now, Migrate: true, MustExist: true}))
				t.Cleanup(func() { s.Close() })
				st := status(t, s, "contoso")
				if st.Verdict != audit.VerdictNoncompliant || st.OpenFindings() != 1 || st.LastRun.ID != 2 || s.Created() {
					t.Errorf("after the migration: %+v", st)
				}
				if r := must.Get(s.Result(t.Context(), 2, "demandbase")); len(r.Controls) != 2 {
					t.Errorf("the result: %+v", r)
				}
				outcome := func(id audit.ControlID, want audit.Outcome) {
					t.Helper()
					if list := must.Get(s.ControlStatuses(t.Context(), id)); len(list) != 1 || list[0].Outcome != want {
						t.Errorf("%s is %+v, want %s", id, list, want)
					}
				}
				outcome("A", audit.OutcomeFail)
				outcome("B", audit.OutcomeUnknown)
				scan(t, s, c, "contoso", result("contoso", "1", c.at, pass("A"), pass("B")))
				outcome("A", audit.OutcomePass)
				outcome("B", audit.OutcomePass)
				if spans := must.Get(s.ControlSpans(t.Context(), "contoso", "demandbase")); len(spans) != 4 {
					t.Errorf("the span in which B passes is interrupted: %+v", spans)
				}
			})
		})
	}
}

// TestImportAfterMigration checks that a result of an earlier version, which did not store what it was
// judged by, counts if the configuration is the same.
func TestImportAfterMigration(t *testing.T) {
	for config, reconfigured := range map[string]bool{"x": false, "y": true} {
		t.Run(config, func(t *testing.T) {
			storetest.OnBoth(t, func(t *testing.T, name string) {
				c := newClock()
				must.Do(t, store.SetUpAt(t.Context(), name, 3))
				fill(t, name, 3, c)
				s := must.Get(store.Open(t.Context(), name, store.Options{Now: c.now, Migrate: true}))
				t.Cleanup(func() { s.Close() })
				e := store.Environment{Name: "contoso", Every: time.Hour, Config: config, Requirements: store.Requirements{"demandbase": "r"}}
				for range 2 {
					must.Get(s.Import(t.Context(), "jane", []store.Environment{e}))
					if st := status(t, s, "contoso"); st.Reconfigured != reconfigured || st.Stale != reconfigured {
						t.Errorf("status: %+v, want reconfigured %t", st, reconfigured)
					}
				}
			})
		})
	}
}

// TestMustExist checks that Options.MustExist creates no store.
func TestMustExist(t *testing.T) {
	storetest.OnBoth(t, func(t *testing.T, name string) {
		_, err := store.Open(t.Context(), name, store.Options{Now: time.Now, MustExist: true})
		if err == nil || !strings.Contains(err.Error(), "--store") {
			t.Errorf("no store: %v", err)
		}
		if s := open(t, name, newClock()); !s.Created() {
			t.Error("Created reports false for a new store")
		}
	})
}

// TestConnectionErrors checks that the error of a connection is one line of advice without the
// password.
func TestConnectionErrors(t *testing.T) {
	t.Parallel()
	withoutTLS := must.Get(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { withoutTLS.Close() })
	go func() {
		for {
			conn, err := withoutTLS.Accept()
			if err != nil {
				return
			}
			_, _ = io.CopyN(io.Discard, conn, 8) // the request for TLS
			_, _ = conn.Write([]byte("N"))
			_ = conn.Close()
		}
	}()
	for name, want := range map[string]string{
		"postgres://u:geheim@" + withoutTLS.Addr().String() + "/fleet?sslmode=require": "cannot be reached: tls error: server refused TLS connection: check",
		"postgres://u:geheim@127.0.0.1:1/fleet":                                        "PostgreSQL at 127.0.0.1:1 cannot be reached: connection refused: check",
		"postgres://u:geheim@nowhere.invalid/fleet":                                    "PostgreSQL at nowhere.invalid:5432 cannot be reached: the name of the host is not known",
		"postgres://u:geheim@127.0.0.1:1,127.0.0.1:2/fleet":                            "connection refused",
		"postgres://u:geheim@127.0.0.1:1/fleet?sslmode=what":                           "the store's URL is not valid",
		"postgres://u:geheim@127.0.0.1:1/fleet?sslrootcert=/none":                      "the store's URL is not valid",
	} {
		_, err := store.Open(t.Context(), name, store.Options{Now: time.Now})
		if err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n\t") || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// TestPostgresRefusals checks the same for refusals by the server.
func TestPostgresRefusals(t *testing.T) {
	server := os.Getenv("DBAUDIT_TEST_POSTGRES")
	if server == "" {
		t.Skip("DBAUDIT_TEST_POSTGRES names no server: scripts/with-postgres starts one")
	}
	for old, changed := range map[string][2]string{
		"/postgres": {"/nothing", "it has no database nothing: create it"},
		"dbaudit@":  {"nobody@", `role "nobody" does not exist`},
	} {
		_, err := store.Open(t.Context(), strings.Replace(server, old, changed[0], 1), store.Options{Now: time.Now})
		if err == nil || !strings.Contains(err.Error(), changed[1]) || strings.ContainsAny(err.Error(), "\n\t") {
			t.Errorf("%s: %v, want %s", changed[0], err, changed[1])
		}
	}
}
