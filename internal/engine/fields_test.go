package engine_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// readElsewhere returns the fields that no policy reads, each with the package that reads it and
// the purpose.
func readElsewhere() map[string]string {
	return map[string]string{
		"environment.name":            "cli: names the result",
		"environment.organization_id": "engine: fingerprints",
		"environment.url":             "report: addresses of fixes",
		"organization.id":             "compare: the same organization",
		"organization.name":           "compare: what it is called",
		"tool.name":                   "report: which program wrote it",
		"tool.version":                "report: which program wrote it",
		"shares.inherited":            "plan: what only the record above gives",
		"users.object_id":             "plan: which user to act on behalf of",
	}
}

// TestFieldsAreRead proves that a policy reads each field of the snapshot's rows, or that another
// package does, as readElsewhere lists.
func TestFieldsAreRead(t *testing.T) {
	t.Parallel()
	read := readByPolicies(t, "../../policy/dbaudit")
	known := readElsewhere()
	for field, goName := range fieldsOf() {
		by, listed := known[field]
		switch {
		case read[field] && listed:
			t.Errorf("%s is read by a policy: delete it from the list", field)
		case read[field]:
		case !listed:
			t.Errorf("%s is collected, and no policy reads it: judge it, or do not collect it", field)
		case !mentions(t, "../"+strings.Split(by, ":")[0], "."+goName):
			t.Errorf("the list says that %s is read by %s, which does not mention it", field, by)
		}
		delete(known, field)
	}
	for field := range known {
		t.Errorf("the snapshot has no field %s", field)
	}
}

// fieldsOf returns the Go names of the fields of the snapshot's rows by section.field.
func fieldsOf() map[string]string {
	fields := map[string]string{}
	whole := reflect.TypeFor[snapshot.Snapshot]()
	for i := range whole.NumField() {
		section := tag(whole.Field(i))
		record := whole.Field(i).Type
		for record.Kind() == reflect.Map || record.Kind() == reflect.Slice {
			record = record.Elem()
		}
		if record.Kind() != reflect.Struct || record.PkgPath() == "time" || section == "role_entries" { // lines of a file
			continue
		}
		for j := range record.NumField() {
			fields[section+"."+tag(record.Field(j))] = record.Field(j).Name
		}
	}
	return fields
}

func tag(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// readByPolicies finds the fields that policies read: by a path from input, or through a variable
// for a row.
func readByPolicies(t *testing.T, dir string) map[string]bool {
	t.Helper()
	path := regexp.MustCompile(`input\.(\w+)(?:\[(?:[^\[\]]|\[[^\]]*\])*\])*\.(\w+)`)
	bound := regexp.MustCompile(`(?:some (?:\w+, )?(\w+) in|(\w+) :=) input\.(\w+)`)
	got := regexp.MustCompile(`object\.get\((?:input\.(\w+)(?:\[[^,]*\])?|(\w+)), "(\w+)"`)
	read := map[string]bool{}
	walk(t, dir, ".rego", func(text string) {
		sections := map[string][]string{}
		for _, m := range bound.FindAllStringSubmatch(text, -1) {
			for _, variable := range m[1:3] {
				if variable != "" {
					sections[variable] = append(sections[variable], m[3])
				}
			}
		}
		for _, m := range path.FindAllStringSubmatch(text, -1) {
			read[m[1]+"."+m[2]] = true
		}
		for _, m := range got.FindAllStringSubmatch(text, -1) {
			read[m[1]+"."+m[3]] = true
			for _, section := range sections[m[2]] {
				read[section+"."+m[3]] = true
			}
		}
		for variable, of := range sections {
			for _, m := range regexp.MustCompile(`\b`+variable+`\.(\w+)`).FindAllStringSubmatch(text, -1) {
				for _, section := range of {
					read[section+"."+m[1]] = true
				}
			}
		}
	})
	return read
}

func mentions(t *testing.T, dir, word string) (found bool) {
	t.Helper()
	exact := regexp.MustCompile(regexp.QuoteMeta(word) + `\b`)
	walk(t, dir, ".go", func(text string) { found = found || exact.MatchString(text) })
	return found
}

func walk(t *testing.T, dir, ext string, see func(text string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		base := strings.TrimSuffix(d.Name(), ext)
		if err != nil || d.IsDir() || base == d.Name() || strings.HasSuffix(base, "_test") || slices.Contains(strings.Split(path, "/"), "testing") {
			return err
		}
		data, err := os.ReadFile(path)
		see(string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
