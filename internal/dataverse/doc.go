// Package dataverse is a client of the Microsoft Dataverse Web API that would
// rather fail than be silently short.
//
// What it promises:
//
//   - A [Client] only reads. Writing needs a [Writer], which is a type of its
//     own and made by its own constructor.
//   - Rows are complete or there is an error: pages are followed to the last
//     @odata.nextLink; a body that is truncated, is not JSON, repeats a link or lacks its
//     "value" is read again and, if that does not help, reported as [Protocol]. The same
//     goes for collections expanded inside a row.
//   - Reads are repeated after 500, 502, 503, 504, timeouts and broken
//     connections, with jittered exponential waits and a bound. Writes are not:
//     an error of a write says whether the change may have happened. A 429 was
//     not executed, so it is repeated for every verb, after its Retry-After.
//   - A token is sent to the environment's own origin and nowhere else.
//     Redirects are not followed, no cookie is kept, links to other hosts are
//     refused, and nothing below TLS 1.2 is spoken.
//   - Names, ids and values go through the query builder ([Collection], [Row],
//     [Function]), which encodes or refuses them: none can change what a request
//     means.
//   - Neither token nor secret is part of an error, an event or a printed value.
//
// Each of these behaviours is one small layer around the next: waiting and
// repeating (retrier), tokens (authorizer), concurrency (limiter), the exchange
// itself (wire), and the guard of the origin below all of them.
//
// Sources, all of Microsoft's "Power Apps developer documentation, Dataverse":
// "Compose HTTP requests and handle errors" (headers, status codes, error form),
// "Page results using OData" and "Join tables using OData" (paging, expanded
// collections), "Use Web API functions" (parameter aliases, references),
// "Service protection API limits" and "Send parallel requests" (429,
// Retry-After, x-ms-dop-hint, the affinity cookie), "Impersonate another user
// using the Web API", "Perform conditional operations using the Web API"; and
// Microsoft Entra's "Claims challenges, claims requests and client capabilities".
package dataverse
