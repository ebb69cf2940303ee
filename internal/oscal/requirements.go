package oscal

import (
	"cmp"
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Requirements are the controls of a profile of dbaudit: a vendor's minimum.
type Requirements struct {
	audit.Profile

	Controls []Requirement
}

// A Requirement is a control without an outcome, and the privileges that it requires.
type Requirement struct {
	audit.Control

	Privileges []string
}

func (r Requirement) properties() []Property {
	return Properties("rule", r.Rule, "severity", r.Severity.String(), "privileges", strings.Join(r.Privileges, " "))
}

type catalog struct {
	UUID       string     `json:"uuid"`
	Metadata   Metadata   `json:"metadata"`
	Controls   []control  `json:"controls"`
	BackMatter BackMatter `json:"back-matter"`
}

type control struct {
	ID    string     `json:"id"`
	Title string     `json:"title"`
	Props []Property `json:"props,omitempty"`
	Links []Link     `json:"links,omitempty"`
	Parts []part     `json:"parts"`
}

type part struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	Props []Property `json:"props,omitempty"`
	Prose string     `json:"prose"`
}

// NewCatalog returns a catalog with the controls. The statement of a control is the cited line of the
// vendor's page, or else the title.
func NewCatalog(r Requirements) map[string]catalog {
	source := Source(r.Source.Title, r.Source.URL)
	c := catalog{
		UUID: ID("catalog", r.Name, r.Digest), Metadata: r.metadata(r.Title),
		BackMatter: BackMatter{[]Resource{source}},
	}
	for _, required := range r.Controls {
		id := string(required.ID)
		statement := part{ID: StatementID(id), Name: "statement", Prose: text.Line(required.Title)}
		if required.Citation != nil {
			statement.Prose = text.Line(required.Citation.Line)
			statement.Props = Properties("section", required.Citation.Tab)
		}
		parts := []part{statement}
		if required.Why != "" {
			parts = append(parts, part{ID: Token(id) + "_gdn", Name: "guidance", Prose: text.Line(required.Why)})
		}
		c.Controls = append(c.Controls, control{
			ID: Token(id), Title: text.Line(required.Title),
			Props: append([]Property{{Name: "label", Value: Token(id)}}, required.properties()...),
			Links: []Link{{Href: "#" + source.UUID, Rel: "reference"}},
			Parts: parts,
		})
	}
	return map[string]catalog{"catalog": c}
}

type profile struct {
	UUID       string          `json:"uuid"`
	Metadata   Metadata        `json:"metadata"`
	Imports    []catalogImport `json:"imports"`
	Merge      merge           `json:"merge"`
	BackMatter BackMatter      `json:"back-matter"`
}

type catalogImport struct {
	Href            string             `json:"href"`
	IncludeControls []controlSelection `json:"include-controls"`
}

type controlSelection struct {
	IDs []string `json:"with-ids"`
}

type merge struct {
	AsIs bool `json:"as-is"`
}

// NewProfile returns a profile with every control of the catalog that [NewCatalog] returns.
func NewProfile(r Requirements) map[string]profile {
	catalog := r.catalog()
	var all controlSelection
	for _, required := range r.Controls {
		all.IDs = append(all.IDs, Token(string(required.ID)))
	}
	return map[string]profile{"profile": {
		UUID: ID("profile", r.Name, r.Digest), Metadata: r.metadata(r.Title),
		Imports:    []catalogImport{{"#" + catalog.UUID, []controlSelection{all}}},
		Merge:      merge{AsIs: true},
		BackMatter: BackMatter{[]Resource{catalog, Source(r.Source.Title, r.Source.URL)}},
	}}
}

type components struct {
	UUID       string      `json:"uuid"`
	Metadata   Metadata    `json:"metadata"`
	Components []component `json:"components"`
	BackMatter BackMatter  `json:"back-matter"`
}

type component struct {
	UUID            string                  `json:"uuid"`
	Type            string                  `json:"type"`
	Title           string                  `json:"title"`
	Description     string                  `json:"description"`
	Implementations []controlImplementation `json:"control-implementations"`
}

type controlImplementation struct {
	UUID         string                   `json:"uuid"`
	Source       string                   `json:"source"`
	Description  string                   `json:"description"`
	Requirements []implementedRequirement `json:"implemented-requirements"`
}

type implementedRequirement struct {
	UUID        string     `json:"uuid"`
	ControlID   string     `json:"control-id"`
	Description string     `json:"description"`
	Props       []Property `json:"props,omitempty"`
}

// NewComponents returns a component definition with dbaudit as the component that checks the controls.
func NewComponents(r Requirements, tool audit.Tool) map[string]components {
	catalog := r.catalog()
	id := ID("component-definition", r.Name, r.Digest)
	var checks []implementedRequirement
	var ids IDs
	for _, required := range r.Controls {
		checks = append(checks, implementedRequirement{
			UUID: ids.Unique(id, "check", string(required.ID)), ControlID: Token(string(required.ID)),
			Description: text.Line("dbaudit checks it by the rule " + required.Rule + ": " + required.Title),
			Props:       required.properties(),
		})
	}
	return map[string]components{"component-definition": {
		UUID: id, Metadata: r.metadata("Checks of " + r.Title),
		Components: []component{{
			UUID: ID("tool", tool.Name), Type: "validation", Title: tool.Name,
			Description: "It reads a Dataverse environment and judges each control; it does not implement any.",
			Implementations: []controlImplementation{{
				UUID: ids.Unique(id, "implementation"), Source: "#" + catalog.UUID,
				Description: text.Line("The checks of the profile " + r.Name), Requirements: checks,
			}},
		}},
		BackMatter: BackMatter{[]Resource{catalog, Source(r.Source.Title, r.Source.URL)}},
	}}
}

// catalog returns the resource of the catalog, a file next to the document.
func (r Requirements) catalog() Resource {
	return Resource{
		UUID: ID("catalog", r.Name, r.Digest), Title: "Catalog of " + text.Line(r.Title),
		RLinks: []Link{{Href: Token(r.Name) + ".catalog.json"}},
	}
}

// metadata returns metadata with the date and version of the profile, because a document must not
// depend on the clock.
func (r Requirements) metadata(title string) Metadata {
	day, err := time.Parse(time.DateOnly, r.Version)
	m := NewMetadata(title, cmp.Or(r.Version, "none"), day)
	if err != nil {
		m.Remarks = "The profile states no date."
	}
	m.Props = Properties("profile", r.Name, "origin", r.Origin, "digest", r.Digest)
	return m
}
