//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A busy Lambda gives the function as many events at once as it takes.
type busy struct {
	*rogue
	events chan func(w http.ResponseWriter)
}

func startBusy(t *testing.T, env ...string) *busy {
	t.Helper()
	b := &busy{events: make(chan func(http.ResponseWriter))}
	b.rogue = startRogue(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		select {
		case give := <-b.events:
			give(w)
		case <-r.Context().Done():
		}
	}, nil, append(env, "AWS_LAMBDA_MAX_CONCURRENCY="+strconv.Itoa(concurrency))...)
	return b
}

// give hands over an event once the function asks for one.
func (b *busy) give(id, path string, left time.Duration) {
	b.t.Helper()
	event := fmt.Sprintf(`{"version":"2.0","routeKey":"GET %[1]s","rawPath":"%[1]s","rawQueryString":"id=%[2]s","headers":{"x-id":"%[2]s"},
		"requestContext":{"http":{"method":"GET","path":"%[1]s","sourceIp":"203.0.113.7"},"stage":"$default","requestId":"%[2]s"},"body":"%[3]s"}`,
		path, id, bodyOf(id))
	if path == "/none" {
		event = `{"id":"` + id + `"}`
	}
	select {
	case b.events <- func(w http.ResponseWriter) {
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(left).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:routegate")
		h.Set("Lambda-Runtime-Trace-Id", traceOf(id))
		_, _ = io.WriteString(w, event)
	}:
	case err := <-b.exited:
		b.t.Fatalf("the function ended: %v\n%s", err, b.logged())
	case <-time.After(patience):
		b.t.Fatalf("the function does not ask for events\n%.5000s", b.logged())
	}
}

// taken returns what the function posted next, by the id of the event.
func (b *busy) taken() (id, answer string) {
	b.t.Helper()
	select {
	case posted := <-b.posted:
		id, answer, _ = strings.Cut(posted, " ")
		return id, answer
	case err := <-b.exited:
		b.t.Fatalf("the function ended: %v\n%s", err, b.logged())
	case <-time.After(patience):
		b.t.Fatalf("the function does not answer\n%.5000s", b.logged())
	}
	return "", ""
}

// Lambda's loop for Managed Instances runs several events at once. Each has its own
// request, trace, response and lines in the log, also while handlers still run that
// have outlived their deadline. The race detector watches if the tests run under it,
// because the function is this test binary.
func TestEventsAtOnce(t *testing.T) {
	t.Parallel()
	b := startBusy(t, "ROUTEGATE_METRICS_NAMESPACE=Routegate/test")

	// That they run at once: none of these ends before all of them have begun.
	for i := range concurrency {
		b.give(fmt.Sprint("m", i), "/meet", patience)
	}
	for range concurrency {
		if id, answer := b.taken(); !strings.HasPrefix(answer, `response: {"statusCode":200,`) || !strings.Contains(answer, `"body":"`+id+` met the others"`) {
			t.Errorf("%s: %s", id, answer)
		}
	}

	random := rand.New(rand.NewPCG(1, 1))
	paths := map[string]string{} // by id
	const events = 300
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range events {
			id, answer := b.taken()
			path, ok := paths[id]
			want, has := `response: {"statusCode":200,`, ""
			switch path {
			case "/own":
				has = `"body":"` + strings.Join([]string{id, bodyOf(id), "<nil>", traceOf(id), id, id, ""}, "|") + `"`
			case "/echo":
				has = `"body":"` + id + " ..."
			case "/late":
				want, has = `response: {"statusCode":503,`, `\"code\":\"timeout\",\"request_id\":\"`+id+`\"`
			case "/panic":
				want, has = `response: {"statusCode":500,`, `\"code\":\"internal_error\",\"request_id\":\"`+id+`\"`
			case "/none":
				want, has = "error: {", "event not understood"
			}
			if !ok || !strings.HasPrefix(answer, want) || !strings.Contains(answer, has) {
				t.Errorf("%s, %s: %.3000s\nwant %s and %s", id, path, answer, want, has)
			}
		}
	}()
	ids := make([]string, events)
	for i := range ids {
		ids[i] = fmt.Sprint("r", i)
		paths[ids[i]] = []string{"/own", "/own", "/own", "/echo", "/late", "/panic", "/none"}[random.IntN(7)]
	}
	for _, id := range ids {
		left := time.Minute
		if paths[id] == "/late" {
			left = 400 * time.Millisecond
		}
		b.give(id, paths[id], left)
	}
	<-done

	b.give("release", "/release", time.Minute)
	b.taken()
	lines := map[string]int{}
	for _, id := range ids {
		if paths[id] == "/late" {
			b.logs(id + " is late, intact: true\n")
		}
	}
	b.logs(`"route_key":"GET /release"`)
	metrics := 0
	for line := range strings.Lines(b.logged()) {
		if !strings.HasPrefix(line, "{") {
			continue
		}
		var v struct {
			Msg, Source string
			RequestID   string `json:"request_id"`
			TraceID     string `json:"trace_id"`
			AWS         any    `json:"_aws"`
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Errorf("a line of the log is not whole: %v: %s", err, line)
		}
		if v.AWS != nil {
			metrics++
		}
		if v.Msg == "request" && strings.HasPrefix(v.RequestID, "r") {
			lines[v.RequestID]++
			if v.RequestID != "release" && !strings.Contains(traceOf(v.RequestID), "Root="+v.TraceID+";") {
				t.Errorf("%s has the trace of another request: %s", v.RequestID, line)
			}
		}
	}
	requests := concurrency + 1
	for _, id := range ids {
		want := 1
		if paths[id] == "/none" {
			want = 0
		}
		requests += want
		if lines[id] != want {
			t.Errorf("%s, %s has %d lines in the log, want %d", id, paths[id], lines[id], want)
		}
	}
	if metrics != requests {
		t.Errorf("%d lines of metrics for %d requests", metrics, requests)
	}
	b.ends(t)
}

// On SIGTERM every event that is running gets its response first.
func TestEndsAfterAllEventsAtOnce(t *testing.T) {
	t.Parallel()
	b := startBusy(t)
	for i := range concurrency {
		b.give(fmt.Sprint("r", i), "/slow", time.Minute)
	}
	time.Sleep(100 * time.Millisecond) // so that the handlers run
	if err := b.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range concurrency {
		id, answer := b.taken()
		if seen[id] || !strings.Contains(answer, `"body":"done"`) {
			t.Errorf("%s: %s", id, answer)
		}
		seen[id] = true
	}
	if code := b.exitCode(); code != 0 {
		t.Errorf("exit code %d, want 0\n%s", code, b.logged())
	}
}

// ends ends the function, which must have seen no race.
func (b *busy) ends(t *testing.T) {
	t.Helper()
	if err := b.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := b.exitCode(); code != 0 || strings.Contains(b.logged(), "DATA RACE") {
		t.Errorf("exit code %d, want 0\n%.20000s", code, b.logged())
	}
}
