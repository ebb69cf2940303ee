package oscal

// AssessmentDocument is assessment results in the frame of a file.
type AssessmentDocument struct {
	Assessment Assessment `json:"assessment-results"`
}

// Assessment is a set of results.
type Assessment struct {
	UUID       string     `json:"uuid"`
	Metadata   Metadata   `json:"metadata"`
	ImportAP   ImportAP   `json:"import-ap"`
	Results    []Result   `json:"results"`
	BackMatter BackMatter `json:"back-matter"`
}

// ImportAP names the plan that was followed.
type ImportAP struct {
	Href    string `json:"href"`
	Remarks string `json:"remarks,omitempty"`
}

// A Result is what was found in one environment under one profile.
type Result struct {
	UUID         string        `json:"uuid"`
	Title        string        `json:"title"`
	Description  string        `json:"description"`
	Start        string        `json:"start"`
	End          string        `json:"end,omitempty"`
	Props        []Property    `json:"props,omitempty"`
	Links        []Link        `json:"links,omitempty"`
	Local        Local         `json:"local-definitions"`
	Reviewed     Reviewed      `json:"reviewed-controls"`
	Observations []Observation `json:"observations,omitempty"`
	Findings     []Finding     `json:"findings,omitempty"`
	Remarks      string        `json:"remarks,omitempty"`
}

// Local defines what a result refers to.
type Local struct {
	Components []SystemComponent `json:"components"`
	Inventory  []InventoryItem   `json:"inventory-items,omitempty"`
	Assets     Assets            `json:"assessment-assets"`
}

// A SystemComponent is an environment, or the tool.
type SystemComponent struct {
	UUID        string     `json:"uuid"`
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Props       []Property `json:"props,omitempty"`
	Status      State      `json:"status"`
}

// A State is the state of a component.
type State struct {
	State   string `json:"state"`
	Remarks string `json:"remarks,omitempty"`
}

// An InventoryItem is a role, a user or a view of the environment.
type InventoryItem struct {
	UUID        string     `json:"uuid"`
	Description string     `json:"description"`
	Props       []Property `json:"props,omitempty"`
}

// Assets are what an assessment was made with.
type Assets struct {
	Components []SystemComponent `json:"components"`
	Platforms  []Platform        `json:"assessment-platforms"`
}

// A Platform is where the tool ran.
type Platform struct {
	UUID  string `json:"uuid"`
	Title string `json:"title,omitempty"`
	Uses  []Uses `json:"uses-components"`
}

// Uses refers to a component.
type Uses struct {
	ComponentUUID string `json:"component-uuid"`
}

// Reviewed are the controls that were judged.
type Reviewed struct {
	Selections []Selection `json:"control-selections"`
}

// A Selection lists controls, or means all.
type Selection struct {
	Description string     `json:"description,omitempty"`
	All         *struct{}  `json:"include-all,omitempty"`
	Include     []Selected `json:"include-controls,omitempty"`
}

// Selected is one control.
type Selected struct {
	ControlID string `json:"control-id"`
}

// An Observation is something that was seen.
type Observation struct {
	UUID        string     `json:"uuid"`
	Title       string     `json:"title,omitempty"`
	Description string     `json:"description"`
	Props       []Property `json:"props,omitempty"`
	Methods     []string   `json:"methods"`
	Types       []string   `json:"types,omitempty"`
	Origins     []Origin   `json:"origins,omitempty"`
	Subjects    []Subject  `json:"subjects,omitempty"`
	Evidence    []Evidence `json:"relevant-evidence,omitempty"`
	Collected   string     `json:"collected"`
	Remarks     string     `json:"remarks,omitempty"`
}

// An Origin says who saw it.
type Origin struct {
	Actors []Actor `json:"actors"`
}

// An Actor is a tool.
type Actor struct {
	Type string `json:"type"`
	UUID string `json:"actor-uuid"`
}

// A Subject is what was looked at.
type Subject struct {
	UUID  string `json:"subject-uuid"`
	Type  string `json:"type"`
	Title string `json:"title,omitempty"`
}

// Evidence is what was read and compared.
type Evidence struct {
	Description string     `json:"description"`
	Props       []Property `json:"props,omitempty"`
}

// A Finding is the outcome of one control.
type Finding struct {
	UUID        string     `json:"uuid"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Props       []Property `json:"props,omitempty"`
	Origins     []Origin   `json:"origins,omitempty"`
	Target      Target     `json:"target"`
	Related     []Related  `json:"related-observations"`
	Remarks     string     `json:"remarks,omitempty"`
}

// A Target is the statement that a finding is about.
type Target struct {
	Type           string `json:"type"`
	TargetID       string `json:"target-id"`
	Title          string `json:"title,omitempty"`
	Status         Status `json:"status"`
	Implementation *State `json:"implementation-status,omitempty"`
}

// A Status says whether the statement is satisfied.
type Status struct {
	State   string `json:"state"`
	Reason  string `json:"reason"`
	Remarks string `json:"remarks,omitempty"`
}

// The states of a status.
const (
	Satisfied    = "satisfied"
	NotSatisfied = "not-satisfied"
)

// Related refers to an observation.
type Related struct {
	UUID string `json:"observation-uuid"`
}
