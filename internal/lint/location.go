package lint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/solution"
)

// workingDirectory returns the working directory, or "" if it cannot be determined.
func workingDirectory() string {
	dir, _ := os.Getwd()
	return dir
}

// relativePath returns a path relative to a directory, if it is below the directory. Code scanning
// needs relative paths.
func relativePath(dir, name string) string {
	outer, inner, archived := strings.Cut(name, "!/")
	if outer == solution.Stdin {
		outer = "stdin"
	}
	if dir != "" && filepath.IsAbs(filepath.FromSlash(outer)) {
		if relative, err := filepath.Rel(dir, filepath.FromSlash(outer)); err == nil && filepath.IsLocal(relative) {
			outer = filepath.ToSlash(relative)
		}
	}
	outer = filepath.ToSlash(filepath.Clean(filepath.FromSlash(outer)))
	if archived {
		return outer + "!/" + inner
	}
	return outer
}

// setLocations sets the location of each control and finding in the role's file.
func setLocations(r *audit.Result, role solution.Role) {
	at := func(p solution.Position) *audit.Location {
		return &audit.Location{Path: role.File, Line: p.Line, Column: p.Column, EndColumn: p.EndColumn}
	}
	deepest := deepestEntries(role)
	for i := range r.Controls {
		control := &r.Controls[i]
		control.Location = at(role.Position)
		for j := range control.Findings {
			finding := &control.Findings[j]
			finding.Location = at(findingPosition(control.Rule, finding.Evidence, role, deepest))
		}
	}
}

// deepestEntries returns the index of the deepest entry for each privilege, by its name in lower case.
func deepestEntries(role solution.Role) map[string]int {
	deepest := make(map[string]int, len(role.Entries))
	for i, e := range role.Entries {
		key := strings.ToLower(e.Name)
		if j, ok := deepest[key]; !ok || e.Depth() > role.Entries[j].Depth() {
			deepest[key] = i
		}
	}
	return deepest
}

// findingPosition returns the position of the entry or element that a finding is about.
func findingPosition(rule string, e audit.Evidence, role solution.Role, deepest map[string]int) solution.Position {
	if number, ok := e["entry"].(json.Number); ok { // of a rule on files
		if i, err := number.Int64(); err == nil && i >= 0 && i < int64(len(role.Entries)) {
			return role.Entries[i].Position
		}
	}
	if rule == "role/custom" || rule == "lint/locked" {
		return role.CustomizablePosition
	}
	for _, name := range slices.Concat([]string{e.Text("privilege")}, e.Texts("surplus"), e.Texts("privileges")) {
		if i, ok := deepest[strings.ToLower(name)]; ok {
			return role.Entries[i].Position
		}
	}
	return role.PrivilegesPosition
}
