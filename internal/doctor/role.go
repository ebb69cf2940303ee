package doctor

import (
	"bytes"
	"encoding/xml"
	"fmt"

	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// actOnBehalf is the privilege to impersonate another user.
const actOnBehalf = "prvActOnBehalfOfAnotherUser"

// Least are the privileges that an auditor needs for a scan with --scope environment, and no
// others, sorted by name. They permit no writes.
func Least() []Privilege {
	return []Privilege{
		{actOnBehalf, snapshot.DepthGlobal, "Business Management > Act on Behalf of Another User, in a role assigned to it directly"},
		{"prvReadBusinessUnit", snapshot.DepthGlobal, "Business Management > Business Unit > Read"},
		{"prvReadFieldSecurityProfile", snapshot.DepthGlobal, "Business Management > Field Security Profile > Read"},
		{"prvReadOrganization", snapshot.DepthGlobal, "Business Management > Organization > Read"},
		{"prvReadQuery", snapshot.DepthGlobal, "Customization > View > Read"},
		{"prvReadRole", snapshot.DepthGlobal, "Business Management > Security Role > Read"},
		{"prvReadTeam", snapshot.DepthGlobal, "Business Management > Team > Read"},
		{"prvReadUser", snapshot.DepthGlobal, "Business Management > User > Read"},
		{"prvReadUserQuery", snapshot.DepthBasic, "Core Records > Saved View > Read"},
	}
}

// The minimal role's name, and its id, which is the same everywhere, so that a second import
// changes the role and does not create another.
const (
	RoleName = "dbaudit Auditor"
	RoleID   = "6f1b7a52-3f0e-4d0a-9c58-2b1d5e8f7a40"
)

// Blind are the rules whose controls are unknown without impersonation: only their owners and
// those whom they are shared with see personal views.
func Blind() []string { return []string{"view/shared", "view/active"} }

// WhyImpersonate says why the minimal role has a privilege that is dangerous elsewhere.
const WhyImpersonate = "the role has " + actOnBehalf + " to read the personal views that only the integration user and their owners see; " +
	"impersonation allows only what both identities may do, and the role grants no right to write, so nothing can be written on anybody's behalf"

type roleDocument struct {
	XMLName      xml.Name `xml:"Role"`
	Schema       string   `xml:"xmlns:xsi,attr"`
	ID           string   `xml:"id,attr"`
	Name         string   `xml:"name,attr"`
	Inherited    int      `xml:"isinherited,attr"`
	Customizable int      `xml:"IsCustomizable"`
	Privileges   []grant  `xml:"RolePrivileges>RolePrivilege"`
}

type grant struct {
	Name  string `xml:"name,attr"`
	Level string `xml:"level,attr"`
}

// RoleXML is the minimal role as a solution component: the file
// Roles/dbaudit Auditor.xml of an unpacked solution. Without impersonate, it leaves out the
// privilege to impersonate others; see [Blind].
func RoleXML(impersonate bool) ([]byte, error) {
	doc := roleDocument{
		Schema: "http://www.w3.org/2001/XMLSchema-instance", ID: "{" + RoleID + "}", Name: RoleName,
		// 1: a role held through a team counts as the member's own.
		Inherited: 1, Customizable: 1,
	}
	for _, p := range Least() {
		if p.Name == actOnBehalf && !impersonate {
			continue
		}
		doc.Privileges = append(doc.Privileges, grant{p.Name, p.Depth.Wire()})
	}
	body, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the role: %w", err)
	}
	// As exported solutions have it, so that importing and exporting again shows no
	// difference.
	body = bytes.ReplaceAll(body, []byte("></RolePrivilege>"), []byte(" />"))
	return append([]byte(`<?xml version="1.0" encoding="utf-8"?>`+"\n"), append(body, '\n')...), nil
}
