package audit

// A Rule is the documentation of one rule of the policies, from its METADATA. Reports, explain
// and the documentation pages show it.
type Rule struct {
	// ID is category/name, such as "role/privileges".
	ID          string
	Title       string
	Description string
	Severity    Severity
	// Requires names the snapshot sections that the rule needs.
	Requires []string
	// Fixes are the kinds of fix that the rule may propose; nil if its METADATA does not say,
	// which means any.
	Fixes []FixKind
	// Consequence says what breaks if the rule is not met.
	Consequence string
	// Remediation says how to meet the rule, in a sentence or two.
	Remediation string
	Resources   []Resource
	// Offline is true if the rule can judge a role from a solution file, which contains no users.
	Offline bool
}

// A Resource is a page that a rule or a control is based on.
type Resource struct {
	Title string
	URL   string
}
