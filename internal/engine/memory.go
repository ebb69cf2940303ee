package engine

import (
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// lastingPackages are the packages below data.dbaudit that do not read the snapshot.
// TestLastingRules proves that their rules and functions read the profile and nothing else.
func lastingPackages() []string { return []string{"access", "catalogue", "danger", "profile", "words"} }

// lasts reports whether a reference is to a rule in one of these packages, or to a function
// with its arguments, so that the value is the same for all snapshots. The lists and sets of
// a snapshot are too many to be kept.
func lasts(ref ast.Ref) bool {
	rule := ref
	if function, ok := ref[0].Value.(ast.Ref); ok {
		rule = function
		if slices.ContainsFunc(ref[1:], long) {
			return false
		}
	}
	if len(rule) < 4 {
		return false
	}
	root, _ := rule[1].Value.(ast.String)
	name, _ := rule[2].Value.(ast.String)
	return root == "dbaudit" && slices.Contains(lastingPackages(), string(name)) && ref.IsGround()
}

func long(argument *ast.Term) bool {
	const few = 12
	switch list := argument.Value.(type) {
	case ast.Set:
		return list.Len() > few
	case *ast.Array:
		return list.Len() > few
	}
	return false
}

// maxKnown bounds a memory: what snapshots have in common is little.
const maxKnown = 1_000

// A memory holds the values that last, from all evaluations of a question.
type memory struct {
	mutex sync.RWMutex
	known topdown.VirtualCache
	count int
}

func newMemory() *memory { return &memory{known: topdown.NewVirtualCache()} }

// A recollection is the cache of one evaluation, which also has what others found out.
type recollection struct {
	topdown.VirtualCache

	memory *memory
	within int // as many statements "with", in which another input or profile counts
	found  []found
}

// found is a value that lasts.
type found struct {
	ref   ast.Ref
	value *ast.Term
}

func (m *memory) recollection() *recollection {
	return &recollection{VirtualCache: topdown.NewVirtualCache(), memory: m}
}

func (r *recollection) Push() {
	r.within++
	r.VirtualCache.Push()
}

func (r *recollection) Pop() {
	r.within--
	r.VirtualCache.Pop()
}

func (r *recollection) Get(ref ast.Ref) (*ast.Term, bool) {
	value, undefined := r.VirtualCache.Get(ref)
	if value != nil || undefined || r.within > 0 || !lasts(ref) {
		return value, undefined
	}
	r.memory.mutex.RLock()
	value, _ = r.memory.known.Get(ref)
	r.memory.mutex.RUnlock()
	if value != nil {
		r.VirtualCache.Put(ref, value)
	}
	return value, false
}

func (r *recollection) Put(ref ast.Ref, value *ast.Term) {
	r.VirtualCache.Put(ref, value)
	if value != nil && r.within == 0 && lasts(ref) {
		r.found = append(r.found, found{slices.Clone(ref), value})
	}
}

// learn keeps what an evaluation found out. One that failed may have been wrong.
func (m *memory) learn(r *recollection) {
	if len(r.found) == 0 {
		return
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.count += len(r.found); m.count > maxKnown {
		m.known, m.count = topdown.NewVirtualCache(), len(r.found)
	}
	for _, f := range r.found {
		m.known.Put(f.ref, f.value)
	}
}
