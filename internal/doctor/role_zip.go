package doctor

import (
	"archive/zip"
	"bytes"
	"fmt"
	"text/template"
	"time"
)

// RoleZip is the minimal role as an unmanaged solution that imports as it is: by the maker
// portal, or by `pac solution import`. Equal input gives equal bytes.
//
// Its three files are those of solutions that environments export (Microsoft, "Solution
// file reference"): solution.xml names the role as a root component of type 20,
// customizations.xml holds it.
func RoleZip(impersonate bool) ([]byte, error) {
	role, err := RoleXML(impersonate)
	if err != nil {
		return nil, err
	}
	_, role, _ = bytes.Cut(role, []byte("?>\n")) // the declaration is the outer document's
	var customizations, manifest bytes.Buffer
	for _, part := range []struct {
		to       *bytes.Buffer
		template string
	}{{&customizations, customizationsTemplate}, {&manifest, manifestTemplate}} {
		parsed, err := template.New("").Parse(part.template)
		if err != nil {
			return nil, fmt.Errorf("writing the role's solution: %w", err)
		}
		data := map[string]string{"Role": string(bytes.TrimSpace(role)), "RoleID": RoleID, "Name": RoleName}
		if err := parsed.Execute(part.to, data); err != nil {
			return nil, fmt.Errorf("writing the role's solution: %w", err)
		}
	}
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for _, file := range []struct {
		name string
		data []byte
	}{
		{"solution.xml", manifest.Bytes()},
		{"customizations.xml", customizations.Bytes()},
		{"[Content_Types].xml", []byte(contentTypes)},
	} {
		// The earliest time that a zip file can hold.
		w, err := archive.CreateHeader(&zip.FileHeader{
			Name: file.name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC),
		})
		if err != nil {
			return nil, fmt.Errorf("writing the role's solution: %w", err)
		}
		if _, err := w.Write(file.data); err != nil {
			return nil, fmt.Errorf("writing the role's solution: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("writing the role's solution: %w", err)
	}
	return b.Bytes(), nil
}

const customizationsTemplate = `<ImportExportXml xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Entities></Entities>
  <Roles>
{{.Role}}
  </Roles>
  <Workflows></Workflows>
  <FieldSecurityProfiles></FieldSecurityProfiles>
  <Templates />
  <EntityMaps />
  <EntityRelationships />
  <OrganizationSettings />
  <optionsets />
  <CustomControls />
  <EntityDataProviders />
  <Languages>
    <Language>1033</Language>
  </Languages>
</ImportExportXml>
`

const manifestTemplate = `<ImportExportXml version="9.2.0.0" SolutionPackageVersion="9.2" languagecode="1033" generatedBy="CrmLive" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <SolutionManifest>
    <UniqueName>dbauditAuditor</UniqueName>
    <LocalizedNames>
      <LocalizedName description="{{.Name}}" languagecode="1033" />
    </LocalizedNames>
    <Descriptions />
    <Version>1.0.0.0</Version>
    <Managed>0</Managed>
    <Publisher>
      <UniqueName>dbaudit</UniqueName>
      <LocalizedNames>
        <LocalizedName description="dbaudit" languagecode="1033" />
      </LocalizedNames>
      <Descriptions />
      <EMailAddress xsi:nil="true"></EMailAddress>
      <SupportingWebsiteUrl xsi:nil="true"></SupportingWebsiteUrl>
      <CustomizationPrefix>dbaudit</CustomizationPrefix>
      <CustomizationOptionValuePrefix>31740</CustomizationOptionValuePrefix>
      <Addresses></Addresses>
    </Publisher>
    <RootComponents>
      <RootComponent type="20" id="{{"{"}}{{.RoleID}}{{"}"}}" behavior="0" />
    </RootComponents>
    <MissingDependencies />
  </SolutionManifest>
</ImportExportXml>
`

const contentTypes = `<?xml version="1.0" encoding="utf-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/octet-stream" /></Types>`
