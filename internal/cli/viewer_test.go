package cli

import "testing"

func TestOrganization(t *testing.T) {
	t.Parallel()
	for collection, want := range map[string]string{
		"https://dev.azure.com/contoso/":                    "contoso",
		"https://dev.azure.com/contoso":                     "contoso",
		"https://contoso.visualstudio.com/":                 "contoso",
		"https://tfs.contoso.example/tfs/DefaultCollection": "DefaultCollection",
		"https://tfs.contoso.example/":                      "",
		"":                                                  "",
		"%":                                                 "",
	} {
		if got := azureOrganization(collection); got != want {
			t.Errorf("%q: %q, want %q", collection, got, want)
		}
	}
}
