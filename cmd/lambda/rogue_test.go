//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A rogue is a Runtime API that does what no Runtime API should.
type rogue struct {
	*runtime
	polls atomic.Int32
	next  func(n int, w http.ResponseWriter, r *http.Request) // the n-th poll, from 1
	post  func(n int, w http.ResponseWriter, r *http.Request) // the n-th answer; nil takes it

	posts  atomic.Int32
	posted chan string // "id kind: body", of what was taken whole
}

func (g *rogue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const prefix = "/2018-06-01/runtime/invocation/"
	switch {
	case r.URL.Path == prefix+"next":
		g.next(int(g.polls.Add(1)), w, r)
	case strings.HasPrefix(r.URL.Path, prefix): // as it is: a ServeMux would tidy it
		n := int(g.posts.Add(1))
		if g.post != nil {
			g.post(n, w, r)
			return
		}
		g.take(w, r, prefix)
	case r.URL.Path == "/2020-01-01/extension/register":
		w.Header().Set("Lambda-Extension-Identifier", "00000000-0000-0000-0000-000000000000")
	default:
		<-r.Context().Done()
	}
}

func (g *rogue) take(w http.ResponseWriter, r *http.Request, prefix string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	id, kind, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, prefix), "/")
	if id == "" {
		w.WriteHeader(http.StatusNotFound)
	} else {
		w.WriteHeader(http.StatusAccepted)
	}
	g.posted <- fmt.Sprintf("%s %s: %s", id, kind, body)
}

func startRogue(t *testing.T, next, post func(int, http.ResponseWriter, *http.Request), env ...string) *rogue {
	t.Helper()
	g := &rogue{runtime: &runtime{t: t, exited: make(chan error, 1)}, next: next, post: post, posted: make(chan string, 100)}
	g.runtime.start(g, "test", env...)
	return g
}

// event answers a poll as it should, but for the headers that are given: "" takes
// one away.
func event(w http.ResponseWriter, id, path string, headers ...string) {
	h := w.Header()
	h.Set("Lambda-Runtime-Aws-Request-Id", id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inAMinute().UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:routegate")
	for i := 0; i < len(headers); i += 2 {
		if h.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			h.Del(headers[i])
		}
	}
	io.WriteString(w, eventOf(id, path))
}

func eventOf(id, path string) string {
	return fmt.Sprintf(`{"version":"2.0","routeKey":"GET %[1]s","rawPath":"%[1]s","rawQueryString":"id=%[2]s","headers":{},
		"requestContext":{"http":{"method":"GET","path":"%[1]s","sourceIp":"203.0.113.7"},"stage":"$default","requestId":"%[2]s"}}`, path, id)
}

// cut closes the connection as it stands.
func cut(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// A function that gets nonsense for an event says so, to that event's id and to
// no other, and takes the next one; or it ends, where it cannot know what it has,
// and Lambda starts another. It does not ask again and again.
func TestRogueEvents(t *testing.T) {
	t.Parallel()
	deadline := "Lambda-Runtime-Deadline-Ms"
	for _, test := range []struct {
		name string
		bad  func(w http.ResponseWriter)
		want string // the beginning of what is posted; "" for nothing
		has  string // in it
		ends bool
	}{
		{"late", func(w http.ResponseWriter) { time.Sleep(300 * time.Millisecond); event(w, "bad", "/echo") }, `bad response: {"statusCode":200,`, `"body":"bad ...`, false},
		{"late in the middle", func(w http.ResponseWriter) {
			text := eventOf("bad", "/echo")
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "bad")
			w.Header().Set(deadline, strconv.FormatInt(inAMinute().UnixMilli(), 10))
			io.WriteString(w, text[:50])
			_ = http.NewResponseController(w).Flush()
			time.Sleep(300 * time.Millisecond)
			io.WriteString(w, text[50:])
		}, `bad response: {"statusCode":200,`, `"body":"bad ...`, false},
		{"no deadline", func(w http.ResponseWriter) { event(w, "bad", "/ok", deadline, "") }, "bad error: {", "failed to parse deadline", false},
		{"a deadline in words", func(w http.ResponseWriter) { event(w, "bad", "/ok", deadline, "soon") }, "bad error: {", "failed to parse deadline", false},
		{"a deadline of no number", func(w http.ResponseWriter) { event(w, "bad", "/ok", deadline, "99999999999999999999") }, "bad error: {", "failed to parse deadline", false},
		{"a deadline in 1970", func(w http.ResponseWriter) { event(w, "bad", "/stuck", deadline, "0") }, `bad response: {"statusCode":503,`, `\"code\":\"timeout\"`, false},
		{"a deadline before that", func(w http.ResponseWriter) { event(w, "bad", "/stuck", deadline, "-9223372036854775808") }, `bad response: {"statusCode":503,`, `\"code\":\"timeout\"`, false},
		{"a deadline that is over", func(w http.ResponseWriter) {
			event(w, "bad", "/stuck", deadline, strconv.FormatInt(time.Now().Add(-time.Second).UnixMilli(), 10))
		}, `bad response: {"statusCode":503,`, `\"code\":\"timeout\"`, false},
		{"a deadline at the end of time", func(w http.ResponseWriter) { event(w, "bad", "/ok", deadline, "9223372036854775807") }, `bad response: {"statusCode":200,`, `"body":"fine"`, false},
		{"no body", func(w http.ResponseWriter) { event(discard{w}, "bad", "/ok") }, "bad error: {", "event not understood", false},
		{"a page", func(w http.ResponseWriter) {
			event(discard{w}, "bad", "/ok")
			io.WriteString(w, "<html>try later</html>")
		}, "bad error: {", "event not understood", false},
		{"half of the JSON", func(w http.ResponseWriter) {
			event(discard{w}, "bad", "/ok")
			io.WriteString(w, eventOf("bad", "/ok")[:100])
		}, "bad error: {", "event not understood", false},

		{"no id", func(w http.ResponseWriter) { event(w, "bad", "/ok", "Lambda-Runtime-Aws-Request-Id", "") }, " response: ", "fine", true},
		{"cut in the body", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "10000")
			event(w, "bad", "/ok")
			cut(w)
		}, "", "", true},
		{"cut between chunks", func(w http.ResponseWriter) { event(w, "bad", "/ok"); cut(w) }, "", "", true},
		{"cut before a word", func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, "", "", true},
		{"500", func(w http.ResponseWriter) { w.WriteHeader(500) }, "", "", true},
		{"204", func(w http.ResponseWriter) { w.WriteHeader(204) }, "", "", true},
		{"429", func(w http.ResponseWriter) { w.Header().Set("Retry-After", "0"); w.WriteHeader(429) }, "", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := startRogue(t, func(n int, w http.ResponseWriter, r *http.Request) {
				switch {
				case n == 2 || n > 2 && test.ends:
					test.bad(w)
				case n <= 3:
					event(w, fmt.Sprint("good-", n), "/echo")
				default:
					<-r.Context().Done()
				}
			}, nil)
			expect := func(want, has string) {
				t.Helper()
				if got := g.isPosted(); !strings.HasPrefix(got, want) || !strings.Contains(got, has) {
					t.Errorf("posted %.300s, want %s… with %q", got, want, has)
				}
			}
			expect(`good-1 response: {"statusCode":200,`, `"body":"good-1 ...`)
			if test.want != "" {
				expect(test.want, test.has)
			}
			polls := int32(2)
			if test.ends {
				if code := g.exitCode(); code != 1 {
					t.Errorf("exit code %d, want 1\n%s", code, g.logged())
				}
				// net/http tries a request once more whose connection, one that was used
				// before, is closed without a word.
				polls = 3
			} else {
				expect(`good-3 response: {"statusCode":200,`, `"body":"good-3 ...`)
				polls = 4
			}
			if n := g.polls.Load(); n > polls {
				t.Errorf("%d polls, want no more than %d", n, polls)
			}
			select {
			case extra := <-g.posted:
				t.Errorf("posted as well: %.300s", extra)
			default:
			}
		})
	}
}

// discard writes headers only.
type discard struct{ http.ResponseWriter }

func (discard) Write(p []byte) (int, error)       { return len(p), nil }
func (discard) WriteString(p string) (int, error) { return len(p), nil }

// isPosted returns the next answer that was taken.
func (g *rogue) isPosted() string {
	g.t.Helper()
	select {
	case got := <-g.posted:
		return got
	case <-time.After(patience):
		g.t.Fatalf("nothing is posted\n%s", g.logged())
	}
	return ""
}

// An event that comes twice is answered twice, both times by its id.
func TestRogueTwice(t *testing.T) {
	t.Parallel()
	g := startRogue(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n > 3 {
			<-r.Context().Done()
			return
		}
		event(w, []string{"same", "same", "other"}[n-1], "/echo")
	}, nil)
	for _, id := range []string{"same", "same", "other"} {
		if got := g.isPosted(); !strings.HasPrefix(got, id+` response: {"statusCode":200,`) || !strings.Contains(got, `"body":"`+id+" ...") {
			t.Errorf("posted %.300s, want the answer to %s", got, id)
		}
	}
}

// An answer that is not taken ends the function: what became of the request
// nobody knows, so that it is not sent again, and no other is asked for.
func TestRogueAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		post func(w http.ResponseWriter, r *http.Request)
	}{
		{"413", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}},
		{"500", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(500)
		}},
		{"413 before it is read", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) }},
		{"200", func(http.ResponseWriter, *http.Request) {}},
		{"cut before it is read", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"cut in the middle", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadFull(r.Body, make([]byte, 5_000))
			panic(http.ErrAbortHandler)
		}},
		{"cut behind the end", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		}},
		{"half an answer to it", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, "{")
			cut(w)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := startRogue(t, func(n int, w http.ResponseWriter, _ *http.Request) { event(w, fmt.Sprint("event-", n), "/echo") },
				func(_ int, w http.ResponseWriter, r *http.Request) { test.post(w, r) })
			if code := g.exitCode(); code != 1 {
				t.Errorf("exit code %d, want 1\n%s", code, g.logged())
			}
			if polls, posts := g.polls.Load(), g.posts.Load(); polls != 1 || posts != 1 {
				t.Errorf("%d polls and %d answers, want 1 of each", polls, posts)
			}
		})
	}
}

// A Runtime API that says nothing is waited for, as Lambda wants it. It is not
// asked again meanwhile, and SIGTERM ends the function.
func TestRogueSilence(t *testing.T) {
	t.Parallel()
	silent := func(_ int, _ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // before which net/http does not see that the client has gone
		<-r.Context().Done()
	}
	for name, g := range map[string]*rogue{
		"no event":  startRogue(t, silent, nil),
		"no thanks": startRogue(t, func(_ int, w http.ResponseWriter, _ *http.Request) { event(w, "a", "/echo") }, silent),
	} {
		eventually(t, func() bool { return g.polls.Load() == 1 && (name == "no event" || g.posts.Load() == 1) })
		time.Sleep(300 * time.Millisecond) // in which it could ask a thousand times
		if polls, posts := g.polls.Load(), g.posts.Load(); polls != 1 || posts > 1 {
			t.Errorf("%s: %d polls and %d answers", name, polls, posts)
		}
		if err := g.process.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := g.exitCode(); code != 0 {
			t.Errorf("%s: exit code %d, want 0\n%s", name, code, g.logged())
		}
	}
}
