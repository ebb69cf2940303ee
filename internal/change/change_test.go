package change

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/audit"
)

var update = flag.Bool("update", false, "write the kinds of fix into the schemas")

// TestSchemas: the schemas of results and plans list the kinds of fix: all of them, or those
// that apply can carry out.
func TestSchemas(t *testing.T) {
	all := Kinds()
	automatic := slices.DeleteFunc(Kinds(), func(k audit.FixKind) bool { return !Automatic(k) })
	for _, name := range []string{"result.json", "plan.json"} {
		file := filepath.Join("..", "..", "schema", name)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list := regexp.MustCompile(`(?m)^( *)"enum": \[\s*"create-role",[^\]]*\]`)
		got := list.ReplaceAllFunc(data, func(found []byte) []byte {
			kinds := automatic
			if bytes.Contains(found, []byte(InstallApp)) {
				kinds = all
			}
			indent := string(found[:bytes.IndexByte(found, '"')])
			return []byte(fmt.Sprintf("%s\"enum\": [\n%s  \"%s\"\n%[2]s]", indent, indent, joined(kinds, "\",\n"+indent+"  \"")))
		})
		if !list.Match(data) {
			t.Errorf("%s has no list of kinds", name)
		}
		if *update {
			if err := os.WriteFile(file, got, 0o600); err != nil {
				t.Fatal(err)
			}
		} else if !bytes.Equal(got, data) {
			t.Errorf("%s lists other kinds of fix: go test ./internal/change -run TestSchemas -update", name)
		}
	}
}

func joined(kinds []audit.FixKind, by string) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, by)
}

// TestExamples: the example of each kind has what its sentences need.
func TestExamples(t *testing.T) {
	for _, k := range Kinds() {
		all := full(k)
		f := Example(k, all)
		if f.Kind != k || k != CorrectConfiguration && reflect.DeepEqual(f, audit.Fix{Kind: k}) {
			t.Errorf("%s: %+v", k, f)
		}
		if data, err := json.Marshal(f); err != nil || strings.Contains(Summary(f), "in question") {
			t.Errorf("%s: %s of %s, %v", k, Summary(f), data, err)
		}
	}
}

func TestFitting(t *testing.T) {
	for _, test := range []struct {
		allowed      []audit.Depth
		wanted, want audit.Depth
	}{
		{audit.Depths(), audit.DepthGlobal, audit.DepthGlobal},
		{audit.Depths(), audit.DepthLocal, audit.DepthLocal},
		{[]audit.Depth{audit.DepthBasic}, audit.DepthGlobal, audit.DepthBasic},
		{[]audit.Depth{audit.DepthGlobal}, audit.DepthBasic, audit.DepthGlobal},
		{[]audit.Depth{audit.DepthLocal, audit.DepthGlobal}, audit.DepthDeep, audit.DepthGlobal},
	} {
		if got := ClosestDepth(test.allowed, test.wanted); got != test.want {
			t.Errorf("%s wanted of %v: %s, not %s", test.wanted, test.allowed, got, test.want)
		}
	}
}
