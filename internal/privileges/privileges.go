// Package privileges is the table of the standard privileges of Dataverse: their
// names as it spells them, and the access levels that each can be granted at.
package privileges

import (
	_ "embed"
	"strings"
)

//go:embed privileges.tsv
var table string

// A Privilege is one line of the table.
type Privilege struct {
	Name string
	// Depths are the letters of the access levels, shallowest first: B basic, L local,
	// D deep, G global. They are empty where no source says.
	Depths string
	// ID is empty where no source says.
	ID string
}

// Standard lists the privileges, in the order of their names.
func Standard() []Privilege {
	var all []Privilege
	for line := range strings.Lines(table) {
		columns := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(columns) < 3 || columns[0] == "name" {
			continue // a comment, or the header
		}
		p := Privilege{Name: columns[0], Depths: strings.TrimPrefix(columns[1], "-")}
		if len(columns) == 4 {
			p.ID = columns[3]
		}
		all = append(all, p)
	}
	return all
}
