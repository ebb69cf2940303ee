package engine

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/dbaudit/dbaudit/internal/audit"
	"github.com/dbaudit/dbaudit/internal/privileges"
)

// TestRegoWordsMatchGo proves that the policies' messages and Go's reports use the same words for
// access levels and privileges.
func TestRegoWordsMatchGo(t *testing.T) {
	_, compiler := checkedBuiltin(t)
	ask := func(query string) any {
		t.Helper()
		results, err := rego.New(rego.Compiler(compiler), rego.Query(query)).Eval(t.Context())
		if err != nil || len(results) != 1 {
			t.Fatalf("%s: %v, %v", query, results, err)
		}
		return results[0].Expressions[0].Value
	}
	levels, _ := ask("data.dbaudit.words.levels").(map[string]any)
	for _, depth := range append(audit.Depths(), audit.DepthNone) {
		if levels[depth.String()] != audit.LevelOf(depth.String()) {
			t.Errorf("%s is %v in Rego and %s in Go", depth, levels[depth.String()], audit.LevelOf(depth.String()))
		}
	}
	verbs, _ := ask("data.dbaudit.words._rights").(map[string]any)
	if len(verbs) != len(privileges.Verbs()) {
		t.Errorf("Rego has the verbs %v, Go has %v", verbs, privileges.Verbs())
	}
	names := []string{
		"prvReadAccount", "prvappendtolead", "prvAppendLead", "prvShareQuery", "prvWriteUserQuery", "prvDeleteAttribute", "prvAssignWorkflow",
		"prvReadAsyncOperation", "prvReadTransactionCurrency", "prvReadCustomerOpportunityRole", "prvCreateList", "prvBulkEdit",
		"prvReadUserSettings", "prvReadEntityMap", "prvReadSharePointData", "prvReadSdkMessageProcessingStep", "prvActOnBehalfOfAnotherUser",
		"prvReadcontoso_Project2Task", "prvAppendTo", "prvRead", "prv", "Other",
	}
	for _, verb := range privileges.Verbs() {
		names = append(names, "prv"+verb+"Thing")
	}
	for _, name := range names {
		verb, table := privileges.Split(name)
		if rego := ask(fmt.Sprintf("[t | t := data.dbaudit.words.table(%q)]", name)); verb != "" && !cmp.Equal(rego, []any{table}) || verb == "" && !cmp.Equal(rego, []any{}) {
			t.Errorf("the table of %s is %v in Rego and %q in Go", name, rego, table)
		}
		if rego := ask(fmt.Sprintf("data.dbaudit.words.right(%q)", name)); rego != audit.PrivilegeLabel(name) {
			t.Errorf("%s is %q in Rego and %q in Go", name, rego, audit.PrivilegeLabel(name))
		}
	}
}
