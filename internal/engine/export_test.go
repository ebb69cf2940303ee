package engine

// WithoutCaches is the engine before it has judged anything.
func (e *Engine) WithoutCaches() *Engine {
	return &Engine{
		compiler: e.compiler, rules: e.rules, ruleIDs: e.ruleIDs, lintProfile: e.lintProfile, platform: e.platform, fixKinds: e.fixKinds,
		codecs: newCodecPool(), workers: make(workerPool),
	}
}
