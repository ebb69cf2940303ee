package change

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/dbaudit/dbaudit/internal/audit"
)

const (
	hostile = "O'Brien’s \"$(touch pwned)\" `touch pwned`; touch pwned\nEND\ntouch pwned # {roleid} 🦄"
	origin  = "https://contoso.crm.dynamics.com"
)

// hostileFix returns a fix with hostile names. Its ids are hostile too if ids is set, as in a
// result that somebody edited.
func hostileFix(kind audit.FixKind, ids bool) audit.Fix {
	id := func(id string) string {
		if ids {
			return hostile
		}
		return id
	}
	return audit.Fix{
		Kind: kind, Role: &audit.Reference{ID: id("r"), Name: hostile}, User: &audit.Reference{ID: id("u"), Name: hostile},
		View: &audit.Reference{ID: id("v"), Name: hostile}, Owner: &audit.Reference{ID: id(""), Name: hostile}, Table: "account",
		BusinessUnit: &audit.Reference{ID: id(""), Name: hostile}, Team: &audit.Reference{ID: id("t"), Name: hostile}, ApplicationID: id("a"),
		Privileges: []audit.Grant{{Name: "prvReadLead", ID: id("p"), Depth: audit.DepthGlobal}, {Name: id("prvReadList"), Depth: audit.DepthGlobal}},
		Principals: []audit.Reference{{Kind: "systemuser", ID: id("u"), Name: hostile}},
	}
}

func skipWithout(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
}

// TestCurl runs the scripts of every kind of fix with fakes of az and curl. curl receives the
// request unchanged, whatever the names contain, and the token is in no argument.
func TestCurl(t *testing.T) {
	dir := t.TempDir()
	writeProgram := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeProgram("az", "while read -r line; do echo \"$line\"; done; echo the-token\n") // it must not read the script as its input
	writeProgram("curl", `{ for a in "$@"; do printf '%s\0' "$a"; done; printf '\n'; } >>"$OUT"; cat >>"$OUT.stdin"
echo '{"value":[{"roleid":"the-roleid","systemuserid":"the-systemuserid","businessunitid":"the-businessunitid","_businessunitid_value":"the-businessunitid","teamid":"the-teamid","privilegeid":"the-privilegeid of prvReadList"}]}'
`)
	skipWithout(t, "sh", "jq")
	placeholder := regexp.MustCompile(`\{(roleid|systemuserid|businessunitid|teamid|privilegeid of prvReadList)\}`)
	for _, kind := range Kinds() {
		for _, ids := range []bool{false, true} {
			r := RemedyFor(hostileFix(kind, ids), contoso())
			script := strings.Join(r.CurlScript(), "\n")
			if len(r.Requests) == 0 {
				if script != "" || r.PowerShellScript() != nil {
					t.Errorf("%s: a script without requests", kind)
				}
				continue
			}
			out := filepath.Join(dir, string(kind))
			os.Remove(out)
			cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
			cmd.Dir = dir
			cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "OUT=" + out}
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s\n%s", kind, err, text, script)
				continue
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			calls := strings.Split(strings.TrimSuffix(string(data), "\x00\n"), "\x00\n")
			if len(calls) != len(r.Requests) {
				t.Fatalf("%s: %d calls for %d requests", kind, len(calls), len(r.Requests))
			}
			for i, q := range r.Requests {
				want := []string{q.URL}
				if q.Method != "GET" {
					want = []string{"-X", q.Method, q.URL}
				}
				for _, h := range q.Headers {
					want = append(want, "-H", h.Name+": "+h.Value)
				}
				if q.Body != "" {
					want = append(want, "-H", "Content-Type: application/json", "-d", asciiJSON(q.Body))
				}
				arguments := strings.Join(want, "\x00")
				if kind != RemoveDuplicateUser { // a person chooses the user
					arguments = placeholder.ReplaceAllString(arguments, "the-$1")
				}
				if !strings.HasSuffix(calls[i], "OData-MaxVersion: 4.0\x00"+strings.ReplaceAll(arguments, "{ownerid}", "the-systemuserid")) {
					t.Errorf("%s: call %d is\n%q, not\n%q", kind, i, calls[i], arguments)
				}
				if strings.Contains(calls[i], "the-token") {
					t.Errorf("%s: the token appears in an argument", kind)
				}
			}
			header, err := os.ReadFile(out + ".stdin")
			if err != nil || !strings.Contains(string(header), `header = "Authorization: Bearer the-token"`) {
				t.Errorf("%s: curl is given %q, %v", kind, header, err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
		t.Error("a name ran as a command")
	}
}

// TestCurlStops: a script stops after a request that fails, or that finds no row or several.
func TestCurlStops(t *testing.T) {
	skipWithout(t, "sh", "jq")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "az"), []byte("#!/bin/sh\necho the-token\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	script := strings.Join(RemedyFor(hostileFix(AssignRole, false), contoso()).CurlScript(), "\n")
	for name, answer := range map[string]string{
		"none": `echo '{"value":[]}'`, "several": `echo '{"value":[{"businessunitid":"a"},{"businessunitid":"b"}]}'`,
		"no such column": `echo '{"value":[{"businessunitid":null}]}'`, "nothing": "true", "no JSON": "echo '<html>'", "failure": `echo '{"error":{}}'; exit 22`,
	} {
		calls := filepath.Join(dir, "calls")
		os.Remove(calls)
		if err := os.WriteFile(filepath.Join(dir, "curl"), []byte("#!/bin/sh\ncat >/dev/null\necho call >>"+calls+"\n"+answer+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		text, err := cmd.CombinedOutput()
		if sent, _ := os.ReadFile(calls); err == nil || string(sent) != "call\n" {
			t.Errorf("%s: it went on: %v, %q\n%s", name, err, sent, text)
		}
	}
}

// TestScriptsAreLines: scripts are safe to paste and to save in any encoding. No line contains a
// line break, only comments are not ASCII, and every PowerShell string ends on its line.
func TestScriptsAreLines(t *testing.T) {
	for _, kind := range Kinds() {
		for _, env := range []audit.Environment{{URL: origin}, {URL: hostile}, {URL: "https://x\nEND\ntouch pwned"}, {}} {
			r := RemedyFor(hostileFix(kind, true), Place{Environment: env})
			for _, line := range slices.Concat(r.CurlScript(), r.PowerShellScript()) {
				if strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || unicode.In(c, unicode.Zl, unicode.Zp) }) {
					t.Errorf("%s: a line break in %q", kind, line)
				}
				if !strings.HasPrefix(line, "# ") && strings.ContainsFunc(line, func(c rune) bool { return c > unicode.MaxASCII }) {
					t.Errorf("%s: not ASCII: %q", kind, line)
				}
			}
			for _, line := range r.PowerShellScript() {
				if rest := unquoted(line); strings.Contains(rest, "pwned") {
					t.Errorf("%s: %q is not quoted in %q", kind, rest, line)
				}
			}
		}
	}
}

// unquoted returns a line of PowerShell without its single-quoted strings and comments. According
// to "about_Quoting_Rules", a quote in a string is doubled, and typographic single quotes are
// single quotes.
func unquoted(line string) string {
	var out []rune
	runes := []rune(line)
	isQuote := func(r rune) bool { return strings.ContainsRune("'‘’‚‛", r) }
	for i := 0; i < len(runes); i++ {
		switch {
		case runes[i] == '#':
			return string(out)
		case !isQuote(runes[i]):
			out = append(out, runes[i])
		default:
			for i++; i < len(runes) && (!isQuote(runes[i]) || i+1 < len(runes) && isQuote(runes[i+1])); i++ {
				if isQuote(runes[i]) {
					i++
				}
			}
			if i >= len(runes) {
				return "pwned: the text does not end"
			}
		}
	}
	return string(out)
}

func TestPowerShell(t *testing.T) {
	for in, want := range map[string]string{
		"it’s 'so' $x": "'it’’s ''so'' $x'", "‘a’ ‚b‛": "'‘‘a’’ ‚‚b‛‛'", "": "''", "`n$(x)": "'`n$(x)'",
	} {
		if got := QuotePowerShell(in); got != want || unquoted(got) != "" {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	want := []string{
		"& {",
		"$ErrorActionPreference = 'Stop'",
		"$token = az account get-access-token --resource 'https://contoso.crm.dynamics.com' --query accessToken -o tsv",
		`$headers = @{ 'Authorization' = "Bearer $token"; 'Accept' = 'application/json'; 'OData-Version' = '4.0'; 'OData-MaxVersion' = '4.0' }`,
		`function Select-Only($answer, $column) { $rows = @(if ($answer.PSObject.Properties['value']) { $answer.value } else { $answer }); if ($rows.Count -ne 1) { throw "there are $($rows.Count) rows, not 1" }; $rows[0].$column }`,
		"# to find the user",
		`$systemuserid = Select-Only (Invoke-RestMethod -Method GET -Uri 'https://contoso.crm.dynamics.com/api/data/v9.2/systemusers?$select=systemuserid,fullname&$filter=fullname%20eq%20%27J%C3%B6rg%27' -Headers $headers) 'systemuserid'`,
		"# to enable the user",
		`Invoke-RestMethod -Method PATCH -Uri ('https://contoso.crm.dynamics.com/api/data/v9.2/systemusers(' + $systemuserid + ')') -Headers ($headers + @{ 'If-Match' = '*' }) -ContentType 'application/json' -Body '{"isdisabled":false}'`,
		"}",
	}
	r := RemedyFor(audit.Fix{Kind: EnableUser, User: &audit.Reference{Name: "Jörg"}}, Place{Environment: audit.Environment{URL: origin + "/"}})
	if got := r.PowerShellScript(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	role := RemedyFor(audit.Fix{Kind: CreateRole, Role: &audit.Reference{Name: "it’s Jörg's {roleid} 🦄"}, BusinessUnit: &audit.Reference{ID: "b"}}, contoso())
	lines := role.PowerShellScript()
	if got := lines[len(lines)-2]; !strings.HasSuffix(got, `-Body '{"name":"it\u2019s J\u00f6rg''s \u007broleid\u007d \ud83e\udd84","businessunitid@odata.bind":"/businessunits(b)"}'`) {
		t.Error(got)
	}
}

// TestPlaceholderComment: a script lists the placeholders that must be filled in first.
func TestPlaceholderComment(t *testing.T) {
	r := RemedyFor(audit.Fix{Kind: AddPrivilege, Role: &audit.Reference{ID: "{roleid}"}, Privileges: []audit.Grant{{Name: "prvReadLead"}}}, contoso())
	for _, script := range [][]string{r.CurlScript(), r.PowerShellScript()} {
		if script[1] != "# first fill in {roleid}, {Basic, Local, Deep or Global}" {
			t.Error(script[1])
		}
	}
	complete := RemedyFor(audit.Fix{Kind: EnableUser, User: &audit.Reference{Name: "Jane"}}, contoso())
	if script := complete.CurlScript(); strings.HasPrefix(script[1], "#") {
		t.Error(script[1])
	}
}

var keep = flag.String("keep", "", "write the scripts for PowerShell into this `folder`, for another parser")

// TestKeep writes the input of scripts/validate-powershell.
func TestKeep(t *testing.T) {
	if *keep == "" {
		t.Skip("no -keep")
	}
	for _, kind := range Kinds() {
		for name, ids := range map[string]bool{"names": false, "ids": true} {
			script := RemedyFor(hostileFix(kind, ids), contoso()).PowerShellScript()
			if script == nil {
				continue
			}
			if err := os.WriteFile(filepath.Join(*keep, string(kind)+"-"+name+".ps1"), []byte(strings.Join(script, "\n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
