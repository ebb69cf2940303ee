package doctor

import (
	"archive/zip"
	"bytes"
	"embed"
	"fmt"
	"text/template"
	"time"
)

// solutionFiles are the files of the role's solution, as templates.
//
//go:embed solution
var solutionFiles embed.FS

// RoleZip is the minimal role as an unmanaged solution that can be imported: in the maker
// portal, or by `pac solution import`. Equal input gives equal bytes.
//
// Its files are those of solutions that environments export (Microsoft, "Solution file
// reference"): solution.xml names the role as a root component of type 20, and
// customizations.xml contains it.
func RoleZip(impersonate bool) ([]byte, error) {
	role, err := RoleXML(impersonate)
	if err != nil {
		return nil, err
	}
	_, role, _ = bytes.Cut(role, []byte("?>\n")) // the outer document has the declaration
	data, err := roleZip(map[string]string{"Role": string(bytes.TrimSpace(role)), "RoleID": RoleID, "Name": RoleName})
	if err != nil {
		return nil, fmt.Errorf("writing the role's solution: %w", err)
	}
	return data, nil
}

func roleZip(data map[string]string) ([]byte, error) {
	templates, err := template.ParseFS(solutionFiles, "solution/*.xml")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for _, file := range [][2]string{
		{"solution.xml", "solution.xml"}, {"customizations.xml", "customizations.xml"}, {"[Content_Types].xml", "content_types.xml"},
	} {
		// The earliest time that a zip file can have.
		w, err := archive.CreateHeader(&zip.FileHeader{Name: file[0], Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return nil, err
		}
		if err := templates.ExecuteTemplate(w, file[1], data); err != nil {
			return nil, err
		}
	}
	err = archive.Close()
	return b.Bytes(), err
}
