package cli

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"gopkg.in/yaml.v3"
)

// TestRecipes runs the steps of the CI recipes unchanged against the simulator. The scripts have
// these commands in addition to those of TestScript:
//
//	recipe OUT FILE PATH  writes the shell script at a path in a YAML file: keys and
//	                      indices, separated by slashes; a list of lines is joined.
//	                      For a unit or a crontab, writes the command.
//	variables FILE PATH   sets the variables of the mapping at a path
//	page OUT FILE HEADING writes the commands in a section of a page
//	receiver              accepts messages and work items at $RECEIVER, and saves them
func TestRecipes(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the recipes are bash scripts, and there is no bash")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "recipes"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", root)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit":        exitCommand,
			"environment": environmentCommand,
			"edit":        editCommand,
			"simulate":    simulateCommand,
			"recipe":      recipeCommand,
			"variables":   variablesCommand,
			"page":        pageCommand,
			"receiver":    receiverCommand,
		},
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
	})
}

func pageCommand(ts *testscript.TestScript, _ bool, args []string) {
	_, section, _ := strings.Cut(ts.ReadFile(args[1]), "\n## "+args[2]+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, commands, ok := strings.Cut(section, "\n```sh\n")
	commands, _, closed := strings.Cut(commands, "\n```")
	if !ok || !closed {
		ts.Fatalf("%s has no commands under %q", args[1], args[2])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(commands+"\n"), 0o600))
}

func recipeCommand(ts *testscript.TestScript, _ bool, args []string) {
	text := ""
	switch filepath.Ext(args[1]) {
	case ".service":
		_, rest, ok := strings.Cut(ts.ReadFile(args[1]), "\nExecStart=/bin/sh -c '")
		line, _, found := strings.Cut(rest, "'\n")
		if !ok || !found {
			ts.Fatalf("%s has no ExecStart that runs a shell", args[1])
		}
		text = strings.NewReplacer("$$", "$", "%%", "%").Replace(line)
	case ".cron":
		lines := strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n")
		text = strings.ReplaceAll(strings.Join(strings.Fields(lines[len(lines)-1])[6:], " "), `\%`, "%")
	default:
		switch value := yamlValue(ts, args[1], args[2]).(type) {
		case string:
			text = value
		case bool:
			text = strconv.FormatBool(value)
		case []any:
			for _, line := range value {
				s, ok := line.(string)
				if !ok {
					ts.Fatalf("%s of %s holds %v", args[2], args[1], line)
				}
				text += s + "\n"
			}
		default:
			ts.Fatalf("%s of %s is not a script: %v", args[2], args[1], value)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func variablesCommand(ts *testscript.TestScript, _ bool, args []string) {
	values, ok := yamlValue(ts, args[0], args[1]).(map[string]any)
	if !ok {
		ts.Fatalf("%s of %s is not a mapping", args[1], args[0])
	}
	for name, value := range values {
		text, ok := value.(string)
		if !ok {
			ts.Fatalf("%s of %s is not text", name, args[0])
		}
		ts.Setenv(name, text)
	}
}

// yamlValue returns the value at a path in a YAML file.
func yamlValue(ts *testscript.TestScript, file, path string) any {
	var value any
	ts.Check(yaml.Unmarshal([]byte(ts.ReadFile(file)), &value))
	for step := range strings.SplitSeq(path, "/") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s has nothing at %s", file, path)
			}
			value = v[i]
		default:
			ts.Fatalf("%s has nothing at %s", file, path)
		}
	}
	return value
}

// TestRecipesParse checks that every YAML file of the recipes is valid and has no duplicate keys.
func TestRecipesParse(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	files := []string{
		filepath.Join(root, "action.yml"), filepath.Join(root, ".pre-commit-hooks.yaml"), filepath.Join(root, ".goreleaser.yaml"),
	}
	err := filepath.WalkDir(filepath.Join(root, "examples"), func(name string, entry fs.DirEntry, err error) error {
		if ext := filepath.Ext(name); err == nil && !entry.IsDir() && (ext == ".yml" || ext == ".yaml") {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Error(err)
			continue
		}
		dec := yaml.NewDecoder(f)
		documents := 0
		for {
			var value any
			if err = dec.Decode(&value); err != nil {
				break
			}
			documents++
		}
		if documents == 0 || err.Error() != "EOF" {
			t.Errorf("%s: %v after %d documents", name, err, documents)
		}
		if err := f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
	}
}
