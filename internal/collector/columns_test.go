package collector_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each column that is asked for is taken out of the rows, or is the key that tells
// them apart: what nobody reads is not asked for.
func TestColumnsAreRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(data)
	}
	text := source.String()
	lists := regexp.MustCompile(`(?s)(?:Select\(|without\.of\(|return \[\]string\{)((?:\s*"[a-z_]+",?)+)`).FindAllStringSubmatch(text, -1)
	columns := map[string]bool{}
	for _, list := range lists {
		for _, column := range regexp.MustCompile(`"[a-z_]+"`).FindAllString(list[1], -1) {
			columns[column] = true
		}
	}
	if len(columns) < 40 {
		t.Fatalf("only %d columns were found: the test has lost sight of them", len(columns))
	}
	for column := range columns {
		taken := regexp.MustCompile(`(?:r\.\w+\(|key: |columns\[|list\(r, |const team = |"canbe\w+", |\{)` + column)
		if !taken.MatchString(text) {
			t.Errorf("the column %s is asked for, and nobody reads it", column)
		}
	}
}
