package discovery_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
	"github.com/dbaudit/dbaudit/internal/discovery"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

const appID = "00000000-0000-0000-0000-000000000002"

// TestHostileNames checks that a name from the environment does not break a line of the table, and that the
// configuration can be read back.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{
		"one\ntwo", "\x1b[31mred\x1b[0m", "\u202egpj.exe", "a: b # c", "'quoted'", `"`, "- x", "{a: b}", "::error::x", "true", "0x10", "null", " space ", "*anchor", "%TAG",
	} {
		s := snapshot.New()
		s.Environment = snapshot.Environment{Name: name, URL: "https://contoso.crm.dynamics.com"}
		user := audit.Subject{Kind: audit.SubjectUser, ID: "id", Name: name}
		d := discovery.New(s, audit.Tool{Name: "dbaudit"}, nil, engine.Discovery{
			Users: []engine.DiscoveredUser{{
				User: user, ApplicationID: appID, BusinessUnit: name, Disabled: true, Unknown: []string{name},
				Roles:     []engine.DiscoveredRole{{Name: name, Administrator: "System Customizer", Ways: []string{name}, Reservations: []string{name}}, {Name: name}},
				Dangerous: []engine.DangerousPrivilege{{Name: "prv" + name, Lets: "delete"}},
			}},
			Integrations: []engine.Proposal{{Profile: "demandbase", ApplicationID: appID, Role: name, User: user}},
			PassedOver:   []engine.PassedOverUser{{Profile: "modjo", User: user}},
			Unread:       []engine.UnreadSection{{Section: "teams", State: "failed", Reason: name}},
		})
		data, err := d.Configuration()
		if err != nil {
			t.Fatal(err)
		}
		file, err := config.Parse("dbaudit.yaml", data)
		if err != nil {
			t.Errorf("%q: %v\n%s", name, err, data)
			continue
		}
		entry := file.Integrations[0]
		if len(file.Integrations) != 1 || entry.AppID != appID || entry.Profile != "demandbase" || entry.Role != name && entry.Role != "" {
			t.Errorf("%q is read as %+v\n%s", name, file.Integrations, data)
		}
		if entry.Role == "" && strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
			t.Errorf("%q is omitted", name)
		}
		for _, row := range d.TableRows(true) {
			for _, cell := range row {
				if strings.IndexFunc(cell, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
					t.Errorf("%q: the cell %q", name, cell)
				}
			}
		}
		if len(d.Warnings()) != 2 || d.Complete() {
			t.Errorf("%q: warnings %q", name, d.Warnings())
		}
	}
}

// TestManyDangers checks that the table names some dangerous privileges and counts the others, and names all if it is
// verbose.
func TestManyDangers(t *testing.T) {
	dangers := make([]engine.DangerousPrivilege, 9)
	d := discovery.Document{Discovery: engine.Discovery{Users: []engine.DiscoveredUser{{Dangerous: dangers, Roles: []engine.DiscoveredRole{{}}}}}}
	if rows := d.TableRows(false); len(rows) != 8 || !strings.Contains(rows[7][2], "and 4 more") {
		t.Errorf("got %q", rows)
	}
	if rows := d.TableRows(true); len(rows) != 11 {
		t.Errorf("got %q", rows)
	}
}

// TestOnePrivilege checks that a profile with one privilege reads well.
func TestOnePrivilege(t *testing.T) {
	one := 1
	for want, granted := range map[string]*int{"granted 1 of 1 privilege": &one, "could not read how many of 1 privilege are granted": nil} {
		d := discovery.Document{Discovery: engine.Discovery{Users: []engine.DiscoveredUser{{Fits: []engine.Fit{{Granted: granted, Required: 1}}}}}}
		if rows := d.TableRows(false); !strings.HasSuffix(rows[1][2], want) {
			t.Errorf("got %q, want %q", rows, want)
		}
	}
}

// TestNoRole checks that the table says that a user has no role only if everything was read.
func TestNoRole(t *testing.T) {
	d := discovery.Document{Discovery: engine.Discovery{Users: make([]engine.DiscoveredUser, 1)}}
	if rows := d.TableRows(false); rows[1][2] != "none" {
		t.Errorf("got %q", rows)
	}
	d.Unread = []engine.UnreadSection{{Section: "teams", State: "forbidden"}}
	if rows := d.TableRows(false); rows[1][2] != "none that could be read" {
		t.Errorf("got %q", rows)
	}
}
