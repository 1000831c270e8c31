// Package growth tells tests whether work grows as its input does.
package growth

import (
	"testing"
	"time"
)

const (
	tries  = 5 // how often a machine may be too busy to measure anything on
	factor = 16
	most   = 130 // times as long, on a busy machine; it would be 256 where each is compared with each
	moment = 250 * time.Millisecond
)

// Check fails if the work for an input of 16 n takes more than 130 times as long as
// that for one of n, and more than a quarter of a second. prepare makes the work for
// an input of a size, whose least time of three counts.
func Check(t testing.TB, name string, n int, prepare func(n int) (work func())) {
	t.Helper()
	took := func(n int) time.Duration {
		work, least := prepare(n), time.Hour
		for range 3 {
			start := time.Now()
			work()
			least = min(least, time.Since(start))
		}
		return least
	}
	var few, many time.Duration
	for range tries {
		few, many = took(n), took(factor*n)
		if many <= most*few || many <= moment {
			t.Logf("%-32s %7d: %10v  %7d: %10v", name, n, few, factor*n, many)
			return
		}
	}
	t.Errorf("%s: %d took %v, %d took %v", name, n, few, factor*n, many)
}
