package config

import (
	"fmt"
	"slices"
	"strings"
)

// KeyError is the error for a key that an integration has, else its environment, else the top.
func (f *File) KeyError(e Environment, message string, keys ...string) error {
	for _, path := range [][]string{e.keyPath(keys...), append(slices.Clone(e.path), keys...)} {
		if f.doc.Has(path...) {
			return f.doc.FaultAtKey(message, path...)
		}
	}
	return f.doc.FaultAtKey(message, keys...)
}

// DuplicateProfileError is the error for an integration with the same profile as an earlier one:
// environment and profile identify a result.
func (f *File) DuplicateProfileError(e Environment, profile string) error {
	return f.doc.FaultAtKey(fmt.Sprintf("the profile %s appears twice in this environment, but it must identify the result: "+
		"give the second integration a profile with a different name, in a file with extends: %[1]s", profile), e.keyPath("profile")...)
}

// keyPath is the path of something about an integration, or about the environment if it has
// only one.
func (e Environment) keyPath(keys ...string) []string {
	if e.entryPath != nil {
		return append(slices.Clone(e.entryPath), keys...)
	}
	return append(slices.Clone(e.path), keys...)
}

// integrationPath is the path of something that names the user, the role or the business unit.
func (e Environment) integrationPath(keys ...string) []string {
	if e.entryPath != nil {
		return e.keyPath(keys...)
	}
	return append(e.keyPath("integration"), keys...)
}

// The placeholders that dbaudit init writes.
const (
	ExampleURL = "https://contoso.crm.dynamics.com"
	ExampleID  = "00000000-0000-0000-0000-000000000000"
)

// Placeholders names each of the used values that is still the one that dbaudit init wrote,
// with its line.
func (f *File) Placeholders(e Environment, url, clientID, appID string) (keys []string, lines []int) {
	at := func(keys ...string) []string { return append(slices.Clone(e.path), keys...) }
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
			keys, lines = append(keys, value.key), append(lines, line)
		}
	}
	slices.Sort(lines)
	return keys, lines
}

// Line is the line of the first of the keys that the file has for an integration, its
// environment or all environments; else the nearest line above. A view is "views.N".
func (f *File) Line(e Environment, keys ...string) int {
	var paths [][]string
	for _, key := range keys {
		steps := strings.Split(key, ".")
		paths = append(paths, e.keyPath(steps...), e.integrationPath(steps...), steps)
	}
	paths = append(paths, e.entryPath, append(slices.Clone(e.path), "url"), e.path, []string{"profile"})
	line, _ := f.lineOf(paths...)
	return line
}

// lineOf is the line of the first of the paths that exists, or 1.
func (f *File) lineOf(paths ...[]string) (line int, exists bool) {
	for _, path := range paths {
		if len(path) > 0 && f.doc.Has(path...) {
			return f.doc.FaultAtKey("", path...).Line, true
		}
	}
	return 1, false
}
