package report

import "github.com/dbaudit/dbaudit/internal/oscal"

type oscalAssessment struct {
	UUID     string         `json:"uuid"`
	Metadata oscal.Metadata `json:"metadata"`
	ImportAP struct {
		Href string `json:"href"`
	} `json:"import-ap"`
	Results    []oscalResult    `json:"results"`
	BackMatter oscal.BackMatter `json:"back-matter"`
}

type oscalResult struct {
	UUID        string           `json:"uuid"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Start       string           `json:"start"`
	End         string           `json:"end,omitempty"`
	Props       []oscal.Property `json:"props,omitempty"`
	Links       []oscal.Link     `json:"links,omitempty"`
	Local       struct {
		Components []oscalComponent `json:"components"`
		Inventory  []oscalItem      `json:"inventory-items,omitempty"`
		Assets     struct {
			Components []oscalComponent `json:"components"`
			Platforms  []oscalPlatform  `json:"assessment-platforms"`
		} `json:"assessment-assets"`
	} `json:"local-definitions"`
	Reviewed struct {
		Selections []oscalSelection `json:"control-selections"`
	} `json:"reviewed-controls"`
	Observations []oscalObservation `json:"observations,omitempty"`
	Findings     []oscalFinding     `json:"findings,omitempty"`
	Remarks      string             `json:"remarks,omitempty"`
}

type oscalComponent struct {
	UUID        string           `json:"uuid"`
	Type        string           `json:"type"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Props       []oscal.Property `json:"props,omitempty"`
	Status      oscalState       `json:"status"`
}

type oscalState struct {
	State   string `json:"state"`
	Remarks string `json:"remarks,omitempty"`
}

type oscalItem struct {
	UUID        string           `json:"uuid"`
	Description string           `json:"description"`
	Props       []oscal.Property `json:"props,omitempty"`
}

type oscalPlatform struct {
	UUID  string      `json:"uuid"`
	Title string      `json:"title,omitempty"`
	Uses  []oscalUses `json:"uses-components"`
}

type oscalUses struct {
	ComponentUUID string `json:"component-uuid"`
}

type oscalSelection struct {
	Description string          `json:"description,omitempty"`
	All         *struct{}       `json:"include-all,omitempty"`
	Include     []oscalSelected `json:"include-controls,omitempty"`
}

type oscalSelected struct {
	ControlID string `json:"control-id"`
}

type oscalObservation struct {
	UUID        string           `json:"uuid"`
	Title       string           `json:"title,omitempty"`
	Description string           `json:"description"`
	Props       []oscal.Property `json:"props,omitempty"`
	Methods     []string         `json:"methods"`
	Types       []string         `json:"types,omitempty"`
	Origins     []oscalOrigin    `json:"origins,omitempty"`
	Subjects    []oscalSubject   `json:"subjects,omitempty"`
	Evidence    []oscalEvidence  `json:"relevant-evidence,omitempty"`
	Collected   string           `json:"collected"`
	Remarks     string           `json:"remarks,omitempty"`
}

type oscalOrigin struct {
	Actors []oscalActor `json:"actors"`
}

type oscalActor struct {
	Type string `json:"type"`
	UUID string `json:"actor-uuid"`
}

type oscalSubject struct {
	UUID  string `json:"subject-uuid"`
	Type  string `json:"type"`
	Title string `json:"title,omitempty"`
}

type oscalEvidence struct {
	Description string           `json:"description"`
	Props       []oscal.Property `json:"props,omitempty"`
}

type oscalFinding struct {
	UUID        string           `json:"uuid"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Props       []oscal.Property `json:"props,omitempty"`
	Origins     []oscalOrigin    `json:"origins,omitempty"`
	Target      oscalTarget      `json:"target"`
	Related     []oscalRelated   `json:"related-observations"`
	Remarks     string           `json:"remarks,omitempty"`
}

type oscalTarget struct {
	Type           string      `json:"type"`
	TargetID       string      `json:"target-id"`
	Title          string      `json:"title,omitempty"`
	Status         oscalStatus `json:"status"`
	Implementation *oscalState `json:"implementation-status,omitempty"`
}

type oscalStatus struct {
	State   string `json:"state"`
	Reason  string `json:"reason"`
	Remarks string `json:"remarks,omitempty"`
}

const (
	oscalSatisfied    = "satisfied"
	oscalNotSatisfied = "not-satisfied"
)

type oscalRelated struct {
	UUID string `json:"observation-uuid"`
}
