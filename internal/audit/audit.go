// Package audit is the vocabulary that dbaudit's packages share: controls, findings,
// outcomes, severities and the result of one evaluation.
//
// The engine produces a [Result], waivers annotate it, reports render it, plans derive from
// it. Other people's scripts depend on its JSON form (format [ResultFormat]): fields may be
// added, never changed.
package audit

import (
	"strings"
	"time"
)

// ResultFormat names the JSON form of a single [Result].
const ResultFormat = "dbaudit.result/v1"

// ResultsFormat names the JSON form of several results in one document.
const ResultsFormat = "dbaudit.results/v1"

// A ControlID is the stable identifier of a control, such as "DB-PRIV-LEAD".
type ControlID string

// A Result is the verdict on one snapshot under one profile.
type Result struct {
	Format      string      `json:"format"`
	Tool        Tool        `json:"tool"`
	Environment Environment `json:"environment"`
	Profile     Profile     `json:"profile"`
	Snapshot    Snapshot    `json:"snapshot"`
	// EvaluatedAt is the only field that may differ between two runs with the same input.
	EvaluatedAt time.Time `json:"evaluated_at"`
	Verdict     Verdict   `json:"verdict"`
	Summary     Summary   `json:"summary"`
	// Unread says why the environment or the file could not be read; nil if it was read.
	// A result with it has no controls.
	Unread *Unread `json:"unread,omitempty"`
	// Integration is the user and the role that the policies chose to judge. It is nil if
	// nothing could be read, and in older results.
	Integration *Integration `json:"integration,omitempty"`
	// Notes explain the verdict, for example which role was chosen as the integration role.
	Notes []string `json:"notes,omitempty"`
	// Controls lists every control of the profile, in the profile's order.
	Controls []Control `json:"controls"`
}

// IsFile reports whether the result is about a file, which has no URL, and not about an
// environment.
func (r Result) IsFile() bool { return r.Environment.URL == "" }

// Kind returns what was judged: "file" or "environment".
func (r Result) Kind() string {
	if r.IsFile() {
		return "file"
	}
	return "environment"
}

// Integration is the integration that was judged. A field is nil if its object does not exist
// or was not read.
type Integration struct {
	User *Subject `json:"user"`
	Role *Subject `json:"role"`
	// Granted has the depths that the user holds for the privileges of the minimum, from all
	// roles that count; if no role is assigned to the user, those that the role grants.
	// Required has the depths that the user must hold. The keys are names of privileges.
	Granted  map[string]Depth `json:"granted"`
	Required map[string]Depth `json:"required"`
	// Surplus lists the privileges that the role grants beyond the minimum, dangerous ones first.
	Surplus []string `json:"surplus"`
	// Allowed lists the privileges that the configuration allows beyond the minimum
	// (allow:), sorted.
	Allowed []string `json:"allowed,omitempty"`
}

// Unread says why an environment or a file could not be read.
type Unread struct {
	*Location // where reading a file ended; nil for an environment

	Message string `json:"message"`
}

// Results is the JSON form of several results of one run.
type Results struct {
	Format  string   `json:"format"`
	Results []Result `json:"results"`
}

// Tool identifies the program that wrote the result.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Environment identifies the Dataverse environment that was judged.
type Environment struct {
	// Name is the key of the environment in the configuration, else the first label of its host.
	Name           string `json:"name"`
	URL            string `json:"url"`
	OrganizationID string `json:"organization_id"`
	// OrganizationName is the display name that the portal lists; empty in older results and
	// for a file.
	OrganizationName string `json:"organization_name,omitempty"`
}

// Profile identifies the profile that an environment or a file was judged by.
type Profile struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Source Source `json:"source"`
	// Version is a date; empty if the profile does not state one.
	Version string `json:"version,omitempty"`
	// Origin is [OriginBuiltin], or the path of the profile's file as the user wrote it.
	// Origin and Digest are empty in older results.
	Origin string `json:"origin,omitempty"`
	// Digest is "sha256:" and the hash of the profile, including what it inherits from the
	// profile that it extends.
	Digest string `json:"digest,omitempty"`
}

// OriginBuiltin is the origin of a profile that comes with dbaudit.
const OriginBuiltin = "built-in"

// Differs reports whether two profiles, possibly with the same name, are known to require
// different things.
func (p Profile) Differs(other Profile) bool {
	return p.Digest != "" && other.Digest != "" && p.Digest != other.Digest
}

// Edition returns what tells profiles with the same name apart: the version, the origin and the
// beginning of the digest.
func (p Profile) Edition() string {
	const digestLength = len("sha256:") + 12
	var parts []string
	for _, part := range []string{p.Version, p.Origin, p.Digest[:min(digestLength, len(p.Digest))]} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// Source is the document that a profile's requirements are taken from.
type Source struct {
	Title string `json:"title"`
	URL   string `json:"url"`
	// Compared is the day on which the profile was last compared with the document, as
	// YYYY-MM-DD; empty if unknown.
	Compared string `json:"compared,omitempty"`
}

// Snapshot identifies the snapshot that was judged. It is zero if nothing could be read.
type Snapshot struct {
	Digest  string    `json:"digest"`
	TakenAt time.Time `json:"taken_at"`
}

// Summary counts the controls by outcome, and the findings.
type Summary struct {
	Pass          int `json:"pass"`
	Fail          int `json:"fail"`
	Unknown       int `json:"unknown"`
	NotApplicable int `json:"not_applicable"`
	Waived        int `json:"waived"`
	Findings      int `json:"findings"`
	// Coverage is the number of judged controls divided by that of applicable ones, from 0 to 1.
	Coverage float64 `json:"coverage"`
}

// A Control is one requirement of the profile with its outcome.
type Control struct {
	ID       ControlID `json:"id"`
	Rule     string    `json:"rule"`
	Title    string    `json:"title"`
	Severity Severity  `json:"severity"`
	Outcome  Outcome   `json:"outcome"`
	// Original is the outcome before waivers were applied; nil if none applies.
	Original *Outcome `json:"original_outcome,omitempty"`
	// Reason says why a control is unknown or not applicable; empty otherwise.
	Reason string `json:"reason"`
	// Why says what the requirement is for, in the profile's words; empty in older results.
	Why string `json:"why,omitempty"`
	// Citation is the line of the vendor's document, or nil.
	Citation *Citation `json:"citation"`
	// Unjudged gives the reasons why a part of a failed control could not be judged. There
	// may be more findings than those listed.
	Unjudged []string `json:"unjudged,omitempty"`
	// Notes are remarks that do not change the outcome.
	Notes []string `json:"notes,omitempty"`
	// Location is the line of a file that the control is about, or nil.
	Location *Location `json:"location,omitempty"`
	Findings []Finding `json:"findings"`
}

// Citation is the place in the vendor's document that a control comes from.
type Citation struct {
	Tab  string `json:"tab"`
	Line string `json:"line"`
}

// A Finding is one fault: what is missing, on which object, and how to fix it.
type Finding struct {
	// Fingerprint identifies the fault across runs; see [Fingerprint].
	Fingerprint string   `json:"fingerprint"`
	Message     string   `json:"message"`
	Subject     Subject  `json:"subject"`
	Evidence    Evidence `json:"evidence"`
	Fix         *Fix     `json:"fix"`
	// Location is the finding's place in a file, if it differs from the control's.
	Location *Location `json:"location,omitempty"`
	// Waiver is the waiver that covers the finding; nil if none does.
	Waiver *Waiver `json:"waiver,omitempty"`
	// Baseline compares the finding with an earlier result; empty without a baseline.
	Baseline BaselineState `json:"baseline_state,omitempty"`
}

// A Location is a place in a file of the checkout.
type Location struct {
	// Path is relative to the working directory, with forward slashes. The path of an entry
	// of an archive is archive.zip!/entry.
	Path string `json:"path"`
	// Line and Column count from 1, Column in UTF-16 code units; 0 means unknown.
	Line      int `json:"line,omitempty"`
	Column    int `json:"column,omitempty"`
	EndColumn int `json:"end_column,omitempty"`
}

// A Waiver says why a finding was accepted, by whom, and until when.
type Waiver struct {
	Kind   string `json:"kind"`
	Owner  string `json:"owner"`
	Reason string `json:"reason"`
	// Expires is the last day on which the waiver counts, as YYYY-MM-DD.
	Expires string `json:"expires"`
}

// A BaselineState compares a finding with an earlier result, in SARIF's words.
type BaselineState string

// The states of a finding against a baseline.
const (
	BaselineNone      BaselineState = ""
	BaselineNew       BaselineState = "new"
	BaselineUnchanged BaselineState = "unchanged"
)

// A Subject is the Dataverse object that a finding is about.
type Subject struct {
	Kind SubjectKind `json:"kind"`
	// ID is empty for an object that does not exist.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Table is the logical name of a view's table; empty for other kinds.
	Table string `json:"table,omitempty"`
}

// Evidence holds the values that were read and compared, by name. Findings about a privilege
// have privilege, required_depth, actual_depth and state.
type Evidence map[string]any

// Text returns the string under key, or "" if it has none.
func (e Evidence) Text(key string) string {
	s, _ := e[key].(string)
	return s
}

// Texts returns the strings in the list under key.
func (e Evidence) Texts(key string) []string {
	list, _ := e[key].([]any)
	var texts []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			texts = append(texts, s)
		}
	}
	return texts
}
