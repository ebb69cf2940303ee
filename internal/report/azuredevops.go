package report

import (
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/report/text"
)

// AzureDevOps identifies the pipeline run that a SARIF document belongs to, by predefined variables of
// the agent.
type AzureDevOps struct {
	Organization   string // the last segment of System.CollectionUri
	Project        string // System.TeamProject
	DefinitionID   string // System.DefinitionId
	DefinitionName string // Build.DefinitionName
	PhaseID        string // System.PhaseId
	PhaseName      string // System.PhaseName
	Branch         string // Build.SourceBranch
	BuildID        string // Build.BuildId
}

// Validate returns an error that names the missing variables. Azure DevOps refuses a document without
// them.
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

// automationDetails returns the id of a run. The runs of a document with multiple runs must not share
// an id.
func automationDetails(r audit.Result, o Options, multiple bool) sarifAutomation {
	if o.SARIFProfile != SARIFAzureDevOps {
		return sarifAutomation{ID: "dbaudit/" + escapePath(r.Environment.Name) + "/"}
	}
	a := o.AzureDevOps
	id := []string{"azuredevops/pipeline/build", a.Organization, a.Project, a.DefinitionID, a.PhaseID, a.Branch, a.BuildID}
	if multiple {
		id = append(id, r.Environment.Name)
	}
	return sarifAutomation{ID: text.Line(strings.Join(id, "/")), Properties: map[string]string{
		"azuredevops/pipeline/build/buildDefinitionId":   text.Line(a.DefinitionID),
		"azuredevops/pipeline/build/buildDefinitionName": text.Line(a.DefinitionName),
		"azuredevops/pipeline/build/phaseId":             text.Line(a.PhaseID),
		"azuredevops/pipeline/build/phaseName":           text.Line(a.PhaseName),
	}}
}
