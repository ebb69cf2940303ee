package doctor

import (
	"archive/zip"
	"bytes"
	"embed"
	"fmt"
	"io"
	"slices"
	"text/template"
	"time"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/privileges"
)

// AuditorPrivileges returns the privileges that an auditor needs for a scan with --scope environment,
// and no others, sorted by name. They permit no writes.
func AuditorPrivileges() []Privilege {
	return []Privilege{
		{privileges.Impersonate, audit.DepthGlobal, "Business Management > Act on Behalf of Another User, in a role assigned to it directly"},
		{"prvReadBusinessUnit", audit.DepthGlobal, "Business Management > Business Unit > Read"},
		{"prvReadFieldSecurityProfile", audit.DepthGlobal, "Business Management > Field Security Profile > Read"},
		{"prvReadOrganization", audit.DepthGlobal, "Business Management > Organization > Read"},
		{"prvReadQuery", audit.DepthGlobal, "Customization > View > Read"},
		{"prvReadRole", audit.DepthGlobal, "Business Management > Security Role > Read"},
		{"prvReadTeam", audit.DepthGlobal, "Business Management > Team > Read"},
		{"prvReadUser", audit.DepthGlobal, "Business Management > User > Read"},
		{"prvReadUserQuery", audit.DepthBasic, "Core Records > Saved View > Read"},
	}
}

// The name and id of the minimal role. The id is constant, so that a second import updates the role
// and does not create another.
const (
	RoleName = "dbaudit Auditor"
	RoleID   = "6f1b7a52-3f0e-4d0a-9c58-2b1d5e8f7a40"
)

// RulesNeedingImpersonation returns the rules that cannot be judged without impersonation. Only the
// owner of a personal view, and the users that it is shared with, can read it.
func RulesNeedingImpersonation() []string { return []string{"view/shared", "view/active"} }

// ImpersonationReason says why the minimal role has a dangerous privilege.
const ImpersonationReason = "the role has " + privileges.Impersonate + " to read the personal views that only the integration user and their owners see; " +
	"impersonation allows only what both identities may do, and the role grants no right to write, so it cannot write on any user's behalf"

// solutionFiles are the templates of the files of the role's solution. Solutions that environments
// export have the same files (Microsoft, "Solution file reference"): solution.xml names the role as
// a root component of type 20, and customizations.xml contains it.
//
//go:embed solution
var solutionFiles embed.FS

// RoleXML returns the minimal role as a solution component: the file Roles/dbaudit Auditor.xml of an
// unpacked solution. Without impersonate, the role lacks the privilege to impersonate others; see
// [RulesNeedingImpersonation].
func RoleXML(impersonate bool) ([]byte, error) {
	b := bytes.NewBufferString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	err := render(b, "role.xml", impersonate)
	return b.Bytes(), err
}

// RoleZip returns the minimal role as an unmanaged solution, for an import in the maker portal or
// with `pac solution import`. Equal input gives equal bytes.
func RoleZip(impersonate bool) ([]byte, error) {
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for _, file := range [][2]string{
		{"solution.xml", "solution.xml"}, {"customizations.xml", "customizations.xml"}, {"[Content_Types].xml", "content_types.xml"},
	} {
		// 1980 is the earliest time that a zip file can have.
		w, err := archive.CreateHeader(&zip.FileHeader{Name: file[0], Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err == nil {
			err = render(w, file[1], impersonate)
		}
		if err != nil {
			return nil, fmt.Errorf("writing the role's solution: %w", err)
		}
	}
	err := archive.Close()
	return b.Bytes(), err
}

func render(w io.Writer, name string, impersonate bool) error {
	templates, err := template.ParseFS(solutionFiles, "solution/*.xml")
	if err != nil {
		return fmt.Errorf("writing the role: %w", err)
	}
	granted := slices.DeleteFunc(AuditorPrivileges(), func(p Privilege) bool { return p.Name == privileges.Impersonate && !impersonate })
	return templates.ExecuteTemplate(w, name, map[string]any{"ID": RoleID, "Name": RoleName, "Privileges": granted}) //nolint:wrapcheck // it is embedded
}
