package report

import (
	"fmt"
	"strings"

	"github.com/dbaudit/dbaudit/internal/audit"
)

// AzureDevOps identifies the pipeline run that a SARIF document belongs to, as the
// agent's predefined variables give it.
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

func automationDetails(r audit.Result, o Options, several bool) sarifAutomation {
	if o.SARIFProfile != SARIFAzureDevOps {
		return sarifAutomation{ID: "dbaudit/" + escapePath(r.Environment.Name) + "/"}
	}
	a := o.AzureDevOps
	id := []string{"azuredevops/pipeline/build", a.Organization, a.Project, a.DefinitionID, a.PhaseID, a.Branch, a.BuildID}
	if several {
		id = append(id, r.Environment.Name) // the runs of one document must not share an id
	}
	return sarifAutomation{ID: strings.Join(visibleAll(id), "/"), Properties: map[string]string{
		"azuredevops/pipeline/build/buildDefinitionId":   visible(a.DefinitionID),
		"azuredevops/pipeline/build/buildDefinitionName": visible(a.DefinitionName),
		"azuredevops/pipeline/build/phaseId":             visible(a.PhaseID),
		"azuredevops/pipeline/build/phaseName":           visible(a.PhaseName),
	}}
}
