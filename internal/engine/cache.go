package engine

import (
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// cacheablePackages are the packages below data.dbaudit that do not read the snapshot.
// TestLastingRules proves that their rules and functions read the profile and nothing else.
func cacheablePackages() []string {
	return []string{"access", "catalogue", "danger", "profile", "words"}
}

// isCacheable reports whether a reference is to a rule in one of these packages, or to a function
// with its arguments, so that the value is the same for all snapshots. The lists and sets of
// a snapshot are too many to be kept.
func isCacheable(ref ast.Ref) bool {
	rule := ref
	if function, ok := ref[0].Value.(ast.Ref); ok {
		rule = function
		if slices.ContainsFunc(ref[1:], isLong) {
			return false
		}
	}
	if len(rule) < 4 {
		return false
	}
	root, _ := rule[1].Value.(ast.String)
	name, _ := rule[2].Value.(ast.String)
	return root == "dbaudit" && slices.Contains(cacheablePackages(), string(name)) && ref.IsGround()
}

func isLong(argument *ast.Term) bool {
	const few = 12
	switch list := argument.Value.(type) {
	case ast.Set:
		return list.Len() > few
	case *ast.Array:
		return list.Len() > few
	}
	return false
}

// maxCached bounds a memory: what snapshots have in common is little.
const maxCached = 1_000

// A sharedCache holds the values that last, from all evaluations of a question.
type sharedCache struct {
	mutex  sync.RWMutex
	values topdown.VirtualCache
	count  int
}

func newSharedCache() *sharedCache { return &sharedCache{values: topdown.NewVirtualCache()} }

// A evaluationCache is the cache of one evaluation, which also has what others found out.
type evaluationCache struct {
	topdown.VirtualCache

	shared    *sharedCache
	withDepth int // as many statements "with", in which another input or profile counts
	added     []cacheEntry
}

// cacheEntry is a value that lasts.
type cacheEntry struct {
	ref   ast.Ref
	value *ast.Term
}

func (m *sharedCache) forEvaluation() *evaluationCache {
	return &evaluationCache{VirtualCache: topdown.NewVirtualCache(), shared: m}
}

func (r *evaluationCache) Push() {
	r.withDepth++
	r.VirtualCache.Push()
}

func (r *evaluationCache) Pop() {
	r.withDepth--
	r.VirtualCache.Pop()
}

func (r *evaluationCache) Get(ref ast.Ref) (*ast.Term, bool) {
	value, undefined := r.VirtualCache.Get(ref)
	if value != nil || undefined || r.withDepth > 0 || !isCacheable(ref) {
		return value, undefined
	}
	r.shared.mutex.RLock()
	value, _ = r.shared.values.Get(ref)
	r.shared.mutex.RUnlock()
	if value != nil {
		r.VirtualCache.Put(ref, value)
	}
	return value, false
}

func (r *evaluationCache) Put(ref ast.Ref, value *ast.Term) {
	r.VirtualCache.Put(ref, value)
	if value != nil && r.withDepth == 0 && isCacheable(ref) {
		r.added = append(r.added, cacheEntry{slices.Clone(ref), value})
	}
}

// merge keeps what an evaluation found out. One that failed may have been wrong.
func (m *sharedCache) merge(r *evaluationCache) {
	if len(r.added) == 0 {
		return
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.count += len(r.added); m.count > maxCached {
		m.values, m.count = topdown.NewVirtualCache(), len(r.added)
	}
	for _, f := range r.added {
		m.values.Put(f.ref, f.value)
	}
}
