package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

var samples = flag.String("samples", "", "write samples into this `folder`, for validators and a browser")

// TestWriteSamples writes the input of the validators and the browser in scripts.
func TestWriteSamples(t *testing.T) {
	if *samples == "" {
		t.Skip("no -samples")
	}
	azure := Options{Rules: rules(), SARIFProfile: SARIFAzureDevOps, AzureDevOps: pipeline()}
	forms := []struct {
		ending string
		format Format
		o      Options
	}{
		{".sarif", SARIF, Options{Rules: rules()}},
		{".verbose.sarif", SARIF, Options{Rules: rules(), Verbose: true}},
		{".bare.sarif", SARIF, Options{}},
		{".github.sarif", SARIF, Options{Rules: rules(), Verbose: true, SARIFProfile: SARIFGitHub}},
		{".azuredevops.sarif", SARIF, azure},
		{".xml", JUnit, Options{}},
		{".html", HTML, Options{Rules: rules(), Trends: trends()}},
	}
	elsewhere := func(r audit.Result, name, organization string) audit.Result {
		r.Environment.OrganizationID = organization
		r.Environment.Name, r.Environment.URL = name, "https://"+name+".crm4.dynamics.com"
		return r
	}
	for name, results := range map[string][]audit.Result{
		"compliant":  {compliant()},
		"incomplete": {incomplete()},
		"waived":     {waived()},
		"mixed":      {mixed()},
		"hostile":    {hostile()},
		"large":      {large(5000)},
		"archive":    {archive()},
		"archives":   {archive(), archive()},
		"unread":     {unreadFile(), archive()},
		"several":    {mixed(), elsewhere(incomplete(), "fabrikam", "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0011"), elsewhere(compliant(), "adventure-works", "5b1c8a34-9a35-4a54-9d43-6f3c3f4a0012")},
	} {
		for _, f := range forms {
			if name == "large" && strings.Count(f.ending, ".") > 1 {
				continue // validators are slow
			}
			doc := mustRenderAll(t, f.format, results, f.o)
			if err := os.WriteFile(filepath.Join(*samples, name+f.ending), []byte(doc), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
