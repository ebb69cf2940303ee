// Package plainwords_test checks that everything that a person reads in this project is in plain
// English: comments, messages, help texts, docs, policies and profiles.
package plainwords_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A phrase is a pattern that must not occur, what to write instead, and a sample that matches. A
// space in the pattern matches any white space, so that a phrase is also found across a line break.
// The phrase is allowed if unless matches the text around it.
type phrase struct{ pattern, instead, sample, unless string }

// phrases returns phrases that read like a translation or a riddle.
func phrases() []phrase {
	return []phrase{
		{`\b(un)?mend(s|ed|ing)?\b`, `fix`, "how to mend it", ``},
		{`\b(is|are|was|were|be) none\b`, `"is not one", "does not exist", "is not a …"`, "nil if there is none", `(zero value is|depth is|prv\w+ is) none`},
		{`\b(is|are|was|were|be) no [\p{L}"%“]`, `"is not a …"; "no … is …"; "does not …"`, "that is no role", `there (is|are|was|were|may be|can be|must be) no|(is|are|was|were|be) no (longer|more than|better than|less than)`},
		{`\bwhere (it|one|there) is (there|one)\b`, `if present, if it exists`, "where it is there", ``},
		{`\b(it|that|which|who|\p{L}+s?) (is|are|was|were) (not )?(already )?there\b(?:[.,;:)]|$| (and|or|but|before|already|too|twice))`, `exists, is present`, "a role that is there.", ``},
		{`\bfor want of\b`, `needs …, because … is missing`, "left out, for want of a flag", ``},
		{`\breach(es|ed|ing)? (the|a|an|this|that|its) ((live|integration|one) )?user\b`, `is assigned to the user`, "roles that reach the user", ``},
		{`\bdemand(s|ed|ing)?\b`, `require, requirement`, "what the article demands", `on demand|['"]demand|demand base|demands :=`},
		{`\bthe rest is for\b`, `the others need manual steps`, "the rest is for a person", ``},
		{`\b(things?|steps?|is|are|what is) for (people|a person) (to|then)\b`, `manual steps`, "steps for people to do", ``},
		{`\bone['’]s own\b`, `custom, your own`, "a rule of one's own", ``},
		{`\b(is|are|comes?|falls?) short\b`, `is missing, is not enough`, "a privilege that is short", ``},
		{`\bwithout a word\b`, `silently`, "leaves records out without a word", ``},
		{`\bstands? (twice|thrice|there|in|on|at|under|above|below|before|beside|behind|by|still|alone|between)\b`, `is, appears`, "the time stands in the result", `stands? in for`},
		{`\bstood\b`, `was, appeared`, "where it stood", ``},
		{`\b(as (it|they) )stands?\b`, `unchanged`, "runs them as they stand", ``},
		{`\b(is|are|was|were) told (?:of|by|to|apart|what|which|how|whether|that|once|twice|here|in|where)\b`, `learns, receives, is reported; "are distinguished"`, "the reader is told which", ``},
		{`\b(one|it) (is|are) told\b`, `is reported`, "it is told once", ``},
		{`\bgone \(\d`, `fixed (N)`, "gone (6)", ``},
		{`\bremain \(\d`, `remaining (N)`, "remain (5)", ``},
		{`\ba person['’]s hand\b|\bfor a person to\b`, `manual`, "what is left for a person to do", ``},
		{`\bnothing says\b`, `"no … is configured"`, "nothing says how to sign in", ``},
		{`\bis not known to be short\b`, `is granted`, "a privilege that is not known to be short", ``},
		{`\banswers? for it\b`, `owns it`, "somebody answers for it", ``},
		{`\bsigns? a person in\b|\bnobody is signed in\b`, `sign in interactively; not signed in`, "signs a person in", ``},
		{`\bnobody looked\b|\band since when\b`, `between two scans; trend`, "between results nobody looked", ``},
		{`\bcredential['’]s end\b`, `credential expiry`, "the credential's end", ``},
		{`\blook(s|ed|ing)? as (the|its|an?|each|whom|somebody|jane|this|it)\b|\bto look as\b`, `impersonate`, "look as the owner", `look as if`},
		{`\b(all|of|by|in) its own accord\b`, `automatically`, "of its own accord", ``},
		{`\bis refused what\b`, `cannot`, "the sync is refused what it needs", ``},
		{`\bhas it mended\b`, `unless you pass --remediate`, "unless --remediate has it mended", ``},
		{`\bthere is nothing to judge by\b`, `no rule applies`, "there is nothing to judge by", ``},
		{`\b(in|at) (no|any) wise\b|\bnought\b|\bhereby\b|\bthereby\b|\bwherein\b|\bwhereof\b|\bthereof\b|\btherein\b|\bwhence\b|\bthence\b|\bbe it\b|\bso as not\b`, `modern words`, "whereof nobody speaks", ``},
		{`\bthe gravest\b|\bgraver\b|\bgrave\b`, `the most severe`, "the gravest counts", ``},
		{`\bgoes? before\b|\bgo(es)? first\b`, `takes precedence over`, "the flag goes before the file", ``},
		{`\bbut for (the|a|an|its|what|that|words|this|these|one)\b`, `except`, "equal but for words", ``},
		{`\banew\b`, `again`, "reads it anew", ``},
		{`\bso much as\b`, `even`, "no identity saw so much as the row", ``},
		{`\bwhat becomes? of\b|\bwhat became of\b|\bbecomes? of (it|them|a|the)\b`, `the outcome of`, "what becomes of a control", ``},
		{`\bis taken (for|to be)\b|\bare taken (for|to be)\b`, `is treated as, is assumed to be`, "it is taken for a role", ``},
		{`\bmust not be taken (for|as)\b`, `is not`, "must not be taken for none", ``},
		{`\b(is|are|was|were) (one|ones|that|those) of (which|whom)\b`, `rewrite with a subject and a verb`, "these are those of which it was not read", ``},
		{`\bof which it (is|was)\b`, `rewrite with a subject and a verb`, "teams of which it was not read whether", ``},
		{`\b(that|which|what) (is|was|are) that which\b`, `rewrite`, "what is that which was read", ``},
		{`\bcannot but\b`, `must`, "cannot but fail", ``},
		{`\bis (the )?fault of\b`, `is caused by`, "it is the fault of the server", ``},
		{`\bto the (full|deepest)\b`, `fully`, "granted to the full", ``},
		{`\blies after\b|\blies before\b`, `is later than`, "a change lies after the scan", ``},
		{`\bon the one (side|hand)\b`, `rewrite`, "on the one side", ``},
		{`\bgives? (it|them) up\b`, `stops`, "gives it up", ``},
		{`\bby (its|their|one)self\b|\bby the way\b`, `alone`, "by oneself", ``},
		{`\bmeanwhile\b`, `in the meantime, during …`, "the role changed meanwhile", ``},
		{`\bin vain\b`, `without effect`, "looked for in vain", ``},
		{`\blikewise\b`, `also, too`, "the second likewise", ``},
		{`\btold apart\b|\btells? .{1,20} apart\b`, `distinguished`, "they are told apart", ``},
		{`\bgo(es)? over (all|every|the|each)\b`, `checks, visits`, "it goes over every page", ``},
		{`\bby hand\b`, `manually`, "made by hand", ``},
		{`\bfor good\b`, `permanently`, "deleted for good", ``},
		{`\bsits in (a|an|the|another) `, `is in`, "the user sits in the business unit", ``},
		{`\bis looked as\b`, `is impersonated`, "whether the user is looked as", ``},
		{`\bof which (only|it|one) (is|was|its|tells)\b|\bthose of (which|whom)\b`, `rewrite with a plain subject`, "those of which the profile says so", ``},
		{`\bhinders? (nothing|no|it)\b`, `does not affect`, "it hinders nothing else", ``},
		{`\bstays? unseen\b`, `is not visible`, "other rows stay unseen", ``},
		{`\bhave it done\b`, `do it manually`, "or have it done", ``},
		{`\basks? a person\b`, `is interactive, prompts`, "a method that asks a person", ``},
		{`\b(of|with) (its|their|a) own name\b`, `with a different name`, "a profile of its own name", `in its own name`},
		{`\bthere is no such\b`, `does not exist`, "there is no such file", ``},
		{`\banother [^.;:]{1,60} than\b`, `a different … from`, "another role than the created one", `(rather|more|less|other) than`},
		{`\b(anonymis|synchronis|authoris|recognis|summaris)\w+`, `American spelling: -ize`, "anonymised responses", ``},
		{`\blicences?\b`, `license`, "a licence is missing", ``},
	}
}

// A piece is a text that a person reads, in lower case, with its position.
type piece struct {
	file string
	line int
	text string
}

func TestPlainWords(t *testing.T) {
	pieces, err := prose(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(pieces) < 1000 {
		t.Fatalf("only %d texts were found", len(pieces))
	}
	suspect := suspects(pieces)
	for _, p := range phrases() {
		for _, found := range p.find(suspect) {
			t.Errorf("%s: write instead: %s", found, p.instead)
		}
	}
}

// suspects returns the texts that match any pattern, so that the other texts are searched only once.
func suspects(pieces []piece) []piece {
	patterns := make([]string, 0, len(phrases()))
	for _, p := range phrases() {
		patterns = append(patterns, p.pattern)
	}
	all := compile(strings.Join(patterns, "|"))
	return slices.DeleteFunc(pieces, func(p piece) bool { return !all.MatchString(p.text) })
}

// compile compiles a pattern in which a space matches any white space.
func compile(pattern string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(pattern, " ", `\s+`))
}

// TestPhrases proves that each pattern matches its sample, on one line and on several.
func TestPhrases(t *testing.T) {
	for _, p := range phrases() {
		for _, text := range []string{p.sample, strings.ReplaceAll(p.sample, " ", "\n")} {
			if len(p.find([]piece{{"sample", 1, text}})) == 0 {
				t.Errorf("%s does not find %q", p.pattern, text)
			}
		}
	}
}

// find returns the places where the phrase occurs, as file:line: "the words".
func (p phrase) find(pieces []piece) []string {
	pattern, unless := compile(p.pattern), compile(p.unless)
	var found []string
	for _, piece := range pieces {
		for _, at := range pattern.FindAllStringIndex(piece.text, -1) {
			around := piece.text[max(0, at[0]-30):min(len(piece.text), at[1]+30)]
			if p.unless != "" && unless.MatchString(around) {
				continue
			}
			line := piece.line + strings.Count(piece.text[:at[0]], "\n")
			found = append(found, fmt.Sprintf("%s:%d: %q", piece.file, line, strings.Join(strings.Fields(around), " ")))
		}
	}
	return found
}

// prose returns every text of the checkout that a person reads, except generated files, which take
// their words from the others.
func prose(root string) ([]piece, error) {
	marks := regexp.MustCompile(`(?m)^[ \t]*#[ \t]?`) // of a comment
	var pieces []piece
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		skipped := []string{".git", "bin", "dist", "node_modules", "testdata", "catalogue", "plainwords"}
		if d.IsDir() {
			if slices.Contains(skipped, d.Name()) || name == "docs/controls" {
				return fs.SkipDir
			}
			return nil
		}
		read := []string{".go", ".rego", ".md", ".yaml", ".yml", ".gohtml", ".css", ".js", ".tmpl", ".tsv", ".txt", ".json", ".txtar", ".service", ".timer", ".cron"}
		if !slices.Contains(read, path.Ext(name)) && path.Dir(name) != "scripts" && name != "Makefile" && name != "Dockerfile" {
			return nil
		}
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if path.Ext(name) != ".go" {
			pieces = append(pieces, piece{name, 1, strings.ToLower(marks.ReplaceAllString(string(data), ""))})
			return nil
		}
		more, err := goProse(name, data)
		pieces = append(pieces, more...)
		return err
	})
	return pieces, err
}

// goProse returns the comments and the string literals of a Go file.
func goProse(name string, data []byte) ([]piece, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, data, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var pieces []piece
	for _, group := range file.Comments {
		lines := make([]string, 0, len(group.List))
		for _, comment := range group.List {
			lines = append(lines, strings.TrimPrefix(comment.Text, "//"))
		}
		pieces = append(pieces, piece{name, files.Position(group.Pos()).Line, strings.ToLower(strings.Join(lines, "\n"))})
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				pieces = append(pieces, piece{name, files.Position(literal.Pos()).Line, strings.ToLower(text)})
			}
		}
		return true
	})
	return pieces, nil
}
