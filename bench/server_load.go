package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

// drive sends count requests over serverConns connections, each with the next of
// tokens, and returns how long that took. first is how many were sent before. The
// requests are written beforehand, and of the answers no more is read than has to
// be, so that the processors are the server's.
func drive(addr string, tokens []string, first, count int) (time.Duration, error) {
	conns := make([]net.Conn, serverConns)
	for i := range conns {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
			return 0, err
		}
		conns[i] = conn
	}
	requests := make([][]byte, max(len(tokens), serverRoutes/4))
	for i := range requests {
		resource := i % (serverRoutes / 4)
		requests[i] = fmt.Appendf(nil, "GET /v1/resource%d/id-%d HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nAccept: application/json\r\nAuthorization: Bearer %s\r\n\r\n",
			resource, i, addr, tokens[i%len(tokens)])
	}
	errs := make([]error, len(conns))
	var running sync.WaitGroup
	start := time.Now()
	for c, conn := range conns {
		running.Go(func() {
			in := bufio.NewReader(conn)
			for n := c; n < count; n += len(conns) {
				if _, errs[c] = conn.Write(requests[(first+n)%len(requests)]); errs[c] != nil {
					return
				}
				if errs[c] = readAnswer(in); errs[c] != nil {
					return
				}
			}
		})
	}
	running.Wait()
	return time.Since(start), errors.Join(errs...)
}

var (
	statusOK      = []byte("HTTP/1.1 200 ")
	contentLength = []byte("Content-Length: ")
)

// readAnswer reads an answer with status 200 and a Content-Length.
func readAnswer(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, statusOK) {
		return fmt.Errorf("answered with %q", line)
	}
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == 2 {
			break
		}
		if text, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(text))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("an answer without a Content-Length")
	}
	_, err = in.Discard(length)
	return err
}
