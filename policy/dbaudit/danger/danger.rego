# METADATA
# title: Dangerous privileges
# description: >-
#   The one list of the privileges that rules call dangerous, each with what it lets its holder do. Names are in
#   lower case.
# related_resources:
#   - ref: https://learn.microsoft.com/power-platform/admin/miscellaneous-privileges
#     description: Miscellaneous privileges
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/impersonate-another-user
#     description: Impersonate another user
#   - ref: https://learn.microsoft.com/power-apps/developer/data-platform/bypass-custom-business-logic
#     description: Bypass custom Dataverse logic
#   - ref: https://learn.microsoft.com/power-platform/admin/security-roles-privileges
#     description: Security roles and privileges
#   - ref: https://learn.microsoft.com/power-platform/admin/database-security#predefined-security-roles
#     description: Predefined security roles
package dbaudit.danger

# METADATA
# description: The role templates whose holder is an administrator, by id in lower case.
administrators := {
	"627090ff-40a3-4053-8790-584edc5be201": "System Administrator",
	"119f245c-3cc8-4b62-b31c-d1a046ced15d": "System Customizer",
}

# METADATA
# description: What is dangerous in every role, since it goes past what other privileges and checks hold back.
always := {
	"prvactonbehalfofanotheruser": "act in the name of any other user",
	"prvactonbehalfofexternalparty": "act in the name of an external party",
	"prvbulkdelete": "delete records in bulk",
	"prvbypasscustombusinesslogic": "evade the organization's plug-ins and workflows",
	"prvbypasscustomplugins": "evade the organization's plug-ins",
	"prvdeleteauditpartitions": "delete the audit log",
	"prvdeleteauditrecordchangehistory": "delete the audit history of records",
	"prvoverridecreatedoncreatedby": "write records as if somebody else had made them",
	"prvsendasuser": "send e-mail as another user",
}

# METADATA
# description: >-
#   What is dangerous besides in the role of a vendor's integration, though people may need it for their work:
#   it widens the role's own power, changes the system, runs code in it, or takes data out.
_besides := {
	"prvconfiguresharepoint": "change where documents are kept",
	"prvcreatepluginassembly": "bring code of its own into the environment",
	"prvcreateplugintype": "bring code of its own into the environment",
	"prvcreaterole": "make security roles",
	"prvcreatesdkmessageprocessingstep": "have code run on what other users do",
	"prvcreateworkflow": "have processes run on what other users do",
	"prvdisableuser": "enable and disable users",
	"prvexecuteworkflow": "run processes",
	"prvexportcustomization": "take the environment's customizations out",
	"prvexporttoexcel": "take records out in bulk",
	"prvimportcustomization": "change the environment by importing solutions",
	"prvpromotetoadmin": "make users administrators",
	"prvpublishcustomization": "change the environment for all users",
	"prvworkflowexecution": "run processes",
	"prvwriteorganization": "change the organization's settings",
	"prvwritepluginassembly": "change the code that runs in the environment",
	"prvwriterole": "change security roles",
	"prvwritesdkmessageprocessingstep": "change what code runs on what other users do",
	"prvwriteworkflow": "change the processes that run on what other users do",
}

_rights := {
	"prvassign": "give records to other owners",
	"prvdelete": "delete records",
	"prvshare": "open records to others",
}

_named := object.union(always, _besides)

# METADATA
# description: >-
#   What the privilege of a name in lower case lets a vendor's integration do; undefined where it is no danger.
# scope: document
of_integration(name) := _named[name]

of_integration(name) := text if {
	not _named[name]
	some right, text in _rights
	startswith(name, right)
}
