package report

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// indexData is a table with a row for each of several results.
type indexData struct {
	Heading string
	Lead    string // the number of results by verdict
	Trends  bool   // whether any row has a trend
	Files   bool   // whether all results are of files
	Rows    []rowData
	Total   audit.Summary
	Fleet   *fleetData
}

type rowData struct {
	audit.Result

	Link, Name string
	Trend      *trendData
}

// addIndex adds an index of results to the page, in their order. links has the URL of each result.
func (d *pageData) addIndex(rs []audit.Result, links []string, o Options) {
	if len(rs) == 0 {
		d.Title = "dbaudit: " + text.Count(0, rowNoun(rs))
		return
	}
	index := &indexData{
		Heading: text.Count(len(rs), rowNoun(rs)), Lead: capitalize(verdictCounts(rs)), Fleet: newFleetData(rs, o.Trends),
		Files: !slices.ContainsFunc(rs, func(r audit.Result) bool { return !r.IsFile() }),
	}
	d.Index, d.Title = index, "dbaudit: "+index.Heading
	for i, r := range rs {
		row := rowData{r, links[i], o.shortenName(r.Environment.Name), newTrendData(findTrend(r, o.Trends), maxIndexBars)}
		index.Trends = index.Trends || row.Trend != nil
		index.Total.Fail += r.Summary.Fail
		index.Total.Unknown += r.Summary.Unknown
		index.Total.Waived += r.Summary.Waived
		index.Rows = append(index.Rows, row)
	}
}

// A Page is an HTML file of a report that consists of several files.
type Page struct {
	Name string // of the file, within the folder of the report
	Data []byte
}

const indexFile = "index.html"

// Pages renders a page for each environment, with all of its integrations, and then an index with the
// worst results first. It passes each page to write, and holds one page at a time.
func Pages(rs []audit.Result, o Options, write func(Page) error) error {
	t, err := parsePageTemplate()
	if err != nil {
		return fmt.Errorf("rendering html: %w", err)
	}
	render := func(name string, d pageData) error {
		var b bytes.Buffer
		if err := t.Execute(&b, d); err != nil {
			return fmt.Errorf("rendering html: %w", err)
		}
		return write(Page{name, b.Bytes()})
	}
	rs = worstFirst(rs)
	links := make([]string, len(rs))
	taken := map[string]bool{strings.TrimSuffix(indexFile, ".html"): true}
	groups := groupByEnvironment(rs)
	names := make([]string, len(groups))
	for i, group := range groups {
		names[i] = uniqueFileName(text.Line(rs[group[0]].Environment.Name), taken) + ".html"
	}
	rs = withDistinctNames(rs, &o)
	for i, group := range groups {
		members := make([]audit.Result, len(group))
		for j, index := range group {
			members[j], links[index] = rs[index], names[i]
			if len(group) > 1 {
				links[index] += "#" + anchorPrefix(j) + "result"
			}
		}
		d := newResultsPage(renderer{}.prepare(members, o), o)
		d.IndexURL = indexFile
		if err := render(names[i], d); err != nil {
			return err
		}
	}
	d := newPageData()
	d.addIndex(rs, links, o)
	return render(indexFile, d)
}

// uniqueFileName turns a name into a file name that is valid on every system and not in taken, and adds
// it to taken.
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
