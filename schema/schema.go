// Package schema embeds the JSON schemas of the files that dbaudit reads and writes. The schema of
// snapshots is in the package policy, because snapshots are the input of the policies.
package schema

import "embed"

// Files contains a schema for each kind of document.
//
//go:embed *.json
var Files embed.FS
