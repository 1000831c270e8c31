package growth

import (
	"testing"
	"testing/synctest"
	"time"
)

// A recorder is a test that Check may fail.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }

// The check passes what grows as its input does, or takes a moment only, and fails
// what grows with the square of it.
func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name  string
		unit  time.Duration
		cost  func(n int) int
		fails bool
	}{
		{"line", time.Millisecond, func(n int) int { return n }, false},
		{"square", time.Millisecond, func(n int) int { return n * n }, true},
		{"square of little", time.Microsecond, func(n int) int { return n * n }, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &recorder{TB: t}
			Check(r, test.name, 30, func(n int) func() {
				return func() { time.Sleep(time.Duration(test.cost(n)) * test.unit) }
			})
			if r.failed != test.fails {
				t.Errorf("%s: failed %v", test.name, r.failed)
			}
		})
	}
}
