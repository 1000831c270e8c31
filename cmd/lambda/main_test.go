package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/routegate/routegate/framework"
)

const testManifest = `
version: 1
routes:
  - {path: /ok, method: GET, handler: ok, public: true}
  - {path: /slow, method: GET, handler: slow, public: true}
  - {path: /stuck, method: GET, handler: stuck, public: true}
  - {path: /heeds, method: GET, handler: heeds, public: true}
  - {path: /panic, method: GET, handler: panic, public: true}
  - {path: /exits, method: GET, handler: exits, public: true}
  - {path: /echo, method: GET, handler: echo, public: true}
  - {path: /large, method: GET, handler: large, public: true}
  - {path: /meet, method: GET, handler: meet, public: true}
  - {path: /own, method: GET, handler: own, public: true}
  - {path: /late, method: GET, handler: late, public: true}
  - {path: /release, method: GET, handler: release, public: true}
`

var testHandlers = framework.Handlers{
	"ok": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") },
	"slow": func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(500 * time.Millisecond)
		fmt.Fprint(w, "done")
	},
	"stuck": func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(patience)
	},
	"heeds": func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		fmt.Fprintf(os.Stderr, "the context ended: %v\n", r.Context().Err())
	},
	"panic": func(http.ResponseWriter, *http.Request) { panic("at the disco") },
	"exits": func(http.ResponseWriter, *http.Request) { os.Exit(7) },
	"echo":  echo,
	"large": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 7<<20)) },

	"meet": meet, "own": own, "late": late, "release": release,
}

// TestMain makes this test binary the function where a test starts it as one.
func TestMain(m *testing.M) {
	var manifest string
	switch os.Getenv("ROUTEGATE_TEST_FUNCTION") {
	case "":
		os.Exit(m.Run())
	case "main":
		main()
		return
	case "test", "closes":
		manifest = testManifest
	case "bad":
		manifest = strings.ReplaceAll(strings.ReplaceAll(testManifest, "/ok", "/slow"), "handler: panic", "handler: panik")
	}
	watchConnections()
	dieAt(stageStarted)
	opts, err := framework.OptionsFromEnv()
	if err != nil {
		exit(err)
	}
	app, err := framework.New([]byte(manifest), testHandlers, opts)
	if err != nil {
		exit(err)
	}
	if os.Getenv("ROUTEGATE_TEST_FUNCTION") == "closes" {
		app.ExitOnSIGTERM(func() { fmt.Fprintln(os.Stderr, "closed") })
		lambda.Start(app)
	}
	serve(app)
}

func inAMinute() time.Time { return time.Now().Add(time.Minute) }

func TestServesTheShippedRoutes(t *testing.T) {
	t.Parallel()
	r := startRuntime(t, "main")
	r.send("/v1/manage/hc", inAMinute())
	if got := r.answer(); !strings.HasPrefix(got, `response: {"statusCode":200,`) || !strings.Contains(got, `{\"status\":\"ok\"}`) {
		t.Errorf("answer is %s", got)
	}
}

// A schedule's event is answered by the function, and a request after it is
// logged with Lambda's trace, and counted where a namespace is named.
func TestWarmUpTraceAndMetrics(t *testing.T) {
	t.Parallel()
	r := startRuntime(t, "main", "ROUTEGATE_METRICS_NAMESPACE=Routegate/test")
	r.sendEvent(`{"warmer": true, "concurrency": 3}`, inAMinute())
	if got := r.answer(); !strings.HasPrefix(got, `response: {"warm":true,"routes":`) {
		t.Errorf("answer is %s", got)
	}
	r.logs(`"msg":"warm-up of this instance only: concurrency is ignored","source":"warmer","concurrency":3}`)
	r.send("/v1/manage/hc", inAMinute())
	r.answer()
	r.logs(`"trace_id":"1-6a5145a9-1bae89e2512ec92d5d9438a0"`)
	r.logs(`"Namespace":"Routegate/test"`)
	r.logs(`"Route":"GET /v1/manage/hc","Decision":"allowed","Count":1,"Errors":0,"Duration":`)
	if n := strings.Count(r.logged(), `"_aws"`); n != 1 {
		t.Errorf("%d lines of metrics for one request\n%s", n, r.logged())
	}
}

func TestEndsWhenIdle(t *testing.T) {
	t.Parallel()
	r := startRuntime(t, "main")
	r.send("/v1/manage/hc", inAMinute())
	r.answer()
	if err := r.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := r.exitCode(); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, r.logged())
	}
}

// SIGTERM lets the running request finish.
func TestFinishesTheRunningRequest(t *testing.T) {
	t.Parallel()
	r := startRuntime(t, "test")
	r.send("/slow", inAMinute())
	time.Sleep(100 * time.Millisecond) // so that the handler runs
	if err := r.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := r.answer(); !strings.Contains(got, `"body":"done"`) {
		t.Errorf("answer is %s", got)
	}
	if code := r.exitCode(); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, r.logged())
	}
}

// What main has opened is closed when the running request has its answer.
func TestClosesBehindTheRunningRequest(t *testing.T) {
	t.Parallel()
	r := startRuntime(t, "closes")
	r.send("/slow", inAMinute())
	time.Sleep(100 * time.Millisecond) // so that the handler runs
	if err := r.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // so that the signal has come
	if strings.Contains(r.logged(), "closed") {
		t.Error("closed while a request was running")
	}
	if got := r.answer(); !strings.Contains(got, `"body":"done"`) {
		t.Errorf("answer is %s", got)
	}
	if code := r.exitCode(); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, r.logged())
	}
	r.logs("closed\n")
}

// A handler that takes longer than Lambda allows is answered for in time, and
// the function goes on.
func TestAnswersBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	r := startRuntime(t, "test")
	for _, path := range []string{"/stuck", "/heeds"} {
		// On a busy machine any program can come too late; not every time.
		got, late := "", time.Duration(1)
		for attempt := 0; attempt < 3 && late > 0; attempt++ {
			deadline := time.Now().Add(2 * time.Second)
			r.send(path, deadline)
			got = r.answer()
			late = time.Since(deadline)
		}
		if late > 0 {
			t.Errorf("%s: the answer is %v late", path, late)
		}
		if !strings.HasPrefix(got, `response: {"statusCode":503,`) || !strings.Contains(got, `\"code\":\"timeout\",\"request_id\":\"gateway-id\"`) {
			t.Errorf("%s: answer is %s", path, got)
		}
	}
	r.send("/ok", inAMinute())
	if got := r.answer(); !strings.Contains(got, `"body":"fine"`) {
		t.Errorf("answer after it is %s", got)
	}
	r.logs("the context ended: context deadline exceeded")
}

func TestSurvivesAPanic(t *testing.T) {
	t.Parallel()
	r := startRuntime(t, "test")
	r.send("/panic", inAMinute())
	if got := r.answer(); !strings.HasPrefix(got, `response: {"statusCode":500,`) || !strings.Contains(got, `\"code\":\"internal_error\",\"request_id\":\"gateway-id\"`) {
		t.Errorf("answer is %s", got)
	}
	r.logs(`"panic":"at the disco","stack":"goroutine`)
	r.logs("main_test.go")
	r.send("/ok", inAMinute())
	if got := r.answer(); !strings.Contains(got, `"body":"fine"`) {
		t.Errorf("answer after it is %s", got)
	}
}

func TestRefusesALargeAnswer(t *testing.T) {
	t.Parallel()
	r := startRuntime(t, "test")
	r.send("/large", inAMinute())
	if got := r.answer(); !strings.HasPrefix(got, `response: {"statusCode":500,`) || !strings.Contains(got, `\"code\":\"response_too_large\"`) {
		t.Errorf("answer is %.200s", got)
	}
	r.logs("the limit of the HTTP API is 6291456")
}

func TestDoesNotStart(t *testing.T) {
	t.Parallel()
	r := startRuntime(t, "bad")
	if code := r.exitCode(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	for _, want := range []string{
		`routes.yaml:5:12: error: "GET /slow" and "GET /slow" on line 4 match the same requests`,
		`routes.yaml:8:42: error: unknown handler "panik", did you mean "panic"? [unknown-handler]`,
	} {
		if !strings.Contains(r.logged(), want) {
			t.Errorf("the log does not say %s\n%s", want, r.logged())
		}
	}

	r = startRuntime(t, "main", "AWS_API_GW_STAGE_NAME=a/b")
	if code := r.exitCode(); code != 1 || !strings.Contains(r.logged(), `AWS_API_GW_STAGE_NAME: stage "a/b"`) {
		t.Errorf("exit code %d, want 1\n%s", code, r.logged())
	}
}
