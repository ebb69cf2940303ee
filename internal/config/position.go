package config

import (
	"fmt"
	"slices"
	"strings"
)

// KeyError returns an error at the position of a key of the integration, else of its environment,
// else of the top level.
func (f *File) KeyError(e Environment, message string, keys ...string) error {
	for _, path := range [][]string{e.keyPath(keys...), slices.Concat(e.path, keys)} {
		if f.doc.Has(path...) {
			return f.doc.FaultAtKey(message, path...)
		}
	}
	return f.doc.FaultAtKey(message, keys...)
}

// DuplicateProfileError returns the error for an integration with the same profile as an earlier
// one of the environment. Environment and profile together identify a result.
func (f *File) DuplicateProfileError(e Environment, profile string) error {
	return f.doc.FaultAtKey(fmt.Sprintf("the profile %s appears twice in this environment, but it must identify the result: "+
		"give the second integration a profile with a different name, in a file with extends: %[1]s", profile), e.keyPath("profile")...)
}

// keyPath returns the path of a key of the integration's entry or, without entries, of the
// environment.
func (e Environment) keyPath(keys ...string) []string {
	if e.entryPath != nil {
		return slices.Concat(e.entryPath, keys)
	}
	return slices.Concat(e.path, keys)
}

// integrationPath returns the path of a key that names the user, the role or the business unit.
func (e Environment) integrationPath(keys ...string) []string {
	if e.entryPath != nil {
		return e.keyPath(keys...)
	}
	return append(e.keyPath("integration"), keys...)
}

// The placeholders in a configuration that dbaudit init writes.
const (
	ExampleURL = "https://contoso.crm.dynamics.com"
	ExampleID  = "00000000-0000-0000-0000-000000000000"
)

// Placeholders returns the keys, with their lines, of the values that are still the placeholders of
// dbaudit init. url, clientID and appID are the values in use.
func (f *File) Placeholders(e Environment, url, clientID, appID string) []string {
	var found []string
	at := func(keys ...string) []string { return slices.Concat(e.path, keys) }
	for _, value := range []struct {
		key           string
		used, example string
		paths         [][]string
	}{
		{"url", url, ExampleURL, [][]string{at("url")}},
		{"client_id", clientID, ExampleID, [][]string{at("auth", "client_id"), {"auth", "client_id"}}},
		{"app_id", appID, ExampleID, [][]string{at("integration", "app_id")}},
	} {
		if line, ok := f.lineOf(value.paths...); ok && value.used == value.example {
			found = append(found, fmt.Sprintf("%s (line %d)", value.key, line))
		}
	}
	return found
}

// Line returns the line of the first of the keys that the file has for an integration, its
// environment, or the top level. If it has none of them, Line returns the nearest line above. The
// key of a view is "views.N".
func (f *File) Line(e Environment, keys ...string) int {
	var paths [][]string
	for _, key := range keys {
		steps := strings.Split(key, ".")
		paths = append(paths, e.keyPath(steps...), e.integrationPath(steps...), steps)
	}
	paths = append(paths, e.entryPath, slices.Concat(e.path, []string{"url"}), e.path, []string{"profile"})
	line, _ := f.lineOf(paths...)
	return line
}

// lineOf returns the line of the first path that exists. If none does, it returns 1 and false.
func (f *File) lineOf(paths ...[]string) (line int, exists bool) {
	for _, path := range paths {
		if len(path) > 0 && f.doc.Has(path...) {
			return f.doc.FaultAtKey("", path...).Line, true
		}
	}
	return 1, false
}
