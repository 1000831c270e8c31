package main

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
)

const (
	// keptRequests is how many exchanges the history has.
	keptRequests = 200
	// keptBytes is how much of events and answers it has, which may be 12 MB for
	// a single request. Of the older requests then only the line is left.
	keptBytes = 64 << 20
	// followerBuffer is how many requests a follower may be behind.
	followerBuffer = 256
)

// leftOut stands in place of events and answers that were too large to keep.
var leftOut = json.RawMessage(`"left out, as the history would grow too large"`)

// A history keeps the last exchanges and tells followers of new ones.
type history struct {
	mu        sync.Mutex
	kept      []detail // the oldest first
	bytes     int      // of events and answers in kept
	followers map[chan request]struct{}
}

func newHistory() *history {
	return &history{followers: make(map[chan request]struct{})}
}

// add takes an exchange in. It never waits: a follower that has no room for one
// more is dropped. What d points to must not change any more.
func (h *history) add(d detail) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = append(h.kept, d)
	h.bytes += size(d)
	if n := len(h.kept) - keptRequests; n > 0 {
		for _, old := range h.kept[:n] {
			h.bytes -= size(old)
		}
		h.kept = slices.Delete(h.kept, 0, n)
	}
	for i := 0; h.bytes > keptBytes && i < len(h.kept); i++ {
		old := &h.kept[i]
		before := size(*old)
		if len(old.Event) > len(leftOut) {
			old.Event = leftOut
		}
		if len(old.Answer) > len(leftOut) {
			old.Answer = leftOut
		}
		h.bytes += size(*old) - before
	}
	for follower := range h.followers {
		select {
		case follower <- d.request:
		default:
			delete(h.followers, follower)
			close(follower)
		}
	}
}

func size(d detail) int { return len(d.Event) + len(d.Answer) }

// find returns the kept exchange with that request id.
func (h *history) find(id string) (detail, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := slices.IndexFunc(h.kept, func(d detail) bool { return d.ID == id })
	if at < 0 {
		return detail{}, false
	}
	return h.kept[at], true
}

// follow returns the kept requests, the oldest first, and a channel of those
// that come after them: none is in both and none in neither. The channel is
// closed when ctx ends, and when its reader is too slow.
func (h *history) follow(ctx context.Context) ([]request, <-chan request) {
	follower := make(chan request, followerBuffer)
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := make([]request, len(h.kept))
	for i, d := range h.kept {
		kept[i] = d.request
	}
	h.followers[follower] = struct{}{}
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, ok := h.followers[follower]; ok {
			delete(h.followers, follower)
			close(follower)
		}
	})
	return kept, follower
}
