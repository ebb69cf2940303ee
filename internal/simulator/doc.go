// Package simulator is an embedded Dataverse environment: the Web API, and the Microsoft Entra token
// endpoint for it, on separate HTTPS listeners. The demonstration, training and dbaudit's tests send it
// real requests.
//
// It implements the documented protocol, not what our client expects. The sources are Microsoft's
// reference "Use the Microsoft Dataverse Web API", the pages on each table in "Dataverse table/entity
// reference", "Impersonate another user using the Web API", "Service protection API limits" and "Web
// service error codes". It supports what its clients use (see CONTRIBUTING.md), and refuses the
// rest as Dataverse refuses what is wrong: an unknown column, function or option is 400, a wrong entity
// set 404. What a caller sees depends on its privileges, at their depths.
//
// An [Environment] is plain data, readable and writable by a person as YAML. A running [Server] holds
// one; every write makes a new one, so that readers never see half of a change. The same environment
// and the same requests give the same answers: ids that are not given are derived from names.
//
// # What is not documented, and how it was decided
//
//   - The share table (principalobjectaccessset) names no privilege. Here a caller sees the shares with
//     users if it has prvReadUser, and with teams if it has prvReadTeam; with neither it is refused.
//   - The intersect tables require read privileges for both tables.
//   - The privilege table requires no privilege, only a caller with a role.
//   - A privilege without documented depths can be granted at Global.
//   - roleprivilegescollection has rows for the root copy of a role only;
//     RetrieveRolePrivilegesRole answers for every copy.
//   - A role that a user has through a team and that is not inherited (isinherited 0) gives
//     that user its Basic privileges only on rows of the team.
//   - AddPrivilegesRole sets the given depth, whether greater or smaller than before.
//   - Where the reference names no error code for a refusal, the code is left empty, as Dataverse's
//     own error bodies sometimes are.
package simulator
