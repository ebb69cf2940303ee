package run

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/config"
)

// Locate gives each control and finding of a live environment its place in the
// checkout: the line of the configuration that states the requirement, because
// code scanning refuses a result without a file.
func Locate(r *audit.Result, file *config.File, env config.Environment) {
	path := config.DefaultName
	if filepath.IsLocal(file.Name()) {
		path = filepath.ToSlash(filepath.Clean(file.Name()))
	}
	at := func(topic config.Topic, view int) *audit.Location {
		return &audit.Location{Path: path, Line: file.Line(env, topic, view)}
	}
	for i := range r.Controls {
		control := &r.Controls[i]
		control.Location = at(topicOf(control.Rule), 0)
		for j := range control.Findings {
			finding := &control.Findings[j]
			if finding.Subject.Kind != audit.SubjectRequiredView {
				continue
			}
			view := slices.IndexFunc(env.Views, func(v config.View) bool {
				return strings.EqualFold(v.Table, finding.Subject.Table) && strings.EqualFold(v.Name, finding.Subject.Name)
			})
			if view >= 0 {
				finding.Location = at(config.TopicView, view)
			}
		}
	}
}

func topicOf(rule string) config.Topic {
	category, _, _ := strings.Cut(rule, "/")
	switch {
	case rule == "user/business-unit":
		return config.TopicBusinessUnit
	case category == "user":
		return config.TopicUser
	case category == "role":
		return config.TopicRole
	case category == "view":
		return config.TopicViews
	}
	return config.TopicProfile
}
