package engine

// Forgetful is the engine before it has judged anything.
func (e *Engine) Forgetful() *Engine {
	return &Engine{
		compiler: e.compiler, rules: e.rules, order: e.order, lint: e.lint, platform: e.platform, kinds: e.kinds,
		slots: slots(), waiting: make(waiting),
	}
}
