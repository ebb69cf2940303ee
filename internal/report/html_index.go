package report

import (
	"slices"

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
