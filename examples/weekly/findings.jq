# What to do in a tracker so that it has one item for each finding that failed. The input
# is a result, or several, of dbaudit -f json; $items are those that the tracker has, each
# {id, open, title, body}. An item is known by the last line of its body. The output is a
# list of {do, id, title, facts, mark}.

def clean: gsub("[[:cntrl:]]"; " ");
def cut($n): if length > $n then .[:$n - 1] + "…" else . end;

def marks: capture("dbaudit (?<fingerprint>[0-9a-f]{32}) (?<where>[^ <]* [^ <]+ [^ <]+)[^a-zA-Z]*(</[a-z]+>)*\\s*$");

(.results // [.]) as $results
| [$results[] | . as $r | .controls[]? | . as $c
    | {where: "\($r.environment.organization_id) \($r.profile.name) \(.id)"} as $at
    | .findings[]?
    | select($c.outcome == "fail" and .waiver == null)
    | {
        fingerprint,
        title: ("dbaudit: \($r.environment.name): \($c.id): \(.message)" | clean | cut(250)),
        facts: ([
          "environment  \($r.environment.name)  \($r.environment.url)",
          "control      \($c.id) (\($c.severity))  \($c.title)",
          "finding      \(.message)",
          "explained    dbaudit explain \($c.id)",
          "fix          dbaudit plan --env \($r.environment.name | @sh) --only \($c.id)"
        ] | map(clean)),
        mark: "dbaudit \(.fingerprint) \($at.where)"
      }] as $findings
# A finding that is waived, or of a control that could not be judged, is not gone.
| [$results[] | .controls[]? | .findings[]? | .fingerprint] as $present
| [$results[] | . as $r | .controls[]? | select((.outcome == "pass" or .outcome == "fail") and (.unjudged // [] == []))
    | "\($r.environment.organization_id) \($r.profile.name) \(.id)"] as $judged
| [$items[] | . as $item | (.body // "" | marks) | $item + .] as $known
| ($known | map({key: .fingerprint, value: .}) | from_entries) as $by
| [$findings[] | . as $f | $by[.fingerprint]
    | if . == null then $f + {do: "create"}
      elif .open | not then $f + {do: "reopen", id}
      elif .title != $f.title then $f + {do: "update", id}
      else empty end]
  + [$known[] | select(.open) | . as $k
    | select(($present | index($k.fingerprint)) == null and ($judged | index($k.where)) != null)
    | {do: "close", id, title}]
