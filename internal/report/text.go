package report

import "github.com/dbaudit/dbaudit/internal/report/text"

// The renderers' short names for what package text does.

func visible(s string) string            { return text.Line(s) }
func md(s string) string                 { return text.Markdown(s) }
func shorten(s string, width int) string { return text.Shorten(s, width) }

// name is a name, cut if space is limited.
func name(s string) string { return text.Name(s, nameColumns) }

func wrap(s string, width int) []string { return text.Wrap(s, width) }
func columns(s string) int              { return text.Columns(s) }
func count(n int, noun string) string   { return text.Count(n, noun) }
