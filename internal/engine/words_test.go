package engine

import (
	"fmt"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/snapshot"
)

// TestWordsAreGos holds the two tables of words equal: the policies' messages and Go's
// reports name one thing in one way.
func TestWordsAreGos(t *testing.T) {
	_, compiler := checkedOwn(t)
	ask := func(query string) any {
		t.Helper()
		results, err := rego.New(rego.Compiler(compiler), rego.Query(query)).Eval(t.Context())
		if err != nil || len(results) != 1 {
			t.Fatalf("%s: %v, %v", query, results, err)
		}
		return results[0].Expressions[0].Value
	}
	levels, _ := ask("data.dbaudit.words.levels").(map[string]any)
	for _, depth := range append(snapshot.Depths(), snapshot.DepthNone) {
		if levels[depth.String()] != audit.Level(depth.String()) {
			t.Errorf("%s is %v in Rego and %s in Go", depth, levels[depth.String()], audit.Level(depth.String()))
		}
	}
	names := []string{
		"prvReadAccount", "prvappendtolead", "prvAppendLead", "prvShareQuery", "prvWriteUserQuery", "prvDeleteAttribute", "prvAssignWorkflow",
		"prvReadAsyncOperation", "prvReadTransactionCurrency", "prvReadCustomerOpportunityRole", "prvCreateList", "prvBulkEdit",
		"prvReadUserSettings", "prvReadEntityMap", "prvReadSharePointData", "prvReadSdkMessageProcessingStep", "prvActOnBehalfOfAnotherUser",
		"prvReadcontoso_Project2Task", "prvAppendTo", "prvRead", "prv", "Other",
	}
	for _, name := range names {
		if rego := ask(fmt.Sprintf("data.dbaudit.words.right(%q)", name)); rego != audit.Right(name) {
			t.Errorf("%s is %q in Rego and %q in Go", name, rego, audit.Right(name))
		}
	}
}
