package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

// What is saved while a version is built, or before anybody watches, is deployed
// as well.
func TestWhatIsSavedBeforeTheWatch(t *testing.T) {
	t.Parallel()
	r := &running{t: t, dir: t.TempDir(), out: &output{}}
	copyRepository(t, r.dir)
	s, err := newService(config{
		manifest: filepath.Join(r.dir, "routes.yaml"), groupsClaim: []string{"groups"},
		audiences: []string{"routegate"}, concurrency: 1,
	}, "http://127.0.0.1:1", newTerminal(r.out))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.deploy(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.edit("routes.yaml", "summary: Get user claims", "summary: Get the claims")

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	watched := make(chan struct{})
	go func() { s.watch(ctx); close(watched) }()
	r.shows("deployed anew")
	cancel()
	select {
	case <-watched:
	case <-time.After(patience):
		t.Error("it goes on watching")
	}
}
