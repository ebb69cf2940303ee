package cli

import (
	"cmp"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/dbaudit/dbaudit/internal/console"
	"github.com/dbaudit/dbaudit/internal/report"
)

// viewerFor returns the viewer of a SARIF document: the named one, else the one of the CI. If the
// pipeline does not state what the viewer needs (a classic release has no build definition), this is
// an error for a named viewer; otherwise the document is generic SARIF.
func viewerFor(a *app, named report.SARIFProfile) (report.SARIFProfile, report.AzureDevOps, error) {
	profile, pipeline := cmp.Or(named, ciViewer(a)), azurePipeline(a)
	if profile != report.SARIFAzureDevOps {
		return profile, pipeline, nil
	}
	err := pipeline.Validate()
	switch {
	case err != nil && named == report.SARIFProfileUnknown:
		profile = report.SARIFGeneric
	case err != nil:
		return profile, pipeline, usagef("--sarif-profile: %w", err)
	}
	return profile, pipeline, nil
}

func ciViewer(a *app) report.SARIFProfile {
	switch {
	case strings.EqualFold(a.Getenv("GITHUB_ACTIONS"), "true"):
		return report.SARIFGitHub
	case strings.EqualFold(a.Getenv("TF_BUILD"), "true"):
		return report.SARIFAzureDevOps
	}
	return report.SARIFGeneric
}

// checkoutPath returns a function that makes a path relative to the root of the CI's checkout. It
// leaves a path outside the checkout unchanged. checkoutPath returns nil if no CI names the root.
func checkoutPath(a *app) func(string) string {
	root := ""
	switch ciViewer(a) {
	case report.SARIFGitHub:
		root = a.Getenv("GITHUB_WORKSPACE")
	case report.SARIFAzureDevOps:
		root = a.Getenv("BUILD_SOURCESDIRECTORY")
	case report.SARIFProfileUnknown, report.SARIFGeneric:
	}
	directory, err := os.Getwd()
	if root == "" || err != nil {
		return nil
	}
	// Symbolic links can give a folder several paths.
	root, directory = console.ResolveLink(root), console.ResolveLink(directory)
	return func(name string) string {
		outer, entry, archived := strings.Cut(name, "!/")
		file := filepath.FromSlash(outer)
		if !filepath.IsAbs(file) {
			file = filepath.Join(directory, file)
		}
		below, err := filepath.Rel(root, file)
		if err != nil || !filepath.IsLocal(below) {
			return name
		}
		if archived {
			return filepath.ToSlash(below) + "!/" + entry
		}
		return filepath.ToSlash(below)
	}
}

func azurePipeline(a *app) report.AzureDevOps {
	return report.AzureDevOps{
		Organization:   azureOrganization(a.Getenv("SYSTEM_COLLECTIONURI")),
		Project:        a.Getenv("SYSTEM_TEAMPROJECT"),
		DefinitionID:   a.Getenv("SYSTEM_DEFINITIONID"),
		DefinitionName: a.Getenv("BUILD_DEFINITIONNAME"),
		PhaseID:        a.Getenv("SYSTEM_PHASEID"),
		PhaseName:      a.Getenv("SYSTEM_PHASENAME"),
		Branch:         a.Getenv("BUILD_SOURCEBRANCH"),
		BuildID:        a.Getenv("BUILD_BUILDID"),
	}
}

// azureOrganization returns the organization's name: NAME in https://dev.azure.com/NAME/ or in the
// older https://NAME.visualstudio.com/, or the collection of an on-premises server.
func azureOrganization(collection string) string {
	u, err := url.Parse(collection)
	if err != nil {
		return ""
	}
	if name := path.Base(u.Path); name != "." && name != "/" {
		return name
	}
	if name, ok := strings.CutSuffix(u.Hostname(), ".visualstudio.com"); ok {
		return name
	}
	return ""
}
