package cli

import (
	"cmp"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/doctor"
	"github.com/dbaudit/dbaudit/internal/report/text"
	"github.com/dbaudit/dbaudit/internal/run"
)

//go:embed guide.txt
var guideText string

// printGuide prints how the auditor is set up, filled in with what is known. Unknown values
// are in capitals, so that a command that was copied too early fails.
func printGuide(a *app, conn run.Connection, req run.Wanted) error {
	url, client := cmp.Or(conn.URL, a.Getenv("DBAUDIT_URL")), cmp.Or(conn.Auth.ClientID, a.Getenv("DBAUDIT_CLIENT_ID"))
	file, err := a.Configuration()
	if err != nil {
		return err
	}
	first := file.All()[0]
	url = cmp.Or(url, replaced(first.URL))
	if first.Auth != nil {
		client = cmp.Or(client, replaced(first.Auth.ClientID))
	}
	client = cmp.Or(client, replaced(file.Auth.ClientID))
	if origin, err := dataverse.ParseEnvironment(url); url != "" && err == nil {
		url = origin // a browser's address, or a host alone
	}
	p, err := a.Profile(a.ProfileName(file, req))
	if err != nil {
		return err
	}
	var b strings.Builder
	parsed, err := template.New("guide").Parse(guideText)
	if err != nil {
		return fmt.Errorf("writing the guide: %w", err)
	}
	if err := parsed.Execute(&b, map[string]string{
		"URL": shellSafe(cmp.Or(url, "https://ORG.crm.dynamics.com")), "Client": shellSafe(cmp.Or(client, "APPLICATION-ID")),
		"HasClient": client, "Role": doctor.RoleName, "Why": doctor.WhyImpersonate, "Profile": p.Name, "Title": p.Title,
	}); err != nil {
		return fmt.Errorf("writing the guide: %w", err)
	}
	return a.Put("", []byte(text.WrapLines(b.String(), a.Width)))
}

// replaced is a value of the configuration; the examples that dbaudit init writes do not
// count.
func replaced(value string) string {
	if value == config.ExampleURL || value == config.ExampleID {
		return ""
	}
	return value
}

// shellSafe keeps what a shell would act on out of a command that is copied.
func shellSafe(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-._:/", r):
			return r
		}
		return -1
	}, s)
}
