// Package dataverse is a client of the Microsoft Dataverse Web API. It fails rather than return
// incomplete data.
//
//   - A [Client] only reads. Writing needs a [Writer], with its own constructor.
//   - Rows are complete or there is an error: pages are followed to the last
//     @odata.nextLink, those of expanded collections too. A body that is truncated, is not
//     JSON, repeats a link or lacks its "value" is read again and, if that does not help,
//     reported as [Protocol].
//   - Reads are repeated after 500, 502, 503, 504, timeouts and broken connections, within
//     bounds. Writes are not: an error of a write says whether the change may have happened.
//     A 429 was not executed, so it is repeated for every verb, after its Retry-After.
//   - A token is sent to the environment's own origin only. Redirects are not followed, no
//     cookie is kept, links to other hosts are refused, and TLS below 1.2 is not spoken.
//   - Names, ids and values go through the query builder ([Collection], [Row], [Function]),
//     which encodes or refuses them: none can change what a request means.
//   - Neither token nor secret is part of an error, an event or a printed value.
//
// The layers, from the top: retrier, authorizer, limiter, wire, and the guard of the origin.
//
// Sources, of Microsoft's "Power Apps developer documentation, Dataverse": "Compose HTTP
// requests and handle errors", "Page results using OData", "Join tables using OData", "Use
// Web API functions", "Service protection API limits", "Send parallel requests",
// "Impersonate another user using the Web API", "Perform conditional operations using the
// Web API"; and Microsoft Entra's "Claims challenges, claims requests and client
// capabilities".
package dataverse
