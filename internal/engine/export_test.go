package engine

// WithoutCaches returns the engine as it is before its first evaluation.
func (e *Engine) WithoutCaches() *Engine {
	return &Engine{
		compiler: e.compiler, rules: e.rules, lintProfile: e.lintProfile, platform: e.platform,
		codecs: newCodecPool(), workers: make(workerPool),
	}
}
