//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/route"
)

var full = flag.Bool("full", false, "kill the function for minutes")

// A cloud is the gateway in front of the function, each instance a process, in
// which marks say where one dies.
type cloud struct {
	t       testing.TB
	url     string
	stages  string // directory
	crashes atomic.Int32

	mu  sync.Mutex
	log strings.Builder
}

func (c *cloud) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(p)
}

func startCloud(t testing.TB, concurrency int) *cloud {
	t.Helper()
	c := &cloud{t: t, stages: t.TempDir()}
	r, err := gateway.NewRuntime(gateway.RuntimeOptions{
		Concurrency: concurrency, Timeout: patience / 2, Log: c,
		Env: []string{
			"ROUTEGATE_TEST_FUNCTION=test", "ROUTEGATE_TEST_STAGES=" + c.stages, "GORACE=atexit_sleep_ms=0",
			"AWS_API_GW_STAGE_NAME=", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME=", "ROUTEGATE_METRICS_NAMESPACE=",
		},
		Crashed: func(error) { c.crashes.Add(1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(bootstrap, []byte("#!/bin/sh\nexec '"+os.Args[0]+"'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := r.Deploy(ctx, bootstrap); err != nil {
		t.Fatal(err)
	}
	table, report := route.Load("routes.yaml", []byte(testManifest), nil)
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gateway.New(table, r, gateway.Options{}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// mark has an instance die at the stage.
func (c *cloud) mark(stage string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.stages, stage), nil, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cloud) isMarked(stage string) bool {
	_, err := os.Stat(filepath.Join(c.stages, stage))
	return err == nil
}

// ask sends a request and returns whether the function answered it. Every other
// answer than the function's to this very request, or the gateway's own 500 or
// 503, is an error.
func (c *cloud) ask(id string) (answered bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/echo?id="+id, nil)
	if err != nil {
		c.t.Error(err)
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Errorf("%s: no answer: %v", id, err)
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Errorf("%s: half an answer: %v", id, err)
	}
	if resp.Header.Get("Apigw-Requestid") == "" {
		c.t.Errorf("%s: the answer has no id", id)
	}
	message := map[int]string{500: "Internal Server Error", 503: "Service Unavailable"}[resp.StatusCode]
	switch {
	case resp.StatusCode == 200 && string(body) == id+" "+strings.Repeat(".", 10_000):
		return true
	case message != "" && string(body) == `{"message":"`+message+`"}` && resp.Header.Get("Content-Type") == "application/json":
	default:
		c.t.Errorf("%s: status %d, %.100q", id, resp.StatusCode, body)
	}
	return false
}

// The function dies at every stage of a request: the client gets the answer if it
// was given, the gateway's 500 if the event was lost with the function, and in no
// case none or another's. The next request gets a new instance.
func TestKilledAtEveryStage(t *testing.T) {
	t.Parallel()
	const either = -1
	for _, test := range []struct {
		stage    string
		answered int // of the request that meets it: 0, 1 or either
	}{
		{stageAsks, either},  // after the answer of the request before, or of this one
		{stagePolls, either}, // the event may be on its way
		{stageGot, 0},
		{stageHandler, 0},
		{stageAnswers, 0},
		{stageHalf, 0},
		{stagePosted, either}, // whether the end is seen before the answer is a matter of luck
		{stageAnswered, 1},
	} {
		t.Run(test.stage, func(t *testing.T) {
			t.Parallel()
			c := startCloud(t, 1)
			if !c.ask("first") {
				t.Fatalf("it does not work at all\n%s", c.log.String())
			}
			for n := range 3 {
				c.mark(test.stage)
				for tries := 0; c.isMarked(test.stage); tries++ {
					if tries == 5 {
						t.Fatal("no instance came to that stage")
					}
					before := c.crashes.Load()
					answered := c.ask(fmt.Sprint("dies-", n))
					if !answered {
						// The gateway says so when the instance has ended.
						eventually(t, func() bool { return c.crashes.Load() > before })
					}
					if test.answered != either && answered != (test.answered == 1) {
						t.Errorf("answered %v, want %v", answered, test.answered == 1)
					}
				}
				if !c.ask(fmt.Sprint("after-", n)) {
					// Where the instance died between two requests, the next may have been
					// given to it before that was known.
					if test.answered != either && test.answered != 1 || !c.ask(fmt.Sprint("again-", n)) {
						t.Error("the next request gets no new instance")
					}
				}
			}
		})
	}
}

// An instance that dies before it asks for its first event takes no event with
// it.
func TestKilledBeforeItPolls(t *testing.T) {
	t.Parallel()
	c := startCloud(t, 1)
	for n := range 3 {
		c.mark(stageHandler)
		c.mark(stageStarted)
		c.ask("dies") // which ends the instance that was there
		if c.isMarked(stageHandler) {
			t.Fatal("the instance did not die")
		}
		if !c.ask(fmt.Sprint("new-", n)) {
			t.Error("the event was lost with an instance that had not asked for it")
		}
		if c.isMarked(stageStarted) {
			t.Error("no instance died as it started")
		}
	}
}

// Many requests, while instances die at any stage: each gets its own answer or
// the gateway's, and when nothing dies any more all are answered.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	requests := 120
	if *full {
		requests = 5_000
	}
	c := startCloud(t, 3)
	stages := []string{stageStarted, stageAsks, stagePolls, stageGot, stageHandler, stageAnswers, stageHalf, stagePosted, stageAnswered}
	random := rand.New(rand.NewPCG(1, 2))
	var all sync.WaitGroup
	var answered atomic.Int32
	next := make(chan int)
	for range 8 {
		all.Go(func() {
			for n := range next {
				if c.ask(fmt.Sprint("request-", n)) {
					answered.Add(1)
				} else {
					time.Sleep(20 * time.Millisecond) // as a client that tries again
				}
			}
		})
	}
	seen := int32(0)
	for n := range requests {
		// Not while none is answered: the pauses grow between starts that fail, and
		// meanwhile requests fail at once.
		if is := answered.Load(); is >= seen+8 {
			seen = is
			c.mark(stages[random.IntN(len(stages))])
		}
		next <- n
	}
	close(next)
	all.Wait()
	for _, stage := range stages {
		_ = os.Remove(filepath.Join(c.stages, stage)) // none may be left
	}
	if n := answered.Load(); n == 0 || c.crashes.Load() == 0 {
		t.Errorf("%d of %d requests answered, %d instances died", n, requests, c.crashes.Load())
	}
	t.Logf("%d of %d requests answered, %d instances died", answered.Load(), requests, c.crashes.Load())
	// What died last may still be found out, or a pause go on.
	inRow := 0
	eventually(t, func() bool {
		if inRow++; !c.ask("after") {
			inRow = 0
		}
		return inRow == 10
	})
}

func eventually(t testing.TB, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never")
		}
	}
}
