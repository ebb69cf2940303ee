package engine

import "runtime"

// Forgetful is the engine before it has judged anything.
func (e *Engine) Forgetful() *Engine {
	return &Engine{
		compiler: e.compiler, rules: e.rules, order: e.order, lint: e.lint, platform: e.platform, kinds: e.kinds,
		slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
}
