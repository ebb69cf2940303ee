package config

import (
	"fmt"
	"slices"
)

// BadDepth is the error for a name in depth: that has no effect.
func (f *File) BadDepth(e Environment, privilege, message string) error {
	if e.Depth != nil {
		return f.doc.FaultAtKey(message, e.at("depth", privilege)...)
	}
	return f.doc.FaultAtKey(message, "depth", privilege)
}

// Repeated is the error for an integration with the same profile as an earlier one:
// environment and profile identify a result.
func (f *File) Repeated(e Environment, profile string) error {
	return f.doc.FaultAtKey(fmt.Sprintf("the profile %s appears twice in this environment, but it must identify the result: "+
		"give the second integration a profile of its own name, a file that extends: %[1]s", profile), e.at("profile")...)
}

// at is the path of something about an integration, or about the environment if it has
// only one.
func (e Environment) at(keys ...string) []string {
	if e.entry != nil {
		return append(slices.Clone(e.entry), keys...)
	}
	return append(slices.Clone(e.path), keys...)
}

// of is the path of something that names the user, the role or the business unit.
func (e Environment) of(keys ...string) []string {
	if e.entry != nil {
		return e.at(keys...)
	}
	return append(e.at("integration"), keys...)
}

// The placeholders that dbaudit init writes.
const (
	ExampleURL = "https://contoso.crm.dynamics.com"
	ExampleID  = "00000000-0000-0000-0000-000000000000"
)

// line is the line of the first of the paths that exists.
func (f *File) line(paths ...[]string) (int, bool) {
	for _, path := range paths {
		if f.doc.Has(path...) {
			return f.doc.FaultAtKey("", path...).Line, true
		}
	}
	return 0, false
}

// Examples names each of the used values that is still the one that dbaudit init wrote,
// with its line.
func (f *File) Examples(e Environment, url, clientID, appID string) (keys []string, lines []int) {
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
		if line, ok := f.line(value.paths...); ok && value.used == value.example {
			keys, lines = append(keys, value.key), append(lines, line)
		}
	}
	slices.Sort(lines)
	return keys, lines
}

// A Topic is what a line of the configuration states about an environment.
type Topic int

// The topics. The zero value is the environment as a whole.
const (
	TopicEnvironment Topic = iota
	TopicProfile
	TopicRole
	TopicUser
	TopicBusinessUnit
	TopicViews
	TopicView
)

// Line is the line that states a topic for an environment: the nearest that
// there is. For TopicView, view is the view's place in the environment's list.
func (f *File) Line(e Environment, topic Topic, view int) int {
	at := e.at
	var candidates [][]string
	switch topic {
	case TopicView:
		candidates = [][]string{at("views", fmt.Sprint(view)), at("views")}
	case TopicViews:
		candidates = [][]string{at("views")}
	case TopicRole:
		candidates = [][]string{e.of("role"), e.of()}
	case TopicUser:
		candidates = [][]string{e.of("app_id"), e.of("user"), e.of()}
	case TopicBusinessUnit:
		candidates = [][]string{at("business_unit"), e.of("business_unit"), e.of()}
	case TopicProfile:
		if e.entry != nil {
			candidates = [][]string{at("profile")}
		}
		candidates = append(candidates, []string{"profile"})
	case TopicEnvironment:
	}
	candidates = append(candidates, e.entry, append(slices.Clone(e.path), "url"), e.path, []string{"profile"})
	for _, path := range candidates {
		if len(path) > 0 && f.doc.Has(path...) {
			return f.doc.FaultAtKey("", path...).Line
		}
	}
	return 1
}
