package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/change"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

//go:embed page.gohtml
var pageTemplate string

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

// stepsShown is for how many findings of a control the steps of the fix are
// spelled out; the others keep the sentence. They go the same way.
const stepsShown = 100

// pageData is what the template shows. All text in it is visible already, and the
// template escapes it once more for where it stands; nothing of the environment is
// ever of a type that the template trusts.
type pageData struct {
	Title   string
	Heading string // of the index
	Lead    string // how many came to what, for several
	Style   template.CSS
	Script  template.JS
	Policy  string // the Content-Security-Policy
	Trends  bool   // whether the index has a strip in any row
	Files   bool   // whether files were judged, and no environment
	Several bool   // whether there is an index
	Rows    []rowData
	Total   audit.Summary
	Fleet   *fleetData
	Index   string // where the index is, for a page that belongs to one
	Results []resultData
}

// rowData is a row of the index.
type rowData struct {
	Link, Name, Verdict, Mark, Worst, Percent string

	Rank    int // of the worst failure, least is worst
	Summary audit.Summary
	Trend   *trendData
}

type resultData struct {
	Anchor   string
	Name     string
	Verdict  string
	Mark     string
	Headline string
	Basis    string
	Next     []step
	Facts    []factData
	Tiles    []tileData
	Coverage string
	Chain    *chain
	Matrix   *matrix
	Failed   []failedData
	Groups   []groupData
	Waivers  []waiverData
	Notes    []noteData
	Several  bool
	Percent  string
	Trend    *trendData
}

// failedData is a row of the table of what failed: the first finding of a control.
type failedData struct {
	Severity, Anchor, What, Fix string

	More int // findings beside the first
}

type factData struct {
	Name, Value string
	URL         string
	Code        bool
}

type tileData struct {
	State, Name string
	Count       int
}

type groupData struct {
	State    string
	Title    string
	Folded   bool
	Count    int
	Shared   []sharedData
	Controls []controlData
}

// sharedData is controls that were not judged for one reason.
type sharedData struct {
	Title, Reason string
	Controls      []controlData
}

type controlData struct {
	Anchor   string
	ID       string
	Heading  string // the one finding's sentence, or else the title
	Single   bool   // whether the heading is a finding's
	Title    string
	Severity string
	Outcome  string
	Original string
	Reason   string
	Citation string
	Why      string
	Page     string
	Notes    []string
	Findings []findingData
}

type findingData struct {
	Anchor      string
	Message     string
	Subject     string
	Baseline    string
	Waiver      string
	Evidence    []datum
	Found       string // where the fault is
	Required    string // or else where it is required
	Fingerprint string
	Fix         string
	Who         string
	Portal      [][]piece
	Requests    []requestData
	Commands    []string
	Curl        []string
	PowerShell  []string
}

type requestData struct{ Purpose, Text string }

type waiverData struct {
	Anchor, Control, Finding, Kind, Owner, Expires, Reason string
}

type noteData struct{ About, Text string }

func writeHTML(w io.Writer, rs []audit.Result, o Options) error {
	t, err := parsedPage()
	if err != nil {
		return err
	}
	return t.Execute(w, pageOf(rs, o))
}

func parsedPage() (*template.Template, error) {
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("parsing the page's template: %w", err)
	}
	return t, nil
}

// pageOf is the page of all results.
func pageOf(rs []audit.Result, o Options) pageData {
	d := emptyPage()
	d.Index = o.index
	if len(rs) == 1 {
		d.Results = append(d.Results, resultPage(rs[0], o, ""))
		d.Title = fmt.Sprintf("dbaudit: %s is %s", d.Results[0].Name, d.Results[0].Verdict)
		return d
	}
	links := make([]string, len(rs))
	rs = worstFirst(rs)
	for i, r := range rs {
		links[i] = "#" + prefix(i) + "result"
		d.Results = append(d.Results, resultPage(r, o, prefix(i)))
	}
	d.list(rs, links, o)
	return d
}

// prefix begins the anchors of one of several results on a page.
func prefix(i int) string { return fmt.Sprintf("e%d-", i+1) }

// A Page is a file of a folder of HTML.
type Page struct {
	Name string // within the folder
	Data []byte
}

// indexPage is the name of the index in a folder of pages.
const indexPage = "index.html"

// Pages hands over an index of the results, worst first, and a page for each, one by
// one: all of a thousand environments need not be held at once. The integrations of an
// environment share a page.
func Pages(rs []audit.Result, o Options, put func(Page) error) error {
	rs, err := canonical(rs)
	if err != nil {
		return fmt.Errorf("rendering html: %w", err)
	}
	t, err := parsedPage()
	if err != nil {
		return fmt.Errorf("rendering html: %w", err)
	}
	rs = worstFirst(rs)
	links := make([]string, len(rs))
	taken := map[string]bool{strings.TrimSuffix(indexPage, ".html"): true}
	o.index = indexPage
	groups := byEnvironment(rs)
	names := make([]string, len(groups))
	for i, group := range groups {
		names[i] = fileName(rs[group[0]].Environment.Name, taken) + ".html"
	}
	apart(rs)
	for i, group := range groups {
		members := make([]audit.Result, len(group))
		for j, at := range group {
			members[j], links[at] = rs[at], names[i]
			if len(group) > 1 {
				links[at] += "#" + prefix(j) + "result"
			}
		}
		var b bytes.Buffer
		if err := t.Execute(&b, pageOf(members, o)); err != nil {
			return fmt.Errorf("rendering html: %w", err)
		}
		if err := put(Page{names[i], b.Bytes()}); err != nil {
			return err
		}
	}
	d := emptyPage()
	d.list(rs, links, o)
	var b bytes.Buffer
	if err := t.Execute(&b, d); err != nil {
		return fmt.Errorf("rendering html: %w", err)
	}
	return put(Page{indexPage, b.Bytes()})
}

// fileName makes a name of a file that every system takes, and that no other has.
func fileName(name string, taken map[string]bool) string {
	base := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '.':
			return r
		}
		return '-'
	}, strings.ToLower(name)), "-.")
	base = strings.TrimRight(base[:min(len(base), nameColumns)], "-.")
	if base == "" {
		base = "environment"
	}
	// Windows keeps names such as con and nul for devices.
	switch stem, _, _ := strings.Cut(base, "."); {
	case stem == "con", stem == "prn", stem == "aux", stem == "nul",
		len(stem) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt")):
		base = "environment-" + base
	}
	unique := base
	for n := 2; taken[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", base, n)
	}
	taken[unique] = true
	return unique
}

// emptyPage is a page with nothing on it.
func emptyPage() pageData {
	return pageData{
		Title: "dbaudit", Style: template.CSS(pageStyle), Script: template.JS(pageScript),
		// No source of any kind may be loaded, and only our own style and script run.
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; style-src '" + hash(pageStyle) + "'; script-src '" + hash(pageScript) + "'",
	}
}

// list makes the index of several results, in their order.
func (d *pageData) list(rs []audit.Result, links []string, o Options) {
	d.Several = len(rs) > 0
	d.Files = !slices.ContainsFunc(rs, func(r audit.Result) bool { return !ofFile(r) })
	d.Heading = count(len(rs), rowsOf(rs))
	d.Title = "dbaudit: " + d.Heading
	d.Lead = capital(verdicts(rs))
	d.Fleet = fleetOf(rs, o.Trends)
	for i, r := range rs {
		worst := "–"
		if w := r.Worst(); w != audit.SeverityInvalid {
			worst = w.String()
		}
		trend := trendOf(r, o.Trends, listShown)
		d.Trends = d.Trends || trend != nil
		d.Total.Fail += r.Summary.Fail
		d.Total.Unknown += r.Summary.Unknown
		d.Total.Waived += r.Summary.Waived
		d.Rows = append(d.Rows, rowData{
			Link: links[i], Name: o.name(visible(r.Environment.Name)), Verdict: r.Verdict.String(), Mark: markOf(r.Verdict),
			Worst: worst, Rank: -int(r.Worst()), Percent: percent(r.Summary), Summary: r.Summary, Trend: trend,
		})
	}
}

// hash is a source expression of a Content-Security-Policy.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func resultPage(r audit.Result, o Options, prefix string) resultData {
	anchor := func(id audit.ControlID) string { return prefix + escapePath(string(id)) }
	s := r.Summary
	// The name is in the heading.
	told := capital(strings.TrimLeft(strings.TrimPrefix(headline(r), visible(r.Environment.Name)), ": "))
	d := resultData{
		Anchor: prefix + "result", Several: prefix != "", Name: visible(r.Environment.Name), Verdict: r.Verdict.String(), Mark: markOf(r.Verdict),
		Headline: told, Basis: basis(r), Next: nextSteps(r, o), Coverage: judged(s), Percent: percent(s),
		Matrix: matrixOf(r, anchor), Failed: failedRows(r, o, anchor), Trend: trendOf(r, o.Trends, stripShown),
	}
	if !ofFile(r) { // of a file the first link is all there is
		d.Chain = chainOf(r)
	}
	if r.Unread == nil {
		d.Tiles = []tileData{
			{"fail", "failed", s.Fail},
			{"unknown", "unknown", s.Unknown},
			{"waived", "waived", s.Waived},
			{"pass", "passed", s.Pass},
			{"none", "not applicable", s.NotApplicable},
		}
	}
	fact := func(name, value, url string, code bool) {
		if value == "" {
			return
		}
		if !isWeb(url) {
			url = ""
		}
		d.Facts = append(d.Facts, factData{Name: name, Value: value, URL: url, Code: code})
	}
	fact(capital(kindOf(r)), visible(r.Environment.Name), "", false)
	fact("Address", visible(r.Environment.URL), r.Environment.URL, false)
	fact("Organization", join(" ", visible(r.Environment.OrganizationName), visible(r.Environment.OrganizationID)), "", true)
	fact("Profile", join(": ", visible(r.Profile.Name), visible(r.Profile.Title)), "", false)
	fact("Version", visible(version(r.Profile)), "", false)
	fact("Source", visible(r.Profile.Source.Title), r.Profile.Source.URL, false)
	if r.Unread == nil {
		fact("Coverage", judged(s), "", false)
	}
	if n, u := baseline(r); n+u > 0 {
		fact("Baseline", fmt.Sprintf("%d new, %d unchanged", n, u), "", false)
	}
	fact("Snapshot", taken(r.Snapshot), "", false)
	fact("Digest", visible(r.Snapshot.Digest), "", true)
	fact("Evaluated", moment(r.EvaluatedAt)+" by "+visible(r.Tool.Name+" "+r.Tool.Version), "", false)

	for _, g := range []struct {
		outcome audit.Outcome
		title   string
		folded  bool
	}{
		{audit.OutcomeFail, "Failed", false},
		{audit.OutcomeUnknown, "Could not be evaluated", false},
		{audit.OutcomeWaived, "Waived", false},
		{audit.OutcomeNotApplicable, "Not applicable", true},
		{audit.OutcomePass, "Passed", !o.Verbose},
	} {
		group := groupData{State: stateOf(g.outcome), Title: g.title, Folded: g.folded}
		cs := slices.DeleteFunc(gravestFirst(r.Controls), func(c audit.Control) bool { return c.Outcome != g.outcome })
		if group.Count = len(cs); group.Count == 0 {
			continue
		}
		for _, shared := range byReason(cs) {
			var controls []controlData
			for _, c := range shared.Controls {
				controls = append(controls, controlPage(c, r, o, anchor(c.ID)))
			}
			if len(controls) > 1 && shared.Controls[0].Reason != "" {
				group.Shared = append(group.Shared, sharedData{shared.Title(), shared.Reason, controls})
				continue
			}
			group.Controls = append(group.Controls, controls...)
		}
		d.Groups = append(d.Groups, group)
	}
	for _, c := range r.Controls {
		for _, f := range c.Findings {
			if w := f.Waiver; w != nil {
				d.Waivers = append(d.Waivers, waiverData{
					Anchor: anchor(c.ID), Control: visible(string(c.ID)), Finding: visible(f.Message), Kind: visible(w.Kind),
					Owner: visible(w.Owner), Expires: visible(w.Expires), Reason: visible(w.Reason),
				})
			}
		}
	}
	for _, n := range r.Notes {
		d.Notes = append(d.Notes, noteData{Text: visible(n)})
	}
	for _, c := range r.Controls {
		for _, n := range c.Remarks() {
			d.Notes = append(d.Notes, noteData{visible(string(c.ID)), visible(n)})
		}
	}
	return d
}

// failedRows is a row for each failed control, gravest first.
func failedRows(r audit.Result, o Options, anchor func(audit.ControlID) string) []failedData {
	var rows []failedData
	for _, c := range gravestFirst(r.Controls) {
		if c.Outcome != audit.OutcomeFail {
			continue
		}
		row := failedData{Severity: c.Severity.String(), Anchor: anchor(c.ID), What: visible(c.Title)}
		if len(c.Findings) > 0 {
			row.What, row.Fix = beginning(shorten(visible(c.Findings[0].Message), textColumns)), advice(c.Findings[0], c, o)
			row.More = len(c.Findings) - 1
		}
		rows = append(rows, row)
	}
	return rows
}

// basis says in a line what was judged against what.
func basis(r audit.Result) string {
	if r.Snapshot.TakenAt.IsZero() {
		return visible(r.Profile.Title)
	}
	return join("; ", visible(r.Profile.Title), "snapshot "+taken(r.Snapshot))
}

// markOf is a verdict for those who do not see colours.
func markOf(v audit.Verdict) string {
	switch v {
	case audit.VerdictCompliant:
		return "✓"
	case audit.VerdictNoncompliant:
		return "✗"
	case audit.VerdictIncomplete:
	}
	return "?"
}

// verdictState is a verdict as the style sheet's class.
func verdictState(v audit.Verdict) string {
	switch v {
	case audit.VerdictCompliant:
		return "pass"
	case audit.VerdictNoncompliant:
		return "fail"
	case audit.VerdictIncomplete:
	}
	return "unknown"
}

// stateOf is an outcome as the style sheet's class.
func stateOf(o audit.Outcome) string {
	switch o {
	case audit.OutcomePass:
		return "pass"
	case audit.OutcomeFail:
		return "fail"
	case audit.OutcomeWaived:
		return "waived"
	case audit.OutcomeNotApplicable:
		return "none"
	case audit.OutcomeUnknown:
	}
	return "unknown"
}

func controlPage(c audit.Control, r audit.Result, o Options, anchor string) controlData {
	d := controlData{
		Anchor: anchor, ID: visible(string(c.ID)), Title: visible(c.Title), Severity: c.Severity.String(), Outcome: outcomeWords(c.Outcome),
		Reason: visible(c.Reason), Citation: citation(c.Citation), Why: visible(whyOf(c, o.Rules[c.Rule])),
		Page: audit.HelpURL(audit.ControlID(escapePath(string(c.ID)))),
	}
	if c.Original != nil {
		d.Original = outcomeWords(*c.Original)
	}
	for _, n := range c.Remarks() {
		d.Notes = append(d.Notes, visible(n))
	}
	for i, f := range c.Findings {
		d.Findings = append(d.Findings, findingPage(f, c, r, o, i < stepsShown))
		d.Findings[i].Anchor = findingAnchor(anchor, i)
	}
	d.Heading = d.Title
	if len(d.Findings) == 1 && d.Findings[0].Message != "" {
		d.Heading, d.Single = d.Findings[0].Message, true
	}
	return d
}

// findingAnchor is the place of a control's n-th finding on the page.
func findingAnchor(control string, n int) string { return fmt.Sprintf("%s.%d", control, n+1) }

func findingPage(f audit.Finding, c audit.Control, r audit.Result, o Options, steps bool) findingData {
	d := findingData{
		Message: beginning(visible(f.Message)), Subject: subject(f.Subject), Baseline: string(f.Baseline), Waiver: waiver(f.Waiver),
		Evidence: facts(f.Evidence), Fingerprint: visible(f.Fingerprint),
	}
	switch {
	case f.Location != nil:
		d.Found = visible(lineOf(f.Location.Path, f.Location.Line))
	case c.Location != nil:
		d.Required = visible(lineOf(c.Location.Path, c.Location.Line))
	}
	if f.Fix == nil {
		d.Fix = advice(f, c, o)
		return d
	}
	if !steps {
		d.Fix = visible(change.Summary(*f.Fix))
		return d
	}
	fix := change.For(*f.Fix, o.place(r, c.ID))
	d.Fix, d.Who = visible(fix.Summary), visible(fix.Who)
	for _, s := range fix.Portal {
		d.Portal = append(d.Portal, pieces(s, r.Environment))
	}
	for _, q := range fix.Requests {
		d.Requests = append(d.Requests, requestData{visible(q.Purpose), text.Lines(q.String())})
	}
	for _, s := range fix.Commands {
		d.Commands = append(d.Commands, visible(s))
	}
	for _, s := range fix.Curl() {
		d.Curl = append(d.Curl, visible(s))
	}
	for _, s := range fix.PowerShell() {
		d.PowerShell = append(d.PowerShell, visible(s))
	}
	return d
}
