package audit

import "strings"

// Release is the version of dbaudit that this source code builds.
const Release = "0.1.0"

// SchemaURL returns the URL at which editors find this version's schema for a kind of file, such
// as "config".
func SchemaURL(kind string) string {
	return "https://raw.githubusercontent.com/dbaudit/dbaudit/v" + Release + "/schema/" + kind + ".json"
}

// HelpURL returns the URL of this version's documentation of a control.
func HelpURL(id ControlID) string {
	return "https://github.com/dbaudit/dbaudit/blob/v" + Release + "/docs/controls/README.md#" + Anchor(id)
}

// Anchor returns the HTML anchor of a control in the documentation of its profile.
func Anchor(id ControlID) string { return strings.ToLower(string(id)) }
