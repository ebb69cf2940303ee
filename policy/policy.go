// Package policy embeds the policies: the Rego tree, the profiles, and the JSON
// schema of the input that both are written against.
//
// It neither parses nor evaluates. The tree is laid out so that stock tools run it
// unchanged: `opa test policy`, `opa eval -d policy -i snapshot.json
// data.dbaudit.findings`.
package policy

import "embed"

// Files holds dbaudit/ (the rules and their libraries), platform/ (what Dataverse grants by
// itself), profiles/ and schema/.
//
//go:embed dbaudit platform profiles schema
var Files embed.FS
