package simulator_test

import (
	"fmt"
	"testing"

	"github.com/dbaudit/dbaudit/internal/simulator"
)

// Tests start a server each, and change it often: neither may take long.
func BenchmarkStart(b *testing.B) {
	env, err := simulator.Builtin("compliant")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		server, err := simulator.Start(b.Context(), env, simulator.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := server.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMutate(b *testing.B) {
	for _, roles := range []int{10, 3000} {
		env, err := simulator.Builtin("compliant")
		if err != nil {
			b.Fatal(err)
		}
		all := simulator.Grants{}
		for _, p := range simulator.StandardPrivileges() {
			all[p.Name] = p.Deepest()
		}
		for i := range roles {
			env.Roles = append(env.Roles, simulator.Role{Name: fmt.Sprintf("Role %d", i), Privileges: all})
		}
		server, err := simulator.Start(b.Context(), env, simulator.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(roles), func(b *testing.B) {
			for b.Loop() {
				if err := server.Mutate(func(*simulator.Environment) {}); err != nil {
					b.Fatal(err)
				}
			}
		})
		if err := server.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
