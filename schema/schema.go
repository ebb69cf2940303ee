// Package schema embeds the JSON schemas of the files that dbaudit reads and
// writes. The snapshot's own stands with the policies, whose input it is.
package schema

import "embed"

// Files holds the schemas, one file for each kind of document.
//
//go:embed *.json
var Files embed.FS
