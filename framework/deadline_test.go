package framework

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// Each context ends at its deadline and not before, in whatever order they come
// and are canceled, and so does what is made of it.
func TestAlarm(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			var a alarm
			for range 40 {
				lasts := time.Duration(1+rng.IntN(1000)) * time.Millisecond
				cancels := time.Duration(1+rng.IntN(1000)) * time.Millisecond
				if rng.IntN(3) > 0 {
					cancels = time.Hour
				}
				c := a.start(context.Background(), time.Now().Add(lasts))
				child, cancel := context.WithTimeout(c, 2*time.Hour)
				go func() {
					defer cancel()
					began := time.Now()
					want, after := context.DeadlineExceeded, lasts
					select {
					case <-time.After(cancels):
						c.cancel()
					case <-c.Done():
					}
					if cancels < lasts {
						want, after = context.Canceled, cancels
					}
					<-child.Done()
					// At the same moment, either can be first.
					if err := c.Err(); cancels != lasts && err != want || time.Since(began) != after || child.Err() != err {
						t.Errorf("after %v: %v, child %v, want %v after %v", time.Since(began), err, child.Err(), want, after)
					}
					c.cancel()
				}()
				time.Sleep(time.Duration(rng.IntN(50)) * time.Millisecond)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			a.mu.Lock()
			defer a.mu.Unlock()
			if n := len(a.waiting); n > 0 {
				t.Errorf("%d contexts are still waited for", n)
			}
		})
	}
}

// A handler has until the margin before the function's end, and three quarters of
// what is left where that is little.
func TestBeforeDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct{ left, want time.Duration }{
			{30 * time.Second, 30*time.Second - margin},
			{4 * margin, 3 * margin},
			{400 * time.Millisecond, 300 * time.Millisecond},
			{0, 0},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), test.left)
			if got := time.Until(beforeDeadline(ctx)); got != test.want {
				t.Errorf("with %v left: %v, want %v", test.left, got, test.want)
			}
			cancel()
		}
		if got := beforeDeadline(t.Context()); !got.IsZero() {
			t.Errorf("without an end: %v", got)
		}
	})
}

// A context tells the deadline that it ends at, and is not waited for once it was
// canceled.
func TestTimedContext(t *testing.T) {
	t.Parallel()
	var a alarm
	parent, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
	defer cancel()
	want := time.Now().Add(time.Hour)
	c := a.start(parent, want)
	if got, ok := c.Deadline(); !ok || got != want {
		t.Errorf("deadline %v, %v, want %v", got, ok, want)
	}
	if n := len(a.waiting); n != 1 {
		t.Errorf("%d contexts are waited for, want 1", n)
	}
	c.cancel()
	if n := len(a.waiting); n != 0 || c.Err() != context.Canceled {
		t.Errorf("%d contexts are waited for, error %v", n, c.Err())
	}
}

// Requests whose deadlines follow each other share one timer.
func TestAlarmIsSetOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var a alarm
		first := time.Now().Add(time.Second)
		for range 10 {
			a.start(context.Background(), time.Now().Add(time.Second)).cancel()
			if set := setTo(&a); !set.Equal(first) {
				t.Fatalf("set to %v, want %v", set, first)
			}
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if set := setTo(&a); !set.IsZero() {
			t.Errorf("set to %v, for nothing", set)
		}
	})
}

func setTo(a *alarm) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.set
}

// Without a deadline there is nothing to wait for.
func TestAlarmWithoutDeadline(t *testing.T) {
	t.Parallel()
	var a alarm
	parent, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
	defer cancel()
	c := a.start(parent, time.Time{})
	want, _ := parent.Deadline()
	if got, ok := c.Deadline(); !ok || got != want {
		t.Errorf("deadline %v, %v, want that of the context it comes from", got, ok)
	}
	if a.timer != nil || c.Err() != nil {
		t.Errorf("timer %v, error %v", a.timer, c.Err())
	}
	c.end(errors.New("first"))
	c.cancel()
	if c.Err().Error() != "first" {
		t.Errorf("it ended with %v", c.Err())
	}
}
