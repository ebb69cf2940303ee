package recording_test

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/recording"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// testSnapshot returns a snapshot with names of each kind.
func testSnapshot() *snapshot.Snapshot {
	s := snapshot.New()
	s.Organization.Name = "Contoso"
	s.BusinessUnits["unit"] = snapshot.BusinessUnit{Name: "contoso"}
	s.Users["app"] = snapshot.User{Name: "# Acme sync", ApplicationID: "app-1"}
	s.Users["jane"] = snapshot.User{Name: "Jane Doe", DomainName: "jane@contoso.com"}
	s.Teams["team"] = snapshot.Team{Name: "Contoso"}
	s.Coverage[snapshot.SectionViews] = snapshot.Coverage{Detail: `the views of "Jane Doe" were refused`}
	s.Coverage[snapshot.SectionShares] = snapshot.Coverage{Detail: "prvReadPOA is missing; Contosoland is not a name"}
	s.Requirement.BusinessUnit = "CONTOSO"
	s.Requirement.Views = []snapshot.RequiredView{{Name: "Accounts", Owner: "Jane@contoso.com", Table: "account"}}
	return s
}

func TestPseudonyms(t *testing.T) {
	s := testSnapshot()
	p, err := recording.Pseudonymize(s, "acme")
	if err != nil {
		t.Fatal(err)
	}
	unit := p.Requirement.BusinessUnit
	if unit == "CONTOSO" || p.Organization.Name != unit || p.BusinessUnits["unit"].Name != unit || p.Teams["team"].Name != unit {
		t.Errorf("one name has several pseudonyms: %q, %q, %+v, %+v", unit, p.Organization.Name, p.BusinessUnits, p.Teams)
	}
	if v := p.Requirement.Views[0]; v.Owner != p.Users["jane"].DomainName || v.Owner == "jane@contoso.com" || v.Name == "Accounts" || v.Table != "account" {
		t.Errorf("the required view is %+v, its owner %+v", v, p.Users["jane"])
	}
	if !p.Requirement.MatchesUser(p.Users["app"], "acme") || p.Users["app"].Name == s.Users["app"].Name {
		t.Errorf("the integration user is %+v", p.Users["app"])
	}
	if p.Coverage[snapshot.SectionViews].Detail != "the reason is left out, because it contains a name" ||
		p.Coverage[snapshot.SectionShares] != s.Coverage[snapshot.SectionShares] {
		t.Errorf("the reasons are %+v", p.Coverage)
	}
	if s.Requirement.Views[0].Name != "Accounts" || s.Users["jane"].Name != "Jane Doe" {
		t.Error("the caller's snapshot has changed")
	}
}

// TestPseudonymMatchesPattern checks the error for a pseudonym that contains the pattern by chance, because another
// user would be judged.
func TestPseudonymMatchesPattern(t *testing.T) {
	s := testSnapshot()
	s.Users["other"] = snapshot.User{Name: "Somebody of the night shift", ApplicationID: "app-2"}
	if _, err := recording.Pseudonymize(s, "xxx"); err == nil {
		t.Error("another user would be judged")
	}
}

// TestPseudonymsOfEveryName checks that each field of a snapshot that has a name is replaced, or is in the list of
// fields that stay. The name of the field shows that it has a name.
func TestPseudonymsOfEveryName(t *testing.T) {
	s := snapshot.New()
	filled := map[string]string{}
	fill(reflect.ValueOf(s).Elem(), "", filled)
	p, err := recording.Pseudonymize(s, "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var stay []string
	for path, text := range filled {
		if regexp.MustCompile(`(Name|Owner|Detail|Title|User|BusinessUnit)$`).MatchString(path) && strings.Contains(string(data), `"`+text+`"`) {
			stay = append(stay, path)
		}
	}
	slices.Sort(stay)
	if want := []string{
		".Coverage.Detail", // contains no name here
		".Environment.Name", ".RoleEntries.Name", ".Roles.Name", ".Tool.Name",
	}; !slices.Equal(stay, want) {
		t.Errorf("unchanged names: %q, want %q", stay, want)
	}
}

// fill sets each string of a value to a different word, and records it by the path of its field.
func fill(v reflect.Value, path string, filled map[string]string) {
	switch v.Kind() {
	case reflect.String:
		filled[path] = fmt.Sprintf("text%03d", len(filled))
		v.SetString(filled[path])
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), path+"."+v.Type().Field(i).Name, filled)
			}
		}
	case reflect.Slice:
		item := reflect.New(v.Type().Elem()).Elem()
		fill(item, path, filled)
		v.Set(reflect.Append(v, item))
	case reflect.Map:
		item := reflect.New(v.Type().Elem()).Elem()
		fill(item, path, filled)
		key := reflect.New(v.Type().Key()).Elem()
		if key.Kind() == reflect.String {
			key.SetString("key")
		}
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, item)
	default:
	}
}
