# A message for Teams or Slack from the Markdown of dbaudit diff. Names come out of an
# environment, so that all is sent as plain text: as text runs of an Adaptive Card, in which
# Teams reads no Markdown, and without mrkdwn in Slack.

# plain takes the escapes of Markdown away.
def plain:
  gsub("&lt;"; "<") | gsub("&gt;"; ">") | gsub("&#124;"; "|") | gsub("&#58;"; ":") | gsub("&#46;"; ".") | gsub("&amp;"; "&")
  | gsub("\\\\(?<c>[^A-Za-z0-9 ])"; .c);

def cut($n): if length > $n then .[:$n] + "…" else . end;

def separator: test("^\\|( ?-+ ?\\|)+$");

# lines are what is worth a line of a message: of a table its rows, without the header.
def lines:
  split("\n") as $all
  | [range(0; $all | length) as $i
    | $all[$i]
    | select(length > 0)
    | select((separator or ($all[$i + 1] // "" | separator)) | not)
    | if startswith("| ") then "• " + (ltrimstr("| ") | rtrimstr(" |") | split(" | ") | map(plain) | join(" · "))
      else sub("^#+ "; "") | sub("^\\*\\*(?<text>.*)\\*\\*$"; .text) | plain
      end
    | cut(250)]
  | if length > 30 then .[:30] + ["… and \(length - 30) more lines"] else . end;

(lines + if $link == "" then [] else [$link] end) as $lines
| if $kind == "teams" then
    {type: "message", attachments: [{
      contentType: "application/vnd.microsoft.card.adaptive",
      contentUrl: null,
      content: {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", type: "AdaptiveCard", version: "1.4",
        msteams: {width: "Full"},
        body: [$lines | to_entries[] | {type: "RichTextBlock", inlines: [
          {type: "TextRun", text: .value} + if .key == 0 then {weight: "Bolder", size: "Medium"} else {} end]}]
      }
    }]}
  else
    {mrkdwn: false, text: ($lines | join("\n") | gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;"))}
  end
