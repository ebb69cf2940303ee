package sessions_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dbaudit/dbaudit/internal/bounds"
	"github.com/dbaudit/dbaudit/internal/dataverse"
	"github.com/dbaudit/dbaudit/internal/engine"
	"github.com/dbaudit/dbaudit/internal/run"
	"github.com/dbaudit/dbaudit/internal/simulator"
)

// boundRows returns the rows of a table of docs/bounds.md, by their first cell.
func boundRows(t *testing.T, heading string) (names []string, rows map[string][]string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "bounds.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(data), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/bounds.md has no %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	rows = map[string][]string{}
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		names = append(names, cells[0])
		rows[cells[0]] = cells
	}
	return names[1:], rows // without the head
}

// TestBoundsOfInputs checks that the table of docs/bounds.md lists each kind of input with its
// limit, and that the command in the table refuses a file that is one byte too long, and a device.
func TestBoundsOfInputs(t *testing.T) {
	names, rows := boundRows(t, "Inputs")
	source, err := os.ReadFile(filepath.Join("..", "..", "bounds", "bounds.go"))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, constant := range regexp.MustCompile(`(?m)^\t\w+ +Kind += "(.+)"$`).FindAllSubmatch(source, -1) {
		kinds = append(kinds, string(constant[1]))
	}
	for _, name := range names {
		k, row := bounds.Kind(name), rows[name]
		if k.Max() == 0 || row[1] != bounds.FormatSize(k.Max()) {
			t.Errorf("docs/bounds.md says %v of a %s, whose bound is %s", row, k, bounds.FormatSize(k.Max()))
			continue
		}
		t.Run(string(k), func(t *testing.T) {
			p := newProcess(t)
			code, err := strconv.Atoi(row[3])
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"large.yaml", "device.yaml"} {
				if k == bounds.Role {
					name = strings.Replace(name, ".yaml", ".xml", 1)
				}
				input := name
				if k == bounds.Policy {
					input = filepath.Join(name+".d", "x.rego")
				}
				p.write(input, "")
				if strings.HasPrefix(name, "large") {
					err = os.Truncate(input, k.Max()+1)
				} else if runtime.GOOS == "windows" {
					continue
				} else {
					err = errors.Join(os.Remove(input), os.Symlink("/dev/zero", input))
				}
				if err != nil {
					t.Fatal(err)
				}
				args := strings.Fields(strings.Trim(row[2], "`"))[1:]
				for i := range args {
					args[i] = strings.NewReplacer("FILE", "./"+name, "FOLDER", name+".d").Replace(args[i])
				}
				began := time.Now()
				out := p.run(args...)
				explained := strings.Contains(out.stderr, "more than "+bounds.FormatSize(k.Max())) || strings.Contains(out.stderr, "not a regular file") ||
					strings.Contains(out.stderr, "larger than")
				if took := time.Since(began); out.code != code || !explained || took > 20*time.Second {
					t.Errorf("%s %s: exit code %d after %s, want %d\n%s", strings.Join(args, " "), name, out.code, took, code, out.stderr)
				}
			}
		})
	}
	slices.Sort(kinds)
	slices.Sort(names)
	if !slices.Equal(kinds, names) {
		t.Errorf("docs/bounds.md has the inputs %q, and there are %q", names, kinds)
	}
}

// TestBoundsOfTime checks that the table has the program's limits, and that the tests that it names
// exist.
func TestBoundsOfTime(t *testing.T) {
	t.Parallel()
	limits := dataverse.Limits{}.WithDefaults()
	values := map[string]string{
		"one environment":                  run.DefaultTimeout.String(),
		"one response of an environment":   limits.AnswerTimeout.String(),
		"silence within a response":        limits.StallTimeout.String(),
		"size of one response":             bounds.FormatSize(limits.MaxBody),
		"one exchange with a sign-in host": "30s",
		"one evaluation of the policies":   engine.DefaultLimit.String(),
		"compiling the policies":           run.CompileLimit.String(),
		"memory":                           "4 GiB",
		"after SIGINT or SIGTERM":          "2s",
	}
	names, rows := boundRows(t, "Time and memory")
	if len(names) != len(values) {
		t.Errorf("docs/bounds.md has %q", names)
	}
	for _, name := range names {
		row := rows[name]
		if row[1] != values[name] {
			t.Errorf("docs/bounds.md says %s of %s, and it is %q", row[1], name, values[name])
		}
		folder, function, _ := strings.Cut(row[4], " ")
		files, err := filepath.Glob(filepath.Join("..", "..", "..", filepath.FromSlash(folder), "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		tried := regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(function) + `\(t \*testing\.T\) \{$`)
		if !slices.ContainsFunc(files, func(file string) bool {
			data, err := os.ReadFile(file)
			return err == nil && tried.Match(data)
		}) {
			t.Errorf("%s: there is no test %s in %s", name, function, folder)
		}
	}
}

// TestTimeout checks that an environment that exceeds the time limit has a result that says so and
// does not delay the others, and that commands for one environment end too.
func TestTimeout(t *testing.T) {
	t.Parallel()
	slow := serve(t, builtin(t, "compliant"), simulator.Options{Faults: slowAt("/systemusers")})
	quick := serve(t, builtin(t, "compliant"), simulator.Options{})
	p := newParallelProcess(t, slow, quick)
	p.writeEnvironments([]string{"slow", "quick"})
	o := p.run("scan", "--all-envs", "--timeout", "8s", "-f", "json").must(t, 3)
	if got := verdicts(t, o); !slices.Equal(got, []string{"quick compliant", "slow incomplete"}) {
		t.Errorf("%v", got)
	}
	p.wantContains(o.stdout, "it took longer than 8s: allow more with --timeout")
	p.vars["DBAUDIT_TIMEOUT"] = "300ms"
	p.wantContains(p.run("doctor", "--all-envs").must(t, 3).stdout, "quick ", "slow ", "remaining checks")
	for _, args := range [][]string{{"collect", "--env", "slow"}, {"doctor", "--env", "slow"}, {"plan", "--env", "slow"}} {
		if o := p.run(args...).must(t, 3); !strings.Contains(o.stderr+o.stdout, "300ms") {
			t.Errorf("%v: %s", args, o.stderr)
		}
	}
	p.vars["DBAUDIT_TIMEOUT"] = "soon"
	p.run("scan", "--env", "quick").must(t, 2)
}

func slowAt(part string) func(*http.Request) simulator.Fault {
	return func(r *http.Request) simulator.Fault {
		if strings.Contains(r.URL.Path, part) {
			return simulator.Fault{Kind: simulator.FaultSlow, Delay: time.Hour}
		}
		return simulator.Fault{}
	}
}
