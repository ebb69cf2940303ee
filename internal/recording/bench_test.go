package recording_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dbaudit/dbaudit/internal/recording"
)

// BenchmarkEncode measures anonymizing what a role grants, 700 privileges, a
// hundred times.
func BenchmarkEncode(b *testing.B) {
	var rows []string
	for i := range 700 {
		rows = append(rows, fmt.Sprintf(`{"BusinessUnitId":"%s","Depth":"Global","PrivilegeId":"%08x-1111-4222-8333-444444444444","PrivilegeName":"prvRead%d","RoleName":"Role %d"}`, jane, i, i, i))
	}
	body := `{"RolePrivileges":[` + strings.Join(rows, ",") + `]}`
	w, addresses := world{}, []string{}
	for i := range 100 {
		address := fmt.Sprintf("%sRole(%d)", api, i)
		addresses, w[address] = append(addresses, address), []answer{{200, body}}
	}
	b.SetBytes(int64(100 * len(body)))
	for b.Loop() {
		for _, address := range addresses {
			w[address] = []answer{{200, body}}
		}
		record(b, w, recording.Head{Pattern: "demandbase"}, addresses...)
	}
}
