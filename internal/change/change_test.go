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

// TestSchemas: the schema of results lists all kinds of fix, and the schema of plans also lists
// the kinds that apply can carry out.
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
			return []byte(fmt.Sprintf("%s\"enum\": [\n%s  \"%s\"\n%[2]s]", indent, indent, joinKinds(kinds, "\",\n"+indent+"  \"")))
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

func joinKinds(kinds []audit.FixKind, separator string) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, separator)
}

// TestExamples: the example of each kind has the values for its summary.
func TestExamples(t *testing.T) {
	for _, k := range Kinds() {
		all := completeFix(k)
		f := Example(k, all)
		if f.Kind != k || k != CorrectConfiguration && reflect.DeepEqual(f, audit.Fix{Kind: k}) {
			t.Errorf("%s: %+v", k, f)
		}
		if data, err := json.Marshal(f); err != nil || strings.Contains(Summary(f), "in question") {
			t.Errorf("%s: %s of %s, %v", k, Summary(f), data, err)
		}
	}
}

func TestClosestDepth(t *testing.T) {
	for _, test := range []struct {
		allowed        []audit.Depth
		required, want audit.Depth
	}{
		{audit.Depths(), audit.DepthGlobal, audit.DepthGlobal},
		{audit.Depths(), audit.DepthLocal, audit.DepthLocal},
		{[]audit.Depth{audit.DepthBasic}, audit.DepthGlobal, audit.DepthBasic},
		{[]audit.Depth{audit.DepthGlobal}, audit.DepthBasic, audit.DepthGlobal},
		{[]audit.Depth{audit.DepthLocal, audit.DepthGlobal}, audit.DepthDeep, audit.DepthGlobal},
	} {
		if got := ClosestDepth(test.allowed, test.required); got != test.want {
			t.Errorf("%s of %v: got %s, want %s", test.required, test.allowed, got, test.want)
		}
	}
}
