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

// viewerFor is the viewer of a SARIF document: the named one, else that of the CI. If a viewer
// is named, what it needs must exist; otherwise a pipeline that does not say who it is (a classic
// release has no build definition) gets plain SARIF.
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

// checkoutPath makes a path from the working directory one from the root of the checkout, if
// the path is below it; nil if no CI names that root.
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
	// A folder may be known by several paths.
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

// azureOrganization is the name in https://dev.azure.com/NAME/, in the older
// https://NAME.visualstudio.com/, or a server's collection.
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
