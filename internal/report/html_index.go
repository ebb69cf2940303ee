package report

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

type indexData struct {
	Heading string
	Lead    string // how many came to what
	Trends  bool   // whether there is a strip in any row
	Files   bool   // whether files were judged, and no environment
	Rows    []rowData
	Total   audit.Summary
	Fleet   *fleetData
}

type rowData struct {
	audit.Result

	Link, Name string
	Trend      *trendData
}

// addIndex makes the index of several results, in their order.
func (d *pageData) addIndex(rs []audit.Result, links []string, o Options) {
	if len(rs) == 0 {
		d.Title = "dbaudit: " + count(0, rowNoun(rs))
		return
	}
	l := &indexData{
		Heading: count(len(rs), rowNoun(rs)), Lead: capitalize(verdictCounts(rs)), Fleet: newFleetData(rs, o.Trends),
		Files: !slices.ContainsFunc(rs, func(r audit.Result) bool { return !r.IsFile() }),
	}
	d.Index, d.Title = l, "dbaudit: "+l.Heading
	for i, r := range rs {
		row := rowData{r, links[i], o.shortenName(r.Environment.Name), newTrendData(findTrend(r, o.Trends), maxIndexBars)}
		l.Trends = l.Trends || row.Trend != nil
		l.Total.Fail += r.Summary.Fail
		l.Total.Unknown += r.Summary.Unknown
		l.Total.Waived += r.Summary.Waived
		l.Rows = append(l.Rows, row)
	}
}

// A Page is a file of a folder of HTML.
type Page struct {
	Name string // within the folder
	Data []byte
}

const indexFile = "index.html"

// Pages passes put a page for each environment, with all of its integrations, and then an index
// with the worst results first. It holds one page at a time.
func Pages(rs []audit.Result, o Options, put func(Page) error) error {
	t, err := parsePageTemplate()
	if err != nil {
		return fmt.Errorf("rendering html: %w", err)
	}
	page := func(name string, d pageData) error {
		var b bytes.Buffer
		if err := t.Execute(&b, d); err != nil {
			return fmt.Errorf("rendering html: %w", err)
		}
		return put(Page{name, b.Bytes()})
	}
	rs = worstFirst(rs)
	links := make([]string, len(rs))
	taken := map[string]bool{strings.TrimSuffix(indexFile, ".html"): true}
	groups := groupByEnvironment(rs)
	names := make([]string, len(groups))
	for i, group := range groups {
		names[i] = uniqueFileName(visible(rs[group[0]].Environment.Name), taken) + ".html"
	}
	o.indexURL = indexFile
	rs = withDistinctNames(rs, &o)
	for i, group := range groups {
		members := make([]audit.Result, len(group))
		for j, at := range group {
			members[j], links[at] = rs[at], names[i]
			if len(group) > 1 {
				links[at] += "#" + anchorPrefix(j) + "result"
			}
		}
		if err := page(names[i], newPage(slices.Collect(renderer{}.prepare(members, o).all()), o)); err != nil {
			return err
		}
	}
	d := newPageData()
	d.addIndex(rs, links, o)
	return page(indexFile, d)
}

// uniqueFileName makes a unique file name that is valid on every system.
func uniqueFileName(name string, taken map[string]bool) string {
	base := strings.Trim(regexp.MustCompile(`[^a-z0-9.]`).ReplaceAllString(strings.ToLower(name), "-"), "-.")
	base = cmp.Or(strings.TrimRight(base[:min(len(base), nameWidth)], "-."), "environment")
	// On Windows, names such as con and nul are devices.
	if regexp.MustCompile(`^(con|prn|aux|nul|(com|lpt)[^.])(\.|$)`).MatchString(base) {
		base = "environment-" + base
	}
	unique := base
	for n := 2; taken[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", base, n)
	}
	taken[unique] = true
	return unique
}
