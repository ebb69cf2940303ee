# METADATA
# title: Dangerous privileges
# description: >-
#   Dangerous privileges, each with what it lets its holder do. Names are in lower case.
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
# description: Privileges that are dangerous in every role, because they bypass other
#   privileges and checks.
always := {
	"prvactonbehalfofanotheruser": "act in the name of any other user",
	"prvactonbehalfofexternalparty": "act in the name of an external party",
	"prvbulkdelete": "delete records in bulk",
	"prvbypasscustombusinesslogic": "bypass the organization's plug-ins and workflows",
	"prvbypasscustomplugins": "bypass the organization's plug-ins",
	"prvdeleteauditpartitions": "delete the audit log",
	"prvdeleteauditrecordchangehistory": "delete the audit history of records",
	"prvoverridecreatedoncreatedby": "write records as if somebody else had created them",
	"prvsendasuser": "send e-mail as another user",
}

# METADATA
# description: >-
#   Privileges that are also dangerous in the role of a vendor's integration, though people
#   may need them for their work: they widen the role's own power, change the system, run
#   code in it, or export data.
_in_integrations := {
	"prvconfiguresharepoint": "change where documents are stored",
	"prvcreatepluginassembly": "add custom code to the environment",
	"prvcreateplugintype": "add custom code to the environment",
	"prvcreaterole": "create security roles",
	"prvcreatesdkmessageprocessingstep": "run code on the actions of other users",
	"prvcreateworkflow": "run processes on the actions of other users",
	"prvdisableuser": "enable and disable users",
	"prvexecuteworkflow": "run processes",
	"prvexportcustomization": "export the environment's customizations",
	"prvexporttoexcel": "export records in bulk",
	"prvimportcustomization": "change the environment by importing solutions",
	"prvpromotetoadmin": "make users administrators",
	"prvpublishcustomization": "change the environment for all users",
	"prvworkflowexecution": "run processes",
	"prvwriteorganization": "change the organization's settings",
	"prvwritepluginassembly": "change the code that runs in the environment",
	"prvwriterole": "change security roles",
	"prvwritesdkmessageprocessingstep": "change which code runs on the actions of other users",
	"prvwriteworkflow": "change the processes that run on the actions of other users",
}

_rights := {
	"prvassign": "assign records to other owners",
	"prvdelete": "delete records",
	"prvshare": "share records with others",
}

_all := object.union(always, _in_integrations)

# METADATA
# description: What each dangerous privilege among the names lets a vendor's integration do.
of_integration(names) := object.union(_by_right(names), object.filter(_all, names & object.keys(_all)))

# METADATA
# description: What each privilege among the names that is dangerous in every role lets its holder do.
of_any(names) := object.filter(always, names & object.keys(always))

# METADATA
# description: Powers over the environment. One privilege of each set gives the power.
powers := {
	"change and assign security roles": [{"prvcreaterole", "prvwriterole"}, {"prvassignrole"}],
	"make users administrators": [{"prvpromotetoadmin"}],
	"change the organization's settings": [{"prvwriteorganization"}],
	"import and publish customizations": [{"prvimportcustomization"}, {"prvpublishcustomization"}],
}

# METADATA
# description: All privileges that are part of a power.
powerful := union({set | some sets in powers; some set in sets})

_by_right(names) := {name: text |
	strings.any_prefix_match(names, object.keys(_rights))
	some right, text in _rights
	some name in names
	startswith(name, right)
}
