package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// patience is how long a function may take for anything.
const patience = time.Minute

// A function is the process of one that has started, with Lambda's Runtime API in
// front of it (Lambda developer guide, "Using the Lambda runtime API for custom
// runtimes"): as much of it as takes one to measure.
type function struct {
	started time.Duration // from its exec to its first request for an event

	cmd    *exec.Cmd
	server *http.Server
	log    *os.File // what it logs: a pipe would have to be read while it starts
	exited chan struct{}

	polled  chan time.Time
	events  chan []byte
	answers chan []byte
	failed  chan error
}

// startFunction starts the program and waits until it asks for an event. Its
// output goes nowhere, except where it fails.
func startFunction(program string, env ...string) (*function, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	log, err := os.CreateTemp("", "routegate-bench-log-")
	if err != nil {
		listener.Close()
		return nil, err
	}
	_ = os.Remove(log.Name()) // it is there until it is closed
	f := &function{
		log: log,
		cmd: exec.Command(program), exited: make(chan struct{}),
		polled: make(chan time.Time, 1), events: make(chan []byte), answers: make(chan []byte, 1), failed: make(chan error, 1),
	}
	f.server = &http.Server{Handler: f.api(), ReadHeaderTimeout: patience}
	go func() { _ = f.server.Serve(listener) }() // until stop
	// What Lambda sets (developer guide, "Defined runtime environment variables"),
	// as far as a Go program looks at it, and nothing of this machine.
	f.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + listener.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME=sample", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/sample", "AWS_LAMBDA_LOG_STREAM_NAME=2026/07/10/[$LATEST]0",
		"AWS_REGION=eu-west-1", "LANG=en_US.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin", "TZ=:UTC",
	}, env...)
	f.cmd.Stderr = log
	begin := time.Now()
	if err := f.cmd.Start(); err != nil {
		f.server.Close()
		log.Close()
		return nil, err
	}
	go func() {
		_ = f.cmd.Wait() // it is killed in the end
		close(f.exited)
	}()
	select {
	case at := <-f.polled:
		f.started = at.Sub(begin)
		return f, nil
	case <-f.exited:
		err = errors.New("it ended")
	case err = <-f.failed:
	case <-time.After(patience):
		err = errors.New("it does not ask for an event")
	}
	err = fmt.Errorf("starting %s: %w\n%s", program, err, f.logged())
	f.stop()
	return nil, err
}

func (f *function) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case f.polled <- time.Now():
		default: // not the first
		}
		select {
		case event := <-f.events:
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h.Set("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
			h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(patience).UnixMilli(), 10))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:sample")
			h.Set("Lambda-Runtime-Trace-Id", "Root=1-6a5145a9-1bae89e2512ec92d5d9438a0;Parent=53995c3f42cd8ad8;Sampled=0")
			_, _ = w.Write(event)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		answer, err := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		if err != nil {
			f.fail(err)
			return
		}
		f.answers <- answer
	})
	reported := func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		f.fail(fmt.Errorf("the function reports %s", text))
	}
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", reported)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", reported)
	// A function that wants SIGTERM registers as an extension, and waits forever.
	mux.HandleFunc("POST /2020-01-01/extension/register", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Lambda-Extension-Identifier", "e")
		_, _ = io.WriteString(w, `{"functionName":"sample","functionVersion":"$LATEST","handler":"bootstrap"}`)
	})
	mux.HandleFunc("GET /2020-01-01/extension/event/next", func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	})
	return mux
}

func (f *function) fail(err error) {
	select {
	case f.failed <- err:
	default: // there is an error already
	}
}

// invoke sends an event and returns the answer.
func (f *function) invoke(event []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	events := f.events
	for {
		select {
		case events <- event:
			events = nil // now for its answer
		case answer := <-f.answers:
			return answer, nil
		case err := <-f.failed:
			return nil, err
		case <-f.exited:
			return nil, fmt.Errorf("the function ended\n%s", f.logged())
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// peak returns how many bytes of memory the process has had at most. That is the
// kernel's VmHWM; the maximum that wait4 gives would count this process's own,
// which has made it by vfork.
func (f *function) peak() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 64)
			return n * 1024, err
		}
	}
	return 0, errors.New("the kernel does not say how much memory a process has had")
}

// logged returns what the function has logged.
func (f *function) logged() []byte {
	text, _ := io.ReadAll(io.NewSectionReader(f.log, 0, 1<<20))
	return text
}

// stop ends the process, which does nothing then.
func (f *function) stop() {
	_ = f.cmd.Process.Kill() // it may have ended
	<-f.exited
	f.server.Close()
	f.log.Close()
}
