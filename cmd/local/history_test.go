package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func numbered(n int) detail {
	return detail{request: request{ID: fmt.Sprintf("id-%d", n), Method: "GET", Path: "/x", Status: 200}}
}

func TestHistoryKeepsTheLast(t *testing.T) {
	h := newHistory()
	for n := range 250 {
		h.add(numbered(n))
	}
	kept, _ := h.follow(t.Context())
	if len(kept) != 200 || kept[0].ID != "id-50" || kept[199].ID != "id-249" {
		t.Errorf("got %d kept, from %s to %s, want id-50 to id-249", len(kept), kept[0].ID, kept[len(kept)-1].ID)
	}
	if _, ok := h.find("id-49"); ok {
		t.Error("id-49 is still there")
	}
	if d, ok := h.find("id-50"); !ok || d.ID != "id-50" {
		t.Errorf("find(id-50) = %v, %t", d, ok)
	}
}

// Of large requests the lines are kept and the events are not.
func TestHistoryIsBounded(t *testing.T) {
	h := newHistory()
	large := json.RawMessage(`"` + strings.Repeat("x", 6<<20) + `"`)
	for n := range 250 {
		d := numbered(n)
		d.Event, d.Answer = large, large
		h.add(d)
		if h.bytes > keptBytes {
			t.Fatalf("after %d requests the history holds %d bytes", n+1, h.bytes)
		}
	}
	total := 0
	for _, d := range h.kept {
		total += size(d)
	}
	if total != h.bytes || len(h.kept) != keptRequests {
		t.Errorf("the history counts %d bytes and holds %d, of %d requests", h.bytes, total, len(h.kept))
	}
	if d, _ := h.find("id-249"); len(d.Event) != len(large) {
		t.Error("the last request has lost its event")
	}
	if d, _ := h.find("id-50"); string(d.Event) != string(leftOut) || string(d.Answer) != string(leftOut) {
		t.Errorf("the oldest request has an event of %d bytes and an answer of %d", len(d.Event), len(d.Answer))
	}
}

func TestHistoryEndsWithItsContext(t *testing.T) {
	h := newHistory()
	ctx, cancel := context.WithCancel(t.Context())
	_, live := h.follow(ctx)
	cancel()
	if _, open := <-live; open {
		t.Error("a request came from nowhere")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.followers) != 0 {
		t.Errorf("%d followers are left", len(h.followers))
	}
}

// A follower that does not read is dropped, with what it had room for, and does
// not keep others from anything.
func TestHistoryDropsSlowFollowers(t *testing.T) {
	h := newHistory()
	_, slow := h.follow(t.Context())
	_, quick := h.follow(t.Context())
	for n := range followerBuffer + 1 {
		h.add(numbered(n))
		if q := <-quick; q.ID != fmt.Sprintf("id-%d", n) {
			t.Fatalf("got %s as number %d", q.ID, n)
		}
	}
	got := 0
	for range slow { // ends, as it is closed
		got++
	}
	if got != followerBuffer {
		t.Errorf("the slow one got %d, want %d", got, followerBuffer)
	}
}

// Whenever somebody begins to follow, each request is either among the kept ones
// or comes afterwards, and none does both.
func TestHistoryFollowersMissNothing(t *testing.T) {
	h := newHistory()
	const requests = keptRequests // so that none is forgotten, or too many for a buffer
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			kept, live := h.follow(t.Context())
			seen := make(map[string]int)
			for _, q := range kept {
				seen[q.ID]++
			}
			for len(seen) < requests {
				seen[(<-live).ID]++
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("%s came %d times", id, n)
				}
			}
		})
	}
	for g := range 4 {
		wg.Go(func() {
			for n := g; n < requests; n += 4 {
				h.add(numbered(n))
				h.find("id-0")
			}
		})
	}
	wg.Wait()
}
