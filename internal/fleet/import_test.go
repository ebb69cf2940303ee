package fleet_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/fleet"
	"github.com/dbaudit/dbaudit/internal/must"
	"github.com/dbaudit/dbaudit/internal/run"
)

// TestSecretEnds checks that an import sets when a client secret ends, and changes it.
func TestSecretEnds(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir()+"/fleet.db")
	runner := &run.Runner{Host: run.Host{Getenv: func(string) string { return "" }, Now: time.Now}}
	importCSV := func(rows string) error {
		files, err := fleet.ParseCSV("clients.csv", []byte("name,url,client_id,secret_env,certificate,secret_ends\n"+rows))
		if err != nil {
			return err
		}
		list, err := fleet.Environments(runner, files)
		if err != nil {
			return err
		}
		_, err = s.Import(t.Context(), "jane", list)
		return err
	}
	const (
		secret      = "secret,https://a.crm.dynamics.com,11111111-1111-1111-1111-111111111111,SECRET,,"
		certificate = "certificate,https://b.crm.dynamics.com,11111111-1111-1111-1111-111111111111,,auditor.pem,"
	)
	for i, test := range []struct{ rows, secret, certificate string }{
		{secret + "2027-01-31\n" + certificate + "\n", "2027-01-31", "2027-05-05"},
		{secret + "2028-01-31\n" + certificate + "\n", "2028-01-31", "2027-05-05"},
		{secret + "\n" + certificate + "\n", "0001-01-01", "2027-05-05"},
	} {
		must.Do(t, importCSV(test.rows))
		for name, want := range map[string]string{"secret": test.secret, "certificate": test.certificate} {
			if name == "certificate" && i == 0 { // as a scan does
				must.Do(t, s.SetCredentialEnds(t.Context(), name, time.Date(2027, 5, 5, 0, 0, 0, 0, time.UTC)))
			}
			if got := must.Get(s.Status(t.Context(), name))[0].Environment.CredentialEnds; got.Format(time.DateOnly) != want {
				t.Errorf("%s: %v, want %s", name, got, want)
			}
		}
	}
	for _, wrong := range []string{"2027-13-45", "soon"} {
		if err := importCSV(secret + wrong + "\n"); err == nil || !strings.Contains(err.Error(), "secret_ends") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// TestImportedFiles checks that a worker gets the files that an import of the same configuration reads:
// the secret and the waivers next to the configuration, and the certificate in the working directory.
func TestImportedFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	here := must.Get(os.Getwd())
	must.Do(t, os.MkdirAll("clients/eu", 0o700))
	for _, name := range []string{"w.yaml", "waivers.yaml"} {
		must.Do(t, os.WriteFile("clients/eu/"+name, []byte("waivers: []\n"), 0o600))
	}
	runner := &run.Runner{Host: run.Host{Getenv: func(string) string { return "" }, Now: time.Now}}
	const text = "auth: {client_id: 11111111-1111-1111-1111-111111111111, secret: {file: secret.txt}}\n" +
		"environments:\n  a: {url: https://a.crm.dynamics.com}\n  b:\n    url: https://b.crm.dynamics.com\n    auth: {certificate: b.pem, certificate_password: {file: ../b.txt}}\n"
	for _, name := range []string{"clients/eu/dbaudit.yaml", here + "/clients/eu/dbaudit.yaml"} {
		for waivers, want := range map[string]string{"": "waivers.yaml", "waivers: w.yaml\n": "w.yaml"} {
			file := must.Get(config.Parse(name, []byte(text+waivers)))
			for i, e := range must.Get(fleet.Environments(runner, []*config.File{file})) {
				imported := must.Get(config.Parse("store", []byte(e.Config)))
				got := []string{imported.Waivers, imported.Auth.Secret.File}
				expected := []string{here + "/clients/eu/" + want, here + "/clients/eu/secret.txt"}
				if i == 1 {
					auth := imported.Environments["b"].Auth
					got, expected = append(got, auth.Certificate, auth.CertificatePassword.File), append(expected, here+"/b.pem", here+"/clients/b.txt")
				}
				if !slices.Equal(got, expected) {
					t.Errorf("%s: the files are %q, want %q", name, got, expected)
				}
			}
		}
	}
}

// TestDuplicateName checks that two environments of an import cannot have the same name.
func TestDuplicateName(t *testing.T) {
	t.Parallel()
	files := must.Get(fleet.ParseCSV("clients.csv", []byte("name,url\na,https://a.crm.dynamics.com\nb,https://b.crm.dynamics.com\na,https://c.crm.dynamics.com\n")))
	runner := &run.Runner{Host: run.Host{Getenv: func(string) string { return "" }, Now: time.Now}}
	if _, err := fleet.Environments(runner, files); err == nil || !strings.Contains(err.Error(), "the environment a appears twice") {
		t.Errorf("the same name twice: %v", err)
	}
}

// TestWaiversReadOnce checks that an import parses a file of waivers once, and not for each row of a CSV
// file: 100 rows must not need much more memory than one.
func TestWaiversReadOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	waiver := "  - {control: DB-PRIV-LEAD, environment: e0, kind: accepted-risk, owner: me, reason: a reason that says why, expires: " + time.Now().AddDate(0, 0, 90).Format(time.DateOnly) + ", subject: s"
	text := "waivers:\n"
	for i := range 200 {
		text += fmt.Sprintf("%s%d}\n", waiver, i)
	}
	must.Do(t, os.WriteFile("waivers.yaml", []byte(text), 0o600))
	runner := &run.Runner{Host: run.Host{Getenv: func(string) string { return "" }, Now: time.Now}}
	allocations := func(rows int) float64 {
		document := "name,url\n"
		for i := range rows {
			document += fmt.Sprintf("e%d,https://e%[1]d.crm.dynamics.com\n", i)
		}
		files := must.Get(fleet.ParseCSV("clients.csv", []byte(document)))
		return testing.AllocsPerRun(1, func() { must.Get(fleet.Environments(runner, files)) })
	}
	if one, all := allocations(1), allocations(100); all > 5*one {
		t.Errorf("100 rows need %.0f allocations, and one needs %.0f", all, one)
	}
}
