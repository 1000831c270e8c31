package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A runtime is Lambda's side of the Runtime API, as far as a function that
// behaves uses it (Lambda developer guide, "Using the Lambda runtime API for
// custom runtimes"), and a function that runs against it.
type runtime struct {
	t       *testing.T
	events  chan invocation
	answers chan []byte
	process *exec.Cmd
	exited  chan error

	mu  sync.Mutex
	log bytes.Buffer
}

type invocation struct {
	id       string
	payload  string
	deadline time.Time
}

// startRuntime runs this test binary as the function that TestMain makes of
// the name.
func startRuntime(t *testing.T, name string, env ...string) *runtime {
	t.Helper()
	r := &runtime{t: t, events: make(chan invocation), answers: make(chan []byte, 1), exited: make(chan error, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, req *http.Request) {
		select {
		case event := <-r.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", event.id)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(event.deadline.UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-6a5145a9-1bae89e2512ec92d5d9438a0;Parent=53995c3f42cd8ad8;Sampled=0")
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:routegate")
			io.WriteString(w, event.payload)
		case <-req.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{kind}", func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		w.WriteHeader(http.StatusAccepted)
		r.answers <- fmt.Appendf(nil, "%s: %s", req.PathValue("kind"), body)
	})
	mux.HandleFunc("/2020-01-01/extension/", func(w http.ResponseWriter, req *http.Request) {
		t.Errorf("the function is an extension, too: %s %s", req.Method, req.URL)
		http.NotFound(w, req)
	})
	r.start(mux, name, env...)
	return r
}

// start runs the function against a Runtime API.
func (r *runtime) start(api http.Handler, name string, env ...string) {
	t := r.t
	t.Helper()
	server := httptest.NewServer(api)
	r.process = exec.Command(os.Args[0])
	r.process.Env = append(os.Environ(), "ROUTEGATE_TEST_FUNCTION="+name,
		"AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"),
		"AWS_API_GW_STAGE_NAME=", "JWT_AUTHORIZATION_GROUPS_ATTR_NAME=", "ROUTEGATE_METRICS_NAMESPACE=", "GORACE=atexit_sleep_ms=0")
	r.process.Env = append(r.process.Env, env...)
	r.process.Stdout, r.process.Stderr = r, r
	if err := r.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.exited <- r.process.Wait() }()
	t.Cleanup(func() {
		_ = r.process.Process.Kill() // it may have ended
		server.CloseClientConnections()
		server.Close()
	})
}

// Write takes the function's log.
func (r *runtime) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *runtime) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// logs waits until the log has a text: it comes through a pipe, in its own time.
func (r *runtime) logs(want string) {
	r.t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(r.logged(), want); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("the log does not say %s\n%s", want, r.logged())
		}
	}
}

// The time that nothing here comes near, unless it hangs.
const patience = 30 * time.Second

func (r *runtime) send(path string, deadline time.Time) {
	r.t.Helper()
	r.sendEvent(fmt.Sprintf(`{"version":"2.0","routeKey":"GET %[1]s","rawPath":"%[1]s","headers":{},
		"requestContext":{"http":{"method":"GET","path":"%[1]s","sourceIp":"203.0.113.7"},"stage":"$default","requestId":"gateway-id"}}`, path), deadline)
}

func (r *runtime) sendEvent(payload string, deadline time.Time) {
	r.t.Helper()
	select {
	case r.events <- invocation{"lambda-id", payload, deadline}:
	case err := <-r.exited:
		r.t.Fatalf("the function ended: %v\n%s", err, r.logged())
	case <-time.After(patience):
		r.t.Fatalf("the function does not ask for events\n%s", r.logged())
	}
}

func (r *runtime) answer() string {
	r.t.Helper()
	select {
	case answer := <-r.answers:
		return string(answer)
	case err := <-r.exited:
		// The last answer may lie there already.
		select {
		case answer := <-r.answers:
			r.exited <- err
			return string(answer)
		default:
		}
		r.t.Fatalf("the function ended without an answer: %v\n%s", err, r.logged())
	case <-time.After(patience):
		r.t.Fatalf("the function does not answer\n%s", r.logged())
	}
	return ""
}

func (r *runtime) exitCode() int {
	r.t.Helper()
	select {
	case err := <-r.exited:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		if err != nil {
			r.t.Fatal(err)
		}
		return 0
	case <-time.After(patience):
		r.t.Fatalf("the function does not end\n%s", r.logged())
	}
	return -1
}
