package framework

// Drain lets the tests call drain.
func (a *App) Drain() { a.drain() }
