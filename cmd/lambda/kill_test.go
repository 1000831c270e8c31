package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
)

// A stage of a request, at which the function kills itself, as the kernel does
// where memory runs out: SIGKILL, with no word to anybody.
const (
	stageStarted  = "started"       // the process runs, and has not asked for an event
	stageAsks     = "asks"          // it is about to ask
	stagePolls    = "polls"         // it has asked
	stageGot      = "got the event" // which no code of the function has seen
	stageHandler  = "handler"       // the handler runs
	stageAnswers  = "answers"       // the answer is about to be posted
	stageHalf     = "half"          // half of the answer was sent
	stagePosted   = "posted"        // all of it was, and nobody has confirmed it
	stageAnswered = "answered"      // it was confirmed
)

// dieAt ends the process if a file with the stage's name is in the directory, and
// takes the file away: one process dies of each.
func dieAt(stage string) {
	dir := os.Getenv("ROUTEGATE_TEST_STAGES")
	if dir != "" && os.Remove(dir+"/"+stage) == nil {
		p, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = p.Kill()
		}
		if err != nil {
			panic(err)
		}
		select {}
	}
}

// watchConnections has the process die between what it says to the Runtime API
// and what it hears from it. The client of aws-lambda-go is made of the default
// transport.
func watchConnections() {
	transport := http.DefaultTransport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		return &watchedConn{Conn: conn}, err
	}
}

type watchedConn struct {
	net.Conn
	mu   sync.Mutex
	said string // what was asked for last: "next", "answer", or something else
}

func (c *watchedConn) Write(p []byte) (int, error) {
	asks := bytes.HasPrefix(p, []byte("GET /2018-06-01/runtime/invocation/next "))
	answers := bytes.HasPrefix(p, []byte("POST /2018-06-01/runtime/invocation/"))
	switch {
	case asks:
		c.says("next")
		dieAt(stageAsks)
	case answers:
		c.says("answer")
		dieAt(stageAnswers)
	}
	// It comes in several writes, of which the last one has the last chunk.
	n, err := c.Conn.Write(p)
	switch {
	case asks:
		dieAt(stagePolls)
	case c.saying() == "answer" && (bytes.HasPrefix(p, []byte("0\r\n")) || bytes.Contains(p, []byte("\r\n0\r\n"))):
		dieAt(stagePosted)
	case answers:
		dieAt(stageHalf)
	}
	return n, err
}

func (c *watchedConn) says(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = what
}

func (c *watchedConn) saying() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	said := c.saying()
	switch {
	case n == 0:
	case said == "next" && bytes.HasPrefix(p[:n], []byte("HTTP/1.1 200 ")):
		dieAt(stageGot)
	case said == "answer":
		dieAt(stageAnswered)
	}
	return n, err
}

// echo answers with what it was asked, in as many bytes as wanted.
func echo(w http.ResponseWriter, r *http.Request) {
	dieAt(stageHandler)
	fmt.Fprintf(w, "%s %s", r.URL.Query().Get("id"), strings.Repeat(".", 10_000))
}
