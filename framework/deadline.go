package framework

import (
	"context"
	"sync"
	"time"
)

// margin is how long before Lambda's deadline the client gets its 503: enough
// to encode the answer and to post it, as long as the function has that long.
const margin = 200 * time.Millisecond

// beforeDeadline returns the time that a handler has until: a margin before ctx
// ends, or the zero time if it does not.
func beforeDeadline(ctx context.Context) time.Time {
	deadline, ok := ctx.Deadline()
	if !ok {
		return time.Time{}
	}
	return deadline.Add(-min(margin, time.Until(deadline)/4))
}

// An alarm ends contexts at their deadlines. Unlike context.WithDeadline it does
// not start a timer for each: starting one wakes a thread, which takes longer than
// all that a small request needs otherwise. The deadlines of requests lie in the
// order in which they come, so that the timer of an earlier one, when it goes off,
// finds that no more is due, and is set to the next.
type alarm struct {
	mu      sync.Mutex
	timer   *time.Timer
	set     time.Time // when the timer goes off; zero if it does not
	waiting map[*timedContext]struct{}
}

// A timedContext ends at its deadline, when it is canceled, or when whoever waits
// for it finds that the context that it comes from has ended.
type timedContext struct {
	context.Context
	deadline time.Time // zero for none
	alarm    *alarm
	done     chan struct{}

	mu  sync.Mutex
	err error
}

// start returns a context that ends at a deadline, which may be zero for never. It
// must be canceled.
func (a *alarm) start(parent context.Context, deadline time.Time) *timedContext {
	c := &timedContext{Context: parent, deadline: deadline, alarm: a, done: make(chan struct{})}
	if deadline.IsZero() {
		return c
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting == nil {
		a.waiting = make(map[*timedContext]struct{})
	}
	a.waiting[c] = struct{}{}
	if a.set.IsZero() || deadline.Before(a.set) {
		a.setTo(deadline)
	}
	return c
}

func (a *alarm) setTo(t time.Time) {
	a.set = t
	if a.timer == nil {
		a.timer = time.AfterFunc(time.Until(t), a.ring)
	} else {
		a.timer.Reset(time.Until(t))
	}
}

func (a *alarm) ring() {
	a.mu.Lock()
	now := time.Now()
	var due []*timedContext
	var next time.Time
	for c := range a.waiting {
		switch {
		case !c.deadline.After(now):
			due = append(due, c)
			delete(a.waiting, c)
		case next.IsZero() || c.deadline.Before(next):
			next = c.deadline
		}
	}
	a.set = time.Time{}
	if !next.IsZero() {
		a.setTo(next)
	}
	a.mu.Unlock()
	for _, c := range due {
		c.end(context.DeadlineExceeded)
	}
}

func (c *timedContext) cancel() {
	if !c.deadline.IsZero() {
		c.alarm.mu.Lock()
		delete(c.alarm.waiting, c)
		c.alarm.mu.Unlock()
	}
	c.end(context.Canceled)
}

func (c *timedContext) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
}

func (c *timedContext) Deadline() (time.Time, bool) {
	if c.deadline.IsZero() {
		return c.Context.Deadline()
	}
	return c.deadline, true
}

func (c *timedContext) Done() <-chan struct{} { return c.done }

func (c *timedContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
