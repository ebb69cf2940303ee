package engine

import (
	"slices"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// cacheablePackages returns the packages below data.dbaudit that do not read the snapshot.
// TestCacheablePackages proves that their rules and functions read only the profile.
func cacheablePackages() []string {
	return []string{"access", "catalogue", "danger", "profile", "words"}
}

// isCacheable reports whether the value of a reference is the same for all snapshots: it refers to
// a rule in a cacheable package, or to a function there with its arguments. Long arguments are
// lists and sets of a snapshot, of which there are too many to cache.
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

// maxCached is the maximum number of values in a cache. Snapshots have few values in common.
const maxCached = 1_000

// A sharedCache contains the cacheable values of all evaluations of a query.
type sharedCache struct {
	mutex  sync.RWMutex
	values topdown.VirtualCache
	count  int
}

func newSharedCache() *sharedCache { return &sharedCache{values: topdown.NewVirtualCache()} }

// An evaluationCache is the cache of one evaluation. It also finds values of the shared cache.
type evaluationCache struct {
	topdown.VirtualCache

	shared    *sharedCache
	withDepth int // how many nested "with" replace the input or the data
	added     []cacheEntry
}

type cacheEntry struct {
	ref   ast.Ref
	value *ast.Term
}

func (s *sharedCache) forEvaluation() *evaluationCache {
	return &evaluationCache{VirtualCache: topdown.NewVirtualCache(), shared: s}
}

func (c *evaluationCache) Push() {
	c.withDepth++
	c.VirtualCache.Push()
}

func (c *evaluationCache) Pop() {
	c.withDepth--
	c.VirtualCache.Pop()
}

func (c *evaluationCache) Get(ref ast.Ref) (*ast.Term, bool) {
	value, undefined := c.VirtualCache.Get(ref)
	if value != nil || undefined || c.withDepth > 0 || !isCacheable(ref) {
		return value, undefined
	}
	c.shared.mutex.RLock()
	value, _ = c.shared.values.Get(ref)
	c.shared.mutex.RUnlock()
	if value != nil {
		c.VirtualCache.Put(ref, value)
	}
	return value, false
}

func (c *evaluationCache) Put(ref ast.Ref, value *ast.Term) {
	c.VirtualCache.Put(ref, value)
	if value != nil && c.withDepth == 0 && isCacheable(ref) {
		c.added = append(c.added, cacheEntry{slices.Clone(ref), value})
	}
}

// merge adds the values of an evaluation that succeeded. Those of a failed one may be wrong.
func (s *sharedCache) merge(c *evaluationCache) {
	if len(c.added) == 0 {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.count += len(c.added); s.count > maxCached {
		s.values, s.count = topdown.NewVirtualCache(), len(c.added)
	}
	for _, entry := range c.added {
		s.values.Put(entry.ref, entry.value)
	}
}
