package cli

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumentedCommands checks that each dbaudit command in the documentation, the examples and
// the help has flags that exist and the right number of arguments, that variables are set for a
// POSIX shell and for PowerShell, and that links within the project are valid.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	seen := 0
	check := func(place, script string) {
		for _, words := range dbauditCommands(script) {
			seen++
			if parseCommandLine(t, words[1:]...); t.Failed() {
				t.Fatalf("of %s", place)
			}
		}
	}
	fence := regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```")
	export := regexp.MustCompile(`(?m)^export ([A-Z_]+)=`)
	for _, folder := range []string{"README.md", "CONTRIBUTING.md", "docs", "examples"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(name string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(name) != ".md" {
				return err
			}
			data, err := os.ReadFile(name)
			for _, link := range regexp.MustCompile(`\]\(([^)#\s:]*)(#[^)\s]+)?\)`).FindAllStringSubmatch(string(data), -1) {
				target := name
				if link[1] != "" {
					target = filepath.Join(filepath.Dir(name), link[1])
				}
				if page, err := os.ReadFile(target); err != nil && !isFolder(target) || link[2] != "" && !hasAnchor(string(page), link[2][1:]) {
					t.Errorf("%s links to %s%s, which does not exist", name, link[1], link[2])
				}
			}
			for _, block := range fence.FindAllStringSubmatch(string(data), -1) {
				for _, set := range export.FindAllStringSubmatch(block[2], -1) {
					if !strings.Contains(string(data), "$env:"+set[1]+" = ") {
						t.Errorf("%s: %s is set for a POSIX shell, and not for PowerShell", name, set[1])
					}
				}
				switch block[1] {
				case "", "sh", "console", "powershell":
					check(name, block[2])
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, cmd := range allCommands(newApp(OS())) {
		check("help of "+cmd.CommandPath(), cmd.Example)
	}
	if seen < 150 {
		t.Errorf("only %d commands were found", seen)
	}
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// hasAnchor reports whether a Markdown page has an anchor: an id, or a heading as GitHub spells it
// in a link.
func hasAnchor(page, anchor string) bool {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		words := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		if strings.ReplaceAll(words, " ", "-") == anchor {
			return true
		}
	}
	return strings.Contains(page, `id="`+anchor+`"`)
}

// TestDocumentedPlaces checks that each file, make target and test that the documentation names
// exists. A path with a word in capitals, such as NAME, is a pattern for new files.
func TestDocumentedPlaces(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	files, tests := map[string]bool{}, map[string][]string{} // Go files by their names, tests by their folders
	err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(name) == ".go" {
			files[filepath.Base(name)] = true
			for _, test := range regexp.MustCompile(`(?m)^func (Test\w+|Benchmark\w+)\(`).FindAllStringSubmatch(read(name), -1) {
				tests[filepath.Dir(name)] = append(tests[filepath.Dir(name)], test[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	makefile := read(filepath.Join(root, "Makefile"))
	documents := []string{filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"), filepath.Join(root, "testdata", "README.md")}
	for _, pattern := range []string{"docs/*.md", "examples/*.md", "examples/*/*.md"} {
		found, _ := filepath.Glob(filepath.Join(root, pattern))
		documents = append(documents, found...)
	}
	scripts, _ := filepath.Glob(filepath.Join(root, "scripts", "*-*"))
	documents = append(append(documents, scripts...), filepath.Join(root, "Makefile"))
	placeholder := regexp.MustCompile(`\b[A-Z]{3,}\b`)
	seen := 0
	for _, document := range documents {
		content := read(document)
		each := func(pattern string, exists func(found []string) bool) {
			for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(content, -1) {
				if seen++; !placeholder.MatchString(found[1]) && !exists(found) {
					t.Errorf("%s names %s, which does not exist", document, strings.Trim(found[0], "`\n"))
				}
			}
		}
		each("[` (.](/?(?:cmd|docs|examples|internal|policy|schema|scripts|testdata)/[\\w./-]*\\w)", func(found []string) bool {
			_, err := os.Stat(filepath.Join(root, found[1]))
			return err == nil
		})
		each("`(\\w+\\.go)`", func(found []string) bool { return files[found[1]] })
		each("(?:`|\nmake )make ([a-z-]+)", func(found []string) bool { return strings.Contains(makefile, "\n"+found[1]+":") })
		// go test succeeds if a pattern matches no test.
		each(`\./((?:cmd|internal)/\S+)(?: -count=1)? -run '?"?\^?([\w|]+)`, func(found []string) bool {
			return matchesTests(tests[filepath.Join(root, found[1])], found[2])
		})
		each(`\nmeasure \./(\S+) '([\w|]+)'`, func(found []string) bool {
			return matchesTests(tests[filepath.Join(root, found[1])], found[2])
		})
		each("`(Test\\w+)`", func(found []string) bool {
			return slices.Contains(slices.Concat(slices.Collect(maps.Values(tests))...), found[1])
		})
	}
	if seen < 80 {
		t.Errorf("only %d places were found", seen)
	}
}

// matchesTests reports whether each alternative of a pattern matches one of the tests.
func matchesTests(tests []string, pattern string) bool {
	for alternative := range strings.SplitSeq(pattern, "|") {
		if !slices.ContainsFunc(tests, func(test string) bool { return strings.Contains(test, alternative) }) {
			return false
		}
	}
	return true
}

// dbauditCommands returns the words of each dbaudit command in a script. It knows the part of a
// shell's grammar that the documentation uses: quotes, comments, continued lines, operators.
func dbauditCommands(script string) [][]string {
	var all [][]string
	var words []string
	word, started := "", false
	end := func() {
		if started {
			words = append(words, word)
		}
		word, started = "", false
	}
	command := func() {
		end()
		for i, w := range words {
			if w == "dbaudit" {
				all = append(all, words[i:])
				break
			}
			if !strings.Contains(w, "=") && w != "$" && w != "if" && w != "!" {
				break // an argument of another program
			}
		}
		words = nil
	}
	script = strings.ReplaceAll(script, "\\\n", " ")
	for i := 0; i < len(script); i++ {
		switch c := script[i]; {
		case c == '\'' || c == '"':
			j := strings.IndexByte(script[i+1:], c)
			if j < 0 {
				return all
			}
			word, started = word+script[i+1:i+1+j], true
			i += j + 1
		case c == '#' && !started:
			for i+1 < len(script) && script[i+1] != '\n' {
				i++
			}
		case c == '\n' || c == ';' || c == '|' || c == '&':
			command()
		case c == '>' || c == '<':
			end()
			words = append(words, "") // what follows is a file
			for i+1 < len(script) && strings.IndexByte("\n;|&", script[i+1]) < 0 {
				i++
			}
			words = words[:len(words)-1]
		case c == ' ' || c == '\t':
			end()
		default:
			word, started = word+string(c), true
		}
	}
	command()
	return all
}
