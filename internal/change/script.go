package change

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// A script can be pasted at a prompt, and stops at the first request that fails. The token is in
// no argument. A variable holds the value from a response that later requests need. A comment
// lists the values in braces that must be filled in first. Names appear only in bodies, in ASCII
// on one line, so that no code page or line break can change what is sent.

// CurlScript returns the lines of a script for a POSIX shell with curl and jq that sends the
// requests. It returns nil if there are no requests.
func (r Remedy) CurlScript() []string {
	start := []string{
		"token=$(az account get-access-token --resource " + QuoteShell(r.origin) + " --query accessToken -o tsv </dev/null)",
		`call() { printf 'header = "Authorization: Bearer %s"\n' "$token" | curl -gsS --fail-with-body -K - -H 'Accept: application/json' -H 'OData-Version: 4.0' -H 'OData-MaxVersion: 4.0' "$@"; }`,
	}
	const only = `only() { jq -r --arg column "$1" 'if has("value") then .value else [.] end | if length == 1 then .[0][$column] // empty else error("there are \(length) rows, not 1") end' | grep .; }`
	quote := func(parts []segment) string {
		var b strings.Builder
		for _, p := range parts {
			if p.variable {
				b.WriteString(`"$` + p.text + `"`)
			} else {
				b.WriteString(QuoteShell(p.text))
			}
		}
		return b.String()
	}
	line := func(q Call, quote func(string) string) string {
		call := "call"
		if q.Method != "GET" {
			call += " -X " + q.Method
		}
		call += " " + quote(q.URL)
		for _, h := range q.Headers {
			call += " -H " + quote(h.Name+": "+h.Value)
		}
		if q.Body != "" {
			call += " -H 'Content-Type: application/json' -d " + quote(asciiJSON(q.Body))
		}
		if q.setsVariable() {
			call = fmt.Sprintf("%s=$(%s | only %s)", variableName(q.Placeholder), call, q.Column)
		}
		return call
	}
	return r.script(dialect{"sh -eu <<'END'", "END", only, start, quote, line})
}

// PowerShellScript returns the lines of a script for Windows PowerShell 5.1 or later that sends the
// requests. It returns nil if there are no requests.
func (r Remedy) PowerShellScript() []string {
	start := []string{
		"$ErrorActionPreference = 'Stop'",
		"$token = az account get-access-token --resource " + QuotePowerShell(r.origin) + " --query accessToken -o tsv",
		"$headers = @{ 'Authorization' = \"Bearer $token\"; 'Accept' = 'application/json'; 'OData-Version' = '4.0'; 'OData-MaxVersion' = '4.0' }",
	}
	const only = `function Select-Only($answer, $column) { $rows = @(if ($answer.PSObject.Properties['value']) { $answer.value } else { $answer }); if ($rows.Count -ne 1) { throw "there are $($rows.Count) rows, not 1" }; $rows[0].$column }`
	quote := func(parts []segment) string {
		texts := make([]string, len(parts))
		for i, p := range parts {
			texts[i] = QuotePowerShell(p.text)
			if p.variable {
				texts[i] = "$" + p.text
			}
		}
		if len(texts) == 1 {
			return texts[0]
		}
		return "(" + strings.Join(texts, " + ") + ")"
	}
	line := func(q Call, quote func(string) string) string {
		headers := "$headers"
		if len(q.Headers) > 0 {
			var more []string
			for _, h := range q.Headers {
				more = append(more, QuotePowerShell(h.Name)+" = "+quote(h.Value))
			}
			headers = "($headers + @{ " + strings.Join(more, "; ") + " })"
		}
		call := "Invoke-RestMethod -Method " + q.Method + " -Uri " + quote(q.URL) + " -Headers " + headers
		if q.Body != "" {
			call += " -ContentType 'application/json' -Body " + quote(asciiJSON(q.Body))
		}
		if q.setsVariable() {
			call = fmt.Sprintf("$%s = Select-Only (%s) %s", variableName(q.Placeholder), call, QuotePowerShell(q.Column))
		}
		return call
	}
	return r.script(dialect{"& {", "}", only, start, quote, line})
}

// A dialect writes a script for a shell.
type dialect struct {
	first, last string // the lines around the script
	only        string // the function that returns a column of the only row of a response
	start       []string
	quote       func([]segment) string
	line        func(q Call, quote func(string) string) string // sends a request
}

func (r Remedy) script(d dialect) []string {
	if len(r.Requests) == 0 {
		return nil
	}
	lines := slices.Concat([]string{d.first}, r.placeholderComment(), d.start)
	if slices.ContainsFunc(r.Requests, Call.setsVariable) {
		lines = append(lines, d.only)
	}
	var filled []string
	for _, q := range r.Requests {
		lines = append(lines, comment("to "+q.Purpose), d.line(q, func(s string) string { return d.quote(splitAtVariables(s, filled)) }))
		if q.setsVariable() && !slices.Contains(filled, q.Placeholder) {
			filled = append(filled, q.Placeholder)
		}
	}
	return append(lines, d.last)
}

// setsVariable reports whether the response fills in a placeholder that is valid as a variable
// name. The placeholder of a privilege may contain anything.
func (r Call) setsVariable() bool {
	return r.Placeholder != "" && strings.Trim(variableName(r.Placeholder), wordCharacters) == ""
}

const wordCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// placeholderComment returns a comment that lists the placeholders that no request fills in.
func (r Remedy) placeholderComment() []string {
	// A quotation mark follows the brace of a JSON object.
	placeholder := regexp.MustCompile(`\{[^{}"]+\}`)
	var filled, open []string
	for _, q := range r.Requests {
		text := q.URL + " " + asciiJSON(q.Body)
		for _, h := range q.Headers {
			text += " " + h.Value
		}
		for _, p := range placeholder.FindAllString(text, -1) {
			if !slices.Contains(filled, p) && !slices.Contains(open, p) {
				open = append(open, p)
			}
		}
		if q.setsVariable() {
			filled = append(filled, q.Placeholder)
		}
	}
	if open == nil {
		return nil
	}
	return []string{comment("first fill in " + strings.Join(open, ", "))}
}

// A segment is a part of a text: literal text, or the name of a variable.
type segment struct {
	text     string
	variable bool
}

// splitAtVariables splits a text at the filled placeholders. No request contains a zero byte.
func splitAtVariables(s string, filled []string) []segment {
	for _, p := range filled {
		s = strings.ReplaceAll(s, p, "\x00"+p+"\x00")
	}
	var parts []segment
	for i, text := range strings.Split(s, "\x00") {
		switch {
		case i%2 == 1:
			parts = append(parts, segment{variableName(text), true})
		case text != "":
			parts = append(parts, segment{text: text})
		}
	}
	return parts
}

func variableName(placeholder string) string {
	return strings.ReplaceAll(strings.Trim(placeholder, "{}"), " ", "_")
}

// comment returns a comment for both shells. Nothing in the text can end it.
func comment(text string) string {
	return "# " + strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}

// asciiJSON returns a JSON document on one line, in ASCII.
func asciiJSON(body string) string {
	var compact bytes.Buffer
	_ = json.Compact(&compact, []byte(body)) // the only invalid document is an empty body, which stays empty
	var b strings.Builder
	for _, r := range compact.String() {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// QuoteShell quotes an argument for a POSIX shell. It puts a name with an apostrophe in double
// quotes, which work in PowerShell too, unless the name has a special character.
func QuoteShell(s string) string {
	switch {
	case s != "" && s[0] != '-' && strings.Trim(s, wordCharacters+"./:@=-") == "":
		return s
	case strings.ContainsAny(s, "'\u2018\u2019\u201a\u201b") && !strings.ContainsAny(s, "\"\u201c\u201d\u201e$`\\!"):
		return `"` + s + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// QuotePowerShell quotes a string for PowerShell, which treats typographic quotes like plain ones.
func QuotePowerShell(s string) string {
	double := strings.NewReplacer("'", "''", "\u2018", "\u2018\u2018", "\u2019", "\u2019\u2019", "\u201a", "\u201a\u201a", "\u201b", "\u201b\u201b")
	return "'" + double.Replace(s) + "'"
}
