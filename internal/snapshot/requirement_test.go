package snapshot_test

import (
	"testing"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

func TestMatchesUser(t *testing.T) {
	app := snapshot.User{ApplicationID: "AB-1", Name: "# DemandBase", DomainName: "app@contoso.com"}
	person := snapshot.User{Name: "Demandbase Admin", DomainName: "jane@contoso.com"}
	tests := []struct {
		name        string
		requirement snapshot.Requirement
		user        snapshot.User
		pattern     string
		want        bool
	}{
		{"application id", snapshot.Requirement{ApplicationID: "ab-1"}, app, "", true},
		{"another application id", snapshot.Requirement{ApplicationID: "ab-2"}, app, pattern, false},
		{"application id before user", snapshot.Requirement{ApplicationID: "ab-2", User: "app@contoso.com"}, app, pattern, false},
		{"principal name", snapshot.Requirement{User: "JANE@CONTOSO.COM"}, person, "", true},
		{"another principal name", snapshot.Requirement{User: "bob@contoso.com"}, person, pattern, false},
		{"pattern", snapshot.Requirement{}, app, pattern, true},
		{"pattern, but a person", snapshot.Requirement{}, person, pattern, false},
		{"another pattern", snapshot.Requirement{}, app, "zoominfo", false},
		{"not a pattern:", snapshot.Requirement{}, app, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.requirement.MatchesUser(tt.user, tt.pattern); got != tt.want {
				t.Errorf("fits is %v, want %v", got, tt.want)
			}
		})
	}
}

func TestMatchesRole(t *testing.T) {
	tests := []struct {
		required, name, pattern string
		want                    bool
	}{
		{"My Role", "MY ROLE", pattern, true},
		{"My Role", "Demandbase", pattern, false},
		{"", "my DEMANDBASE role", pattern, true},
		{"", "my role", pattern, false},
		{"", "my role", "", false},
		// Like the policies, compare in lower case.
		{"İntegration", "integration", pattern, true},
		{"Kelvin", "\u212Aelvin", pattern, true},
		{"Strasse", "\u017Ftrasse", pattern, false},
	}
	for _, tt := range tests {
		if got := (snapshot.Requirement{Role: tt.required}).MatchesRole(tt.name, tt.pattern); got != tt.want {
			t.Errorf("%q for %q is %v, want %v", tt.name, tt.required, got, tt.want)
		}
	}
}

func TestIntegrationUser(t *testing.T) {
	s := sample(t)
	if id, ok := s.IntegrationUser(pattern); id != "user" || !ok {
		t.Errorf("user is %q, %v", id, ok)
	}
	if id, ok := s.IntegrationUser("nobody"); id != "" || ok {
		t.Errorf("nobody is %q, %v", id, ok)
	}
	s.Users["twin"] = snapshot.User{ApplicationID: "another", Name: "demandbase"}
	if id, ok := s.IntegrationUser(pattern); id != "" || ok {
		t.Errorf("one of two is %q, %v", id, ok)
	}
}
