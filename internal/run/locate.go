package run

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
)

// LocateFindings sets the location of each control and finding to the line of the configuration that
// states the requirement. Code scanning requires a file for each result.
func LocateFindings(r *audit.Result, file *config.File, env config.Environment) {
	path := config.DefaultName
	if filepath.IsLocal(file.Name()) {
		path = filepath.ToSlash(filepath.Clean(file.Name()))
	}
	at := func(keys ...string) *audit.Location {
		return &audit.Location{Path: path, Line: file.Line(env, keys...)}
	}
	for i := range r.Controls {
		control := &r.Controls[i]
		control.Location = at(configurationKeys(control.Rule)...)
		for j := range control.Findings {
			finding := &control.Findings[j]
			if finding.Subject.Kind != audit.SubjectRequiredView {
				continue
			}
			key := audit.ViewKey(finding.Subject.Table, finding.Subject.Name)
			view := slices.IndexFunc(env.Views, func(v config.View) bool { return audit.ViewKey(v.Table, v.Name) == key })
			if view >= 0 {
				finding.Location = at(fmt.Sprintf("views.%d", view), "views")
			}
		}
	}
}

// configurationKeys returns the keys of the configuration that may state what a rule requires, the
// most specific first.
func configurationKeys(rule string) []string {
	category, _, _ := strings.Cut(rule, "/")
	switch {
	case rule == "user/business-unit":
		return []string{"business_unit", "integration"}
	case category == "user":
		return []string{"app_id", "user", "integration"}
	case category == "role":
		return []string{"role", "integration"}
	case category == "view":
		return []string{"views"}
	}
	return []string{"profile"}
}
