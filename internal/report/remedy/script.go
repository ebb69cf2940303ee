package remedy

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Curl is the requests as a script for a POSIX shell, a line each; nil where there
// are none. The token is asked of the Azure CLI and handed to curl on its standard
// input, so that it stands in no argument. Placeholders in braces are to be filled
// in from what the requests before them answer.
func (r Remedy) Curl(origin string) []string {
	if len(r.Requests) == 0 {
		return nil
	}
	lines := []string{
		"TOKEN=$(az account get-access-token --resource " + shell(origin) + " --query accessToken -o tsv)",
		`call() { printf 'header = "Authorization: Bearer %s"\n' "$TOKEN" | curl -sS --fail-with-body -K - -H 'Accept: application/json' -H 'OData-Version: 4.0' "$@"; }`,
	}
	for _, q := range r.Requests {
		line := "call -X " + q.Method + " " + shell(q.URL)
		if q.Method == "PATCH" {
			// Without it a row that is not there would be made.
			line += " -H 'If-Match: *'"
		}
		if q.Body != "" {
			line += " -H 'Content-Type: application/json' -d " + shell(compact(q.Body))
		}
		lines = append(lines, comment(q.Purpose)+line)
	}
	return lines
}

// PowerShell is the requests as a PowerShell script, as [Remedy.Curl] is for a
// shell.
func (r Remedy) PowerShell(origin string) []string {
	if len(r.Requests) == 0 {
		return nil
	}
	lines := []string{
		"$token = az account get-access-token --resource " + powershell(origin) + " --query accessToken -o tsv",
		"$headers = @{ Authorization = \"Bearer $token\"; Accept = 'application/json'; 'OData-Version' = '4.0' }",
	}
	for _, q := range r.Requests {
		headers := "$headers"
		if q.Method == "PATCH" {
			headers = "($headers + @{ 'If-Match' = '*' })"
		}
		line := "Invoke-RestMethod -Method " + q.Method + " -Uri " + powershell(q.URL) + " -Headers " + headers
		if q.Body != "" {
			line += " -ContentType 'application/json; charset=utf-8' -Body " + powershell(compact(q.Body))
		}
		lines = append(lines, comment(q.Purpose)+line)
	}
	return lines
}

// comment is a line of both shells that says what the next one is for; a purpose
// can hold names, and no name may end the line.
func comment(purpose string) string {
	if purpose == "" {
		return ""
	}
	return "# to " + strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, purpose) + "\n"
}

func compact(body string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(body)) != nil {
		return body
	}
	return b.String()
}

// powershell quotes a string for PowerShell, which takes typographic quotes for
// plain ones.
func powershell(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch r {
		case '\'', '\u2018', '\u2019', '\u201a', '\u201b':
			b.WriteRune(r)
		}
		b.WriteRune(r)
	}
	b.WriteByte('\'')
	return b.String()
}

// shell quotes an argument for a POSIX shell.
func shell(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 && s[0] != '-' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
