package report

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

func newSARIFRule(c audit.Control, rule audit.Rule, help func(audit.Control, audit.Rule) sarifText) sarifRule {
	form := termsOf(c.Severity)
	s := sarifRule{
		ID:               string(c.ID),
		Name:             pascalCase(string(c.ID)),
		ShortDescription: sarifText{Text: breakLinks(endSentence(c.Title))},
		FullDescription:  sarifText{Text: breakLinks(endSentence(text.Line(cmp.Or(rule.Description, c.Title))))},
		Help:             help(c, rule),
		HelpURI:          pageURL(c),
		Properties: sarifRuleFacts{
			Tags: []string{"security", "dataverse"}, Precision: "very-high", ProblemSeverity: form.problem, SecuritySeverity: form.security,
			Rule: c.Rule, Severity: c.Severity.String(), Outcome: c.Outcome.String(), Original: originalOutcome(c), Reason: c.Reason,
			Citation: citationText(c.Citation), Notes: c.Remarks(),
		},
	}
	s.DefaultConfiguration.Level = form.level
	if category, _, _ := strings.Cut(c.Rule, "/"); category != "" {
		s.Properties.Tags = append(s.Properties.Tags, category)
	}
	return s
}

// sharedHelp returns [sarifHelp], which it makes once for all runs of a document.
func sharedHelp() func(audit.Control, audit.Rule) sarifText {
	type key struct {
		control             audit.ControlID
		rule, citation, why string
	}
	known := map[key]sarifText{}
	return func(c audit.Control, rule audit.Rule) sarifText {
		k := key{c.ID, c.Rule, citationText(c.Citation), c.Why}
		help, ok := known[k]
		if !ok {
			help = sarifHelp(c, rule)
			known[k] = help
		}
		return help
	}
}

// sarifHelp returns what a viewer shows next to a result: why it matters and how to fix it.
func sarifHelp(c audit.Control, rule audit.Rule) sarifText {
	var plain, markdown []string
	add := func(heading, body string) {
		if body = text.Line(body); body != "" {
			plain = append(plain, heading+": "+body)
			markdown = append(markdown, "**"+heading+".** "+text.Markdown(body))
		}
	}
	add("What it requires", rule.Description)
	add("The vendor's line", citationText(c.Citation))
	add("Why it matters", whyOf(c, rule))
	add("How to fix it", rule.Remediation)
	for _, res := range rule.Resources {
		if text.IsWebURL(res.URL) {
			plain = append(plain, text.Line(res.Title)+": "+text.Line(res.URL))
			markdown = append(markdown, "- ["+text.Markdown(text.Line(res.Title))+"](<"+res.URL+">)")
		}
	}
	page := pageURL(c)
	plain = append(plain, "More: "+page)
	markdown = append(markdown, "[The page of "+text.Markdown(string(c.ID))+"]("+page+")")
	return sarifText{Text: breakLinks(strings.Join(plain, "\n\n")), Markdown: strings.Join(markdown, "\n\n")}
}

// breakLinks breaks [text](target), which viewers turn into a link even in plain text.
func breakLinks(s string) string { return strings.ReplaceAll(s, "](", "] (") }

// pascalCase turns DB-PRIV-LEAD into DbPrivLead, as viewers expect names.
func pascalCase(id string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) {
		b.WriteString(strings.ToUpper(word[:1]) + strings.ToLower(word[1:]))
	}
	if b.Len() == 0 {
		return "Control"
	}
	return b.String()
}

// semanticVersion returns a semantic version without its v. It is empty for any other version.
func semanticVersion(version string) string {
	v := strings.TrimPrefix(version, "v")
	if !regexp.MustCompile(`^\d{1,9}\.\d{1,9}\.\d{1,9}([-+]|$)`).MatchString(v) {
		return ""
	}
	return v
}
