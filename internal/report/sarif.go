package report

import (
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// What viewers do with SARIF decides its form here:
//
//   - GitHub refuses a result without a physical location in the checkout, although
//     logical locations alone are valid SARIF. A finding in a live service is therefore
//     placed on the line of the configuration that states the requirement, and the
//     Dataverse object is added as a logical location.
//   - GitHub and Azure DevOps read level, not kind. What passed or does not apply is a
//     result only in a verbose document, and never for GitHub, which would show it as an
//     alert. Its outcome is in the properties of its rule instead.
//   - GitHub keeps 5,000 results of a run, those that it considers most severe, and refuses
//     a run of more than 25,000: long runs have the worst first, and for it are cut there,
//     which the run and standard error say.
//   - GitHub refuses a file of more than 20 runs, and leaves alerts of a run open if that
//     run is not uploaded again, such as that of a deleted file: for GitHub, all files that
//     were judged by one profile are one run, and so are all environments if there are more
//     than it accepts.
//   - GitHub keeps one run for a tool and category, and the category is
//     automationDetails.id up to its last slash: it names the environment.

const (
	sarifSchema  = "https://json.schemastore.org/sarif-2.1.0.json"
	sarifVersion = "2.1.0"
	// fingerprintKey versions the fingerprint's recipe, as SARIF asks for.
	fingerprintKey = "dbaudit/v1"
	homepage       = "https://github.com/dbaudit/dbaudit"
	// resultsKept and runsTaken are GitHub's limits.
	resultsKept = 5000
	runsTaken   = 20
)

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool              sarifTool         `json:"tool"`
	AutomationDetails sarifAutomation   `json:"automationDetails"`
	Invocations       []sarifInvocation `json:"invocations"`
	ColumnKind        string            `json:"columnKind"`
	Artifacts         []sarifFile       `json:"artifacts,omitempty"`
	Results           []sarifResult     `json:"results"`
	Properties        *sarifRunFacts    `json:"properties,omitempty"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name            string      `json:"name"`
	FullName        string      `json:"fullName"`
	Organization    string      `json:"organization"`
	Version         string      `json:"version"`
	SemanticVersion string      `json:"semanticVersion,omitempty"`
	InformationURI  string      `json:"informationUri"`
	Rules           []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID                   string             `json:"id"`
	Name                 string             `json:"name"`
	ShortDescription     sarifText          `json:"shortDescription"`
	FullDescription      sarifText          `json:"fullDescription"`
	Help                 sarifText          `json:"help"`
	HelpURI              string             `json:"helpUri"`
	DefaultConfiguration sarifConfiguration `json:"defaultConfiguration"`
	Properties           sarifRuleFacts     `json:"properties"`
}

type sarifConfiguration struct {
	Level string `json:"level"`
}

type sarifRuleFacts struct {
	Tags             []string `json:"tags"`
	Precision        string   `json:"precision"`
	ProblemSeverity  string   `json:"problem.severity"`
	SecuritySeverity string   `json:"security-severity"`
	Rule             string   `json:"dbaudit/rule"`
	Severity         string   `json:"dbaudit/severity"`
	Outcome          string   `json:"dbaudit/outcome,omitempty"`
	Original         string   `json:"dbaudit/originalOutcome,omitempty"`
	Reason           string   `json:"dbaudit/reason,omitempty"`
	Citation         string   `json:"dbaudit/citation,omitempty"`
	Notes            []string `json:"dbaudit/notes,omitempty"`
}

type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

type sarifAutomation struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"properties,omitempty"`
}

type sarifInvocation struct {
	ExecutionSuccessful bool                `json:"executionSuccessful"`
	StartTimeUTC        string              `json:"startTimeUtc,omitempty"`
	Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level          string          `json:"level"`
	Message        sarifText       `json:"message"`
	Locations      []sarifLocation `json:"locations,omitempty"`
	AssociatedRule *sarifRef       `json:"associatedRule,omitempty"`

	in []string // the environments, of a run of several
}

type sarifRef struct {
	ID    string `json:"id"`
	Index int    `json:"index"`
}

type sarifResult struct {
	RuleID              string             `json:"ruleId"`
	RuleIndex           int                `json:"ruleIndex"`
	Kind                string             `json:"kind"`
	Level               string             `json:"level"`
	Message             sarifText          `json:"message"`
	Locations           []sarifLocation    `json:"locations"`
	RelatedLocations    []sarifRelated     `json:"relatedLocations,omitempty"`
	PartialFingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions        []sarifSuppression `json:"suppressions,omitempty"`
	BaselineState       string             `json:"baselineState,omitempty"`
	Properties          map[string]any     `json:"properties,omitempty"`

	urgency int            // the more the worse
	entry   *sarifPhysical // the place within the archive that Locations names
}

type sarifSuppression struct {
	Kind          string            `json:"kind"`
	Status        string            `json:"status"`
	Justification string            `json:"justification"`
	Properties    map[string]string `json:"properties,omitempty"`
}

type sarifLocation struct {
	Physical sarifPhysical  `json:"physicalLocation"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

// A sarifRelated is where within an archive a fault stands.
type sarifRelated struct {
	ID       int           `json:"id"`
	Physical sarifPhysical `json:"physicalLocation"`
	Message  sarifText     `json:"message"`
}

// A sarifFile is an archive, or an entry of one.
type sarifFile struct {
	Location    sarifArtifact `json:"location"`
	ParentIndex *int          `json:"parentIndex,omitempty"`
	Roles       []string      `json:"roles,omitempty"`
}

type sarifPhysical struct {
	File   sarifArtifact `json:"artifactLocation"`
	Region sarifRegion   `json:"region"`
}

type sarifArtifact struct {
	URI   string `json:"uri"`
	Index *int   `json:"index,omitempty"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
	EndColumn   int `json:"endColumn,omitempty"`
}

type sarifLogical struct {
	Name               string `json:"name"`
	Kind               string `json:"kind"`
	FullyQualifiedName string `json:"fullyQualifiedName"`
}

type sarifRunFacts struct {
	Environment  audit.Environment `json:"dbaudit/environment"`
	Profile      string            `json:"dbaudit/profile"`
	Version      string            `json:"dbaudit/profile-version,omitempty"`
	Origin       string            `json:"dbaudit/profile-origin,omitempty"`
	Digest       string            `json:"dbaudit/profile-digest,omitempty"`
	Verdict      audit.Verdict     `json:"dbaudit/verdict"`
	Summary      audit.Summary     `json:"dbaudit/summary"`
	Snapshot     string            `json:"dbaudit/snapshotDigest"`
	SnapshotTime string            `json:"dbaudit/snapshotTaken,omitempty"`
	Notes        []string          `json:"dbaudit/notes,omitempty"`
}

func writeSARIF(w io.Writer, rs []audit.Result, o Options) error {
	if o.SARIFProfile == AzureDevOpsPipeline {
		if err := o.AzureDevOps.Validate(); err != nil {
			return err
		}
	}
	log := sarifLog{Schema: sarifSchema, Version: sarifVersion, Runs: runs(rs, o)}
	return encodeJSON(w, log)
}

func run(r audit.Result, o Options, several bool) sarifRun {
	env := r.Environment
	env.Name, env.URL = visible(env.Name), visible(env.URL)
	s := sarifRun{
		Tool: sarifTool{Driver: sarifDriver{
			Name: visible(r.Tool.Name), FullName: visible(strings.TrimSpace(r.Tool.Name + " " + r.Tool.Version)),
			Organization: "dbaudit", Version: visible(r.Tool.Version), SemanticVersion: semantic(r.Tool.Version),
			InformationURI: homepage, Rules: []sarifRule{},
		}},
		AutomationDetails: automation(r, o, several),
		ColumnKind:        "utf16CodeUnits",
		Results:           []sarifResult{},
		Properties: &sarifRunFacts{
			Environment: env, Profile: visible(r.Profile.Name),
			Version: visible(r.Profile.Version), Origin: visible(r.Profile.Origin), Digest: visible(r.Profile.Digest), Verdict: r.Verdict, Summary: r.Summary,
			Snapshot: visible(r.Snapshot.Digest), SnapshotTime: timestamp(r.Snapshot.TakenAt), Notes: visibleAll(r.Notes),
		},
	}
	invocation := sarifInvocation{ExecutionSuccessful: r.Summary.Unknown == 0 && r.Verdict != audit.VerdictIncomplete}
	if !r.EvaluatedAt.IsZero() {
		invocation.StartTimeUTC = r.EvaluatedAt.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if r.Unread != nil {
		invocation.Notifications = []sarifNotification{unread(r)}
	}
	for i, c := range r.Controls {
		s.Tool.Driver.Rules = append(s.Tool.Driver.Rules, sarifRuleOf(c, o.Rules))
		at := place{env: r.Environment, control: c, index: i, options: o}
		for _, f := range c.Findings {
			s.Results = append(s.Results, at.finding(f))
		}
		switch {
		case c.Outcome == audit.OutcomeUnknown:
			s.Results = append(s.Results, at.outcome("open", "could not be evaluated"))
			invocation.Notifications = append(invocation.Notifications, sarifNotification{
				Level:          "warning",
				Message:        sarifText{Text: unlinked(sentence(fmt.Sprintf("%s could not be evaluated: %s", visible(string(c.ID)), visible(c.Reason))))},
				AssociatedRule: &sarifRef{ID: visible(string(c.ID)), Index: i},
			})
		case !o.Verbose || o.SARIFProfile == GitHubCodeScanning:
		case c.Outcome == audit.OutcomeNotApplicable:
			s.Results = append(s.Results, at.outcome("notApplicable", "does not apply"))
		case c.Outcome == audit.OutcomePass:
			s.Results = append(s.Results, at.outcome("pass", "passed"))
		}
	}
	s.Invocations = []sarifInvocation{invocation}
	return s
}

// unread says that an environment or a file could not be read, so that its results are
// not taken for fixed.
func unread(r audit.Result) sarifNotification {
	n := sarifNotification{Level: "error", Message: sarifText{Text: unlinked(sentence(headline(r)))}}
	if r.Unread.Location == nil {
		return n
	}
	if file, _, _ := strings.Cut(r.Unread.Path, "!/"); inCheckout(file) {
		physical, _, _ := physicalLocation(r.Unread.Location)
		n.Locations = []sarifLocation{{Physical: physical}}
	}
	return n
}

// Validate refuses identifiers without which Azure DevOps refuses the document. The
// error names the agent's variables that are missing.
func (a AzureDevOps) Validate() error {
	var missing []string
	for _, v := range []struct{ variable, value string }{
		{"System.CollectionUri", a.Organization},
		{"System.TeamProject", a.Project},
		{"System.DefinitionId", a.DefinitionID},
		{"Build.DefinitionName", a.DefinitionName},
		{"System.PhaseId", a.PhaseID},
		{"System.PhaseName", a.PhaseName},
		{"Build.SourceBranch", a.Branch},
		{"Build.BuildId", a.BuildID},
	} {
		if strings.TrimSpace(v.value) == "" {
			missing = append(missing, v.variable)
		}
	}
	if missing != nil {
		return fmt.Errorf("the SARIF profile azuredevops needs the agent's %s: run in a pipeline, or choose the profile generic", strings.Join(missing, ", "))
	}
	return nil
}

func automation(r audit.Result, o Options, several bool) sarifAutomation {
	if o.SARIFProfile != AzureDevOpsPipeline {
		return sarifAutomation{ID: "dbaudit/" + escapePath(visible(r.Environment.Name)) + "/"}
	}
	a := o.AzureDevOps
	id := []string{"azuredevops/pipeline/build", a.Organization, a.Project, a.DefinitionID, a.PhaseID, a.Branch, a.BuildID}
	if several {
		// The runs of one document must not share an id.
		id = append(id, r.Environment.Name)
	}
	for i, part := range id[1:] {
		id[i+1] = visible(part)
	}
	return sarifAutomation{ID: strings.Join(id, "/"), Properties: map[string]string{
		"azuredevops/pipeline/build/buildDefinitionId":   visible(a.DefinitionID),
		"azuredevops/pipeline/build/buildDefinitionName": visible(a.DefinitionName),
		"azuredevops/pipeline/build/phaseId":             visible(a.PhaseID),
		"azuredevops/pipeline/build/phaseName":           visible(a.PhaseName),
	}}
}

func sarifRuleOf(c audit.Control, rules map[string]audit.Rule) sarifRule {
	rule := rules[c.Rule]
	category, _, _ := strings.Cut(c.Rule, "/")
	s := sarifRule{
		ID:                   visible(string(c.ID)),
		Name:                 pascal(string(c.ID)),
		ShortDescription:     sarifText{Text: unlinked(sentence(visible(c.Title)))},
		FullDescription:      sarifText{Text: unlinked(sentence(visible(c.Title)))},
		HelpURI:              audit.HelpURL(audit.ControlID(escapePath(string(c.ID)))),
		DefaultConfiguration: sarifConfiguration{Level: level(c.Severity)},
		Properties: sarifRuleFacts{
			Tags: []string{"security", "dataverse"}, Precision: "very-high",
			ProblemSeverity: problemSeverity(c.Severity), SecuritySeverity: securitySeverity(c.Severity),
			Rule: visible(c.Rule), Severity: c.Severity.String(), Outcome: c.Outcome.String(), Reason: visible(c.Reason),
			Citation: citation(c.Citation), Notes: visibleAll(c.Remarks()),
		},
	}
	if category != "" {
		s.Properties.Tags = append(s.Properties.Tags, visible(category))
	}
	if c.Original != nil {
		s.Properties.Original = c.Original.String()
	}
	if rule.Description != "" {
		s.FullDescription.Text = unlinked(sentence(visible(rule.Description)))
	}
	s.Help = help(c, rule)
	return s
}

// help is what a viewer shows beside a result: why it matters and how to fix it.
func help(c audit.Control, rule audit.Rule) sarifText {
	var plain, md []string
	add := func(head, body string) {
		if body = visible(body); body != "" {
			plain = append(plain, head+": "+body)
			md = append(md, "**"+head+".** "+text.Markdown(body))
		}
	}
	add("What it requires", rule.Description)
	if c.Citation != nil {
		add("The vendor's line", citation(c.Citation))
	}
	add("Why it matters", whyOf(c, rule))
	add("How to fix it", rule.Remediation)
	for _, res := range rule.Resources {
		if isWeb(res.URL) {
			plain = append(plain, visible(res.Title)+": "+visible(res.URL))
			md = append(md, "- ["+text.Markdown(visible(res.Title))+"](<"+text.URL(res.URL)+">)")
		}
	}
	page := audit.HelpURL(audit.ControlID(escapePath(string(c.ID))))
	plain = append(plain, "More: "+page)
	md = append(md, "[The page of "+text.Markdown(visible(string(c.ID)))+"]("+page+")")
	return sarifText{Text: unlinked(strings.Join(plain, "\n\n")), Markdown: strings.Join(md, "\n\n")}
}

// unlinked keeps what looks like a link from being one: viewers make links of
// [text](target) even in a message's plain text.
func unlinked(s string) string {
	return strings.ReplaceAll(s, "](", "] (")
}

// A place is where the results of a control go.
type place struct {
	env     audit.Environment
	control audit.Control
	index   int
	options Options
}

func (p place) finding(f audit.Finding) sarifResult {
	location := f.Location
	if location == nil {
		location = p.control.Location
	}
	physical, entry, origin := physicalLocation(location)
	message := visible(f.Message)
	if g := gap(f); g != "" {
		message += " (" + g + ")"
	}
	if origin != "" {
		message += " [" + origin + "]"
	}
	message = sentence(message)
	message += " " + advice(f, p.control, p.options)
	s := sarifResult{
		RuleID: visible(string(p.control.ID)), RuleIndex: p.index,
		Kind: "fail", Level: level(p.control.Severity),
		Message:             sarifText{Text: unlinked(message)},
		Locations:           []sarifLocation{{Physical: physical, Logical: []sarifLogical{p.logical(f)}}},
		PartialFingerprints: map[string]string{fingerprintKey: f.Fingerprint},
		BaselineState:       string(f.Baseline),
		urgency:             urgency(p.control, f),
		entry:               entry,
	}
	if s.PartialFingerprints[fingerprintKey] == "" {
		s.PartialFingerprints[fingerprintKey] = audit.Fingerprint(p.control.ID, p.env.OrganizationID, f.Subject, f.Evidence.Text("privilege"))
	}
	if w := f.Waiver; w != nil {
		s.Suppressions = []sarifSuppression{{
			Kind: "external", Status: "accepted", Justification: unlinked(visible(w.Reason)),
			Properties: map[string]string{
				"dbaudit/kind": visible(w.Kind), "dbaudit/owner": visible(w.Owner), "dbaudit/expires": visible(w.Expires),
			},
		}}
	}
	if len(f.Evidence) > 0 {
		facts := map[string]string{}
		for _, d := range evidence(f.Evidence) {
			facts[d.Name] = d.Value
		}
		s.Properties = map[string]any{"dbaudit/evidence": facts}
	}
	return s
}

// urgency puts what fails in the order of severity, before what is waived.
func urgency(c audit.Control, f audit.Finding) int {
	if f.Waiver != nil {
		return 0
	}
	return int(c.Severity)
}

// outcomeUrgency counts what could not be judged as a failure, since it may be one.
func outcomeUrgency(c audit.Control) int {
	if c.Outcome != audit.OutcomeUnknown {
		return -1
	}
	return int(c.Severity)
}

// outcome is a result without a finding: of kind open, notApplicable or pass, for
// which SARIF knows no level but none.
func (p place) outcome(kind, what string) sarifResult {
	physical, _, _ := physicalLocation(p.control.Location)
	subject := audit.Subject{Kind: audit.SubjectEnvironment, ID: p.env.OrganizationID}
	message := visible(p.control.Title) + " - " + what
	if p.control.Reason != "" {
		message += ": " + visible(p.control.Reason)
	}
	name := visible(p.env.Name)
	return sarifResult{
		RuleID: visible(string(p.control.ID)), RuleIndex: p.index,
		Kind: kind, Level: "none", urgency: outcomeUrgency(p.control),
		Message: sarifText{Text: unlinked(sentence(message))},
		Locations: []sarifLocation{{Physical: physical, Logical: []sarifLogical{{
			Name: name, Kind: "namespace", FullyQualifiedName: qualified(name),
		}}}},
		PartialFingerprints: map[string]string{
			fingerprintKey: audit.Fingerprint(p.control.ID, p.env.OrganizationID, subject, ""),
		},
	}
}

// logical is the Dataverse object: environment, business unit where the evidence
// names it, the object, and the privilege.
func (p place) logical(f audit.Finding) sarifLogical {
	name := f.Subject.Name
	if name == "" {
		name = f.Subject.ID
	}
	parts := []string{p.env.Name}
	if unit := f.Evidence.Text("business_unit"); unit != "" {
		parts = append(parts, unit)
	}
	if f.Subject.Kind != audit.SubjectEnvironment {
		if f.Subject.Table != "" {
			parts = append(parts, f.Subject.Table)
		}
		parts = append(parts, name)
	}
	if privilege := f.Evidence.Text("privilege"); privilege != "" {
		parts = append(parts, privilege)
		name = privilege
	}
	if name == "" {
		name = p.env.Name
	}
	for i, part := range parts {
		parts[i] = visible(part)
	}
	return sarifLogical{Name: visible(name), Kind: "resource", FullyQualifiedName: qualified(parts...)}
}

// qualified joins names; a slash within a name does not count as a step.
func qualified(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = strings.ReplaceAll(strings.ReplaceAll(p, "%", "%25"), "/", "%2F")
	}
	return strings.Join(escaped, "/")
}

// physicalLocation is a place in the checkout. An entry of an archive is placed on
// the archive, which alone is in the checkout, and what lies outside of it on the
// configuration; within and origin then say where the fault really stands.
func physicalLocation(l *audit.Location) (p sarifPhysical, within *sarifPhysical, origin string) {
	p = sarifPhysical{File: sarifArtifact{URI: "dbaudit.yaml"}, Region: sarifRegion{StartLine: 1}}
	if l == nil || l.Path == "" {
		return p, nil, ""
	}
	file, entry, inArchive := strings.Cut(l.Path, "!/")
	if !inCheckout(file) {
		return p, nil, visible(lineOf(l.Path, l.Line))
	}
	p.File.URI = escapePath(path.Clean(file))
	if inArchive {
		if name := strings.TrimLeft(path.Clean("/"+entry), "/"); name != "" {
			within = &sarifPhysical{sarifArtifact{URI: escapePath(name)}, region(l)}
		}
		return p, within, visible(lineOf(entry, l.Line))
	}
	p.Region = region(l)
	return p, nil, ""
}

func region(l *audit.Location) sarifRegion {
	r := sarifRegion{StartLine: max(l.Line, 1)}
	if l.Line >= 1 && l.Column >= 1 {
		r.StartColumn = l.Column
		if l.EndColumn > l.Column {
			r.EndColumn = l.EndColumn
		}
	}
	return r
}

func lineOf(file string, line int) string {
	if line < 1 {
		return file
	}
	return file + ", line " + strconv.Itoa(line)
}

// inCheckout reports whether a path is relative and stays below where it starts.
func inCheckout(file string) bool {
	if strings.Contains(file, `\`) || strings.Contains(file, "://") {
		return false
	}
	if len(file) >= 2 && file[1] == ':' { // a drive of Windows
		return false
	}
	clean := path.Clean(file)
	return !path.IsAbs(clean) && clean != "." && clean != ".." && !strings.HasPrefix(clean, "../")
}

// escapePath percent-encodes all of a path but its slashes and RFC 3986's
// unreserved characters, a colon too: in the first segment it would read as the
// end of a scheme.
func escapePath(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

func level(s audit.Severity) string {
	switch s {
	case audit.SeverityCritical, audit.SeverityHigh:
		return "error"
	case audit.SeverityMedium:
		return "warning"
	case audit.SeverityLow, audit.SeverityInfo, audit.SeverityInvalid:
	}
	return "note"
}

// problemSeverity is GitHub's word for a level.
func problemSeverity(s audit.Severity) string {
	if l := level(s); l != "note" {
		return l
	}
	return "recommendation"
}

// securitySeverity lies in the middle of what GitHub takes for the severity: over
// 9.0 critical, 7.0 to 8.9 high, 4.0 to 6.9 medium, below that low.
func securitySeverity(s audit.Severity) string {
	switch s {
	case audit.SeverityCritical:
		return "9.5"
	case audit.SeverityHigh:
		return "8.0"
	case audit.SeverityMedium:
		return "5.5"
	case audit.SeverityLow:
		return "2.0"
	case audit.SeverityInfo, audit.SeverityInvalid:
	}
	return "0.5"
}

// pascal makes DB-PRIV-LEAD into DbPrivLead, the form viewers expect of a name.
func pascal(id string) string {
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

// sentence ends s with a full stop, which the messages of SARIF have.
func sentence(s string) string {
	if s == "" {
		return "."
	}
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// semantic is the version where it is a semantic one, which SARIF wants without
// the v.
func semantic(version string) string {
	v := strings.TrimPrefix(version, "v")
	core, _, _ := strings.Cut(v, "-")
	core, _, _ = strings.Cut(core, "+")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return ""
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 32); err != nil {
			return ""
		}
	}
	return visible(v)
}

func visibleAll(ss []string) []string {
	var out []string
	for _, s := range ss {
		out = append(out, visible(s))
	}
	return out
}

func isWeb(u string) bool {
	return strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://")
}
