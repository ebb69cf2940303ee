package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

//go:embed page.gohtml
var pageTemplate string

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

// StyleSheet returns the style sheet of the HTML report, for other pages that show results.
func StyleSheet() string { return pageStyle }

// pageData is the input of the page's template. The template escapes all text for its context,
// because no text of an environment has a type that html/template trusts.
type pageData struct {
	Title    string
	Style    template.CSS
	Script   template.JS
	Policy   string // the Content-Security-Policy
	Index    *indexData
	IndexURL string                // of the index that the page belongs to, if any
	Results  iter.Seq[*resultData] // one at a time, to save memory; nil for none
}

type resultData struct {
	audit.Result

	Multiple bool   // whether the page has several results
	Prefix   string // of the anchors
	Headline string
	Basis    string // the profile and the snapshot
	Next     []step
	Facts    []fact
	Chain    *accessChain
	Matrix   *matrix
	Groups   []groupData
	Waived   []issue
	Remarks  []note
	Trend    *trendData
}

func (d *resultData) Anchor(id audit.ControlID) string { return d.Prefix + escapePath(string(id)) }

func (d *resultData) Failed() []controlData {
	if len(d.Groups) == 0 || d.Groups[0].State != "fail" {
		return nil
	}
	return d.Groups[0].Controls
}

func writeHTML(w io.Writer, set *resultSet, o Options) error {
	t, err := parsePageTemplate()
	if err != nil {
		return err
	}
	return t.Execute(w, newResultsPage(set, o))
}

func parsePageTemplate() (*template.Template, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"words": outcomeText, "line": text.Line, "lines": text.Lines, "citation": citationText, "sentence": sentenceCase, "page": pageURL,
		"mark": func(v audit.Verdict) string { return verdictTermsOf(v).mark }, "percent": percent, "verdictNote": verdictNote,
		"subject": subjectText, "facts": readableEvidence, "place": locationText,
		"rank":  func(r audit.Result) int { return -int(r.WorstSeverity()) }, // the worst first
		"worst": func(r audit.Result) string { return severityOr(r.WorstSeverity(), "–") },
	}).Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("parsing the page's template: %w", err)
	}
	return t, nil
}

// newResultsPage returns a page of one result, or of several with an index.
func newResultsPage(set *resultSet, o Options) pageData {
	d, rs := newPageData(), worstFirst(set.results)
	if len(rs) == 1 {
		d.Title = fmt.Sprintf("dbaudit: %s is %s", rs[0].Environment.Name, rs[0].Verdict)
	} else {
		links := make([]string, len(rs))
		for i := range rs {
			links[i] = "#" + anchorPrefix(i) + "result"
		}
		d.addIndex(rs, links, o)
	}
	if len(rs) > 0 {
		d.Results = func(yield func(*resultData) bool) {
			for i, r := range rs {
				prefix := ""
				if len(rs) > 1 {
					prefix = anchorPrefix(i)
				}
				if !yield(newResultData(set.convert(r), o, prefix)) {
					return
				}
			}
		}
	}
	return d
}

func anchorPrefix(i int) string { return fmt.Sprintf("e%d-", i+1) }

func newPageData() pageData {
	return pageData{
		Title: "dbaudit", Style: template.CSS(pageStyle), Script: template.JS(pageScript),
		// The page loads nothing. Only its own style sheet and script take effect.
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; style-src '" + sha256Base64(pageStyle) + "'; script-src '" + sha256Base64(pageScript) + "'",
	}
}

// sha256Base64 returns the SHA-256 hash of s as a Content-Security-Policy writes it.
func sha256Base64(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func newResultData(r audit.Result, o Options, prefix string) *resultData {
	basis := snapshotTime(r.Snapshot)
	if basis != "" {
		basis = "snapshot " + basis
	}
	d := &resultData{
		Result: r, Prefix: prefix, Multiple: prefix != "",
		// The heading of the page has the name.
		Headline: capitalize(strings.TrimLeft(strings.TrimPrefix(headline(r), r.Environment.Name), ": ")),
		Basis:    joinNonBlank("; ", r.Profile.Title, basis), Next: nextSteps(r, o), Facts: resultFacts(r), Remarks: notesOf(r),
		Trend: newTrendData(findTrend(r, o.Trends), maxStripBars),
	}
	d.Matrix, d.Groups = newMatrix(r, d.Anchor), d.groupControls(r, o)
	if !r.IsFile() { // a file has roles, but no users and views
		d.Chain = newAccessChain(r)
	}
	d.Waived = slices.DeleteFunc(issuesOf(r, false), func(i issue) bool { return !i.isWaived() })
	return d
}
