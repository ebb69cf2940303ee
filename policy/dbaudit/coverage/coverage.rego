# METADATA
# title: Coverage
# description: >-
#   Which sections of the input were read, and why others were not. A section without an entry was not read.
package dbaudit.coverage

# METADATA
# description: Whether a section was read.
was_read(section) if input.coverage[section].state == "collected"

# METADATA
# description: Why a section was not read, or only in part, as the end of a sentence; empty if no reason is stated.
detail(section) := sprintf(": %s", [input.coverage[section].detail]) if {
	input.coverage[section].detail != ""
} else := ""
