package oscal

import (
	"strings"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// Requirements are a vendor's minimum, as a profile of dbaudit states it.
type Requirements struct {
	audit.Profile

	Controls []Requirement
}

// A Requirement is one control.
type Requirement struct {
	ID         string
	Title      string
	Rule       string
	Severity   string // empty for the rule's own
	Citation   *audit.Citation
	Why        string
	Privileges []string
}

// A CatalogDocument is a catalog in the frame of a file.
type CatalogDocument struct {
	Catalog Catalog `json:"catalog"`
}

// A Catalog is a list of controls.
type Catalog struct {
	UUID       string     `json:"uuid"`
	Metadata   Metadata   `json:"metadata"`
	Controls   []Control  `json:"controls"`
	BackMatter BackMatter `json:"back-matter"`
}

// A Control is what is required.
type Control struct {
	ID    string     `json:"id"`
	Title string     `json:"title"`
	Props []Property `json:"props,omitempty"`
	Links []Link     `json:"links,omitempty"`
	Parts []Part     `json:"parts"`
}

// A Part is a text of a control.
type Part struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	Props []Property `json:"props,omitempty"`
	Prose string     `json:"prose"`
}

// NewCatalog has one control for each of the profile's, with the line of the source as
// its statement. A control without a line of its own is stated by its title.
func NewCatalog(r Requirements) CatalogDocument {
	source := Source(r.Source.Title, r.Source.URL)
	c := Catalog{
		UUID: ID("catalog", r.Name, r.Digest), Metadata: r.metadata(r.Title),
		BackMatter: BackMatter{[]Resource{source}},
	}
	for _, k := range r.Controls {
		statement := Part{ID: StatementID(k.ID), Name: "statement", Prose: text.Line(k.Title)}
		if k.Citation != nil {
			statement.Prose = text.Line(k.Citation.Line)
			statement.Props = Properties("section", k.Citation.Tab)
		}
		parts := []Part{statement}
		if k.Why != "" {
			parts = append(parts, Part{ID: Token(k.ID) + "_gdn", Name: "guidance", Prose: text.Line(k.Why)})
		}
		c.Controls = append(c.Controls, Control{
			ID: Token(k.ID), Title: text.Line(k.Title),
			Props: append([]Property{{Name: "label", Value: Token(k.ID)}},
				Properties("rule", k.Rule, "severity", k.Severity, "privileges", strings.Join(k.Privileges, " "))...),
			Links: []Link{{Href: "#" + source.UUID, Rel: "reference"}},
			Parts: parts,
		})
	}
	return CatalogDocument{c}
}

// A ProfileDocument is a profile in the frame of a file.
type ProfileDocument struct {
	Profile Profile `json:"profile"`
}

// A Profile chooses controls of a catalog.
type Profile struct {
	UUID       string     `json:"uuid"`
	Metadata   Metadata   `json:"metadata"`
	Imports    []Import   `json:"imports"`
	Merge      Merge      `json:"merge"`
	BackMatter BackMatter `json:"back-matter"`
}

// An Import names controls of another document.
type Import struct {
	Href            string `json:"href"`
	IncludeControls []With `json:"include-controls"`
}

// With lists controls by their ids.
type With struct {
	IDs []string `json:"with-ids"`
}

// Merge says how the imported controls appear in the result.
type Merge struct {
	AsIs bool `json:"as-is"`
}

// NewProfile chooses every control of the catalog that [NewCatalog] writes.
func NewProfile(r Requirements) ProfileDocument {
	catalog := r.catalog()
	with := With{}
	for _, k := range r.Controls {
		with.IDs = append(with.IDs, Token(k.ID))
	}
	return ProfileDocument{Profile{
		UUID: ID("profile", r.Name, r.Digest), Metadata: r.metadata(r.Title),
		Imports:    []Import{{Href: "#" + catalog.UUID, IncludeControls: []With{with}}},
		Merge:      Merge{AsIs: true},
		BackMatter: BackMatter{[]Resource{catalog, Source(r.Source.Title, r.Source.URL)}},
	}}
}

// A ComponentsDocument is a component definition in the frame of a file.
type ComponentsDocument struct {
	Definition Components `json:"component-definition"`
}

// Components define who meets or checks controls.
type Components struct {
	UUID       string      `json:"uuid"`
	Metadata   Metadata    `json:"metadata"`
	Components []Component `json:"components"`
	BackMatter BackMatter  `json:"back-matter"`
}

// A Component is one of them.
type Component struct {
	UUID            string           `json:"uuid"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Description     string           `json:"description"`
	Implementations []Implementation `json:"control-implementations"`
}

// An Implementation says which controls of a catalog a component has to do with.
type Implementation struct {
	UUID         string        `json:"uuid"`
	Source       string        `json:"source"`
	Description  string        `json:"description"`
	Requirements []Implemented `json:"implemented-requirements"`
}

// Implemented is what a component does about one control.
type Implemented struct {
	UUID        string     `json:"uuid"`
	ControlID   string     `json:"control-id"`
	Description string     `json:"description"`
	Props       []Property `json:"props,omitempty"`
}

// NewComponents defines dbaudit as the component that checks the controls: no document
// of a profile can say that an environment meets them.
func NewComponents(r Requirements, tool audit.Tool) ComponentsDocument {
	catalog := r.catalog()
	id := ID("component-definition", r.Name, r.Digest)
	var checks []Implemented
	var ids IDs
	for _, k := range r.Controls {
		checks = append(checks, Implemented{
			UUID: ids.Of(id, "check", k.ID), ControlID: Token(k.ID),
			Description: text.Line("dbaudit checks it by the rule " + k.Rule + ": " + k.Title),
			Props:       Properties("rule", k.Rule, "severity", k.Severity, "privileges", strings.Join(k.Privileges, " ")),
		})
	}
	return ComponentsDocument{Components{
		UUID: id, Metadata: r.metadata("Checks of " + r.Title),
		Components: []Component{{
			UUID: ID("tool", tool.Name), Type: "validation", Title: tool.Name,
			Description: "It reads a Dataverse environment and judges each control; it does not implement any.",
			Implementations: []Implementation{{
				UUID: ids.Of(id, "implementation"), Source: "#" + catalog.UUID,
				Description: text.Line("The checks of the profile " + r.Name), Requirements: checks,
			}},
		}},
		BackMatter: BackMatter{[]Resource{catalog, Source(r.Source.Title, r.Source.URL)}},
	}}
}

// catalog is the resource of the catalog's file, which is next to the document.
func (r Requirements) catalog() Resource {
	return Resource{
		UUID: ID("catalog", r.Name, r.Digest), Title: "Catalog of " + text.Line(r.Title),
		RLinks: []RLink{{Token(r.Name) + ".catalog.json"}},
	}
}

// metadata has the profile's own date and version, so that nothing depends on the clock.
func (r Requirements) metadata(title string) Metadata {
	day, err := time.Parse(time.DateOnly, r.Version)
	version := r.Version
	if version == "" {
		version = "none"
	}
	m := NewMetadata(title, version, day)
	if err != nil {
		m.Remarks = "The profile states no date."
	}
	m.Props = Properties("profile", r.Name, "origin", r.Origin, "digest", r.Digest)
	return m
}
