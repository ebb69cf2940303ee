package audit

import "strings"

// A Rule is the documentation of one rule of the policies, taken from its
// METADATA. Reports, explain and the pages are made from it.
type Rule struct {
	// ID is category/name, such as "role/privileges".
	ID          string
	Title       string
	Description string
	Severity    Severity
	// Requires names the snapshot sections without which the rule cannot judge.
	Requires []string
	// Fixes are the kinds of fix that the rule may propose; nil for any, as for a rule that
	// does not say.
	Fixes []FixKind
	// Consequence says what breaks if the rule is not met.
	Consequence string
	// Remediation says how to meet it, in a sentence or two.
	Remediation string
	Resources   []Resource
}

// A Resource is a page that a rule or a control is based on.
type Resource struct {
	Title string
	URL   string
}

// Release is the version that this source becomes.
const Release = "0.1.0"

// SchemaURL is where editors find the schema of a kind of file, of this version.
func SchemaURL(kind string) string {
	return "https://raw.githubusercontent.com/dbaudit/dbaudit/v" + Release + "/schema/" + kind + ".json"
}

// HelpURL is where the documentation of this version speaks of a control.
func HelpURL(id ControlID) string {
	return "https://github.com/dbaudit/dbaudit/blob/v" + Release + "/docs/controls/README.md#" + Anchor(id)
}

// Anchor is the place of a control in the table of its profile.
func Anchor(id ControlID) string { return strings.ToLower(string(id)) }
