package framework

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What the log calls a failure for which there is no problem document.
const (
	failureClientGone = "client_gone" // the client closed the connection
	failureClientSlow = "client_slow" // it did not take the answer in time
)

// A writer is what a handler in a container writes to. It passes everything on at
// once, until the request is over: a handler that was left behind then writes to
// nobody. It is an http.Flusher; the connection's deadlines are not the
// handler's to set.
type writer struct {
	to   http.ResponseWriter
	conn *http.ResponseController
	id   string // of the request
	body *body  // the request's; nil if it has none

	// The handler's headers are its own, since one that was left behind may
	// still change them.
	header http.Header

	mu      sync.Mutex
	status  int    // that was sent; 0 before
	over    bool   // the handler's part is
	failure string // what replaced the handler's answer or cut it short; "" for nothing
	cut     bool   // the answer is not whole
}

func (w *writer) Header() http.Header { return w.header }

// WriteHeader sends the status and the headers the first time. As in Lambda, an
// informational status (1xx) is not sent, and 101 is as invalid as a code that has not
// three digits: it panics.
func (w *writer) WriteHeader(code int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status != 0 || w.over {
		return
	}
	switch {
	case code < 100 || code > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", code))
	case code == http.StatusSwitchingProtocols:
		panic("invalid WriteHeader code 101: no protocol can be switched to")
	case code >= 200:
		w.send(code)
	}
}

// send begins the answer. The handler's is not asked for where its request could
// not be read to the end: a gateway would have answered that by itself.
func (w *writer) send(code int) {
	if w.status != 0 || w.over {
		return
	}
	if failure := w.body.failed(); failure != "" {
		w.replace(bodyProblem(failure, w.id))
		return
	}
	w.copyHeader()
	w.status = code
	w.to.WriteHeader(code)
}

// copyHeader passes on the handler's headers as Lambda does: with canonical names,
// without trailers, and without characters that no header may have (RFC 9110, section
// 5.5), of which net/http replaces only line breaks. net/http decides where the
// response ends and whether the connection stays open. The handler may only ask for
// the connection to close.
func (w *writer) copyHeader() {
	to := w.to.Header()
	for _, name := range slices.Sorted(maps.Keys(w.header)) {
		values := w.header[name]
		switch canonical := http.CanonicalHeaderKey(name); {
		case canonical == "Connection":
			if slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, "close") }) {
				to.Set("Connection", "close")
			}
		case canonical == "Trailer", canonical == "Transfer-Encoding", strings.HasPrefix(name, http.TrailerPrefix):
		default:
			clean := make([]string, len(values))
			for i, v := range values {
				clean[i] = cleanValue(v)
			}
			if name != canonical {
				clean = append(to[canonical], clean...)
			}
			to[canonical] = clean
		}
	}
}

func cleanValue(s string) string {
	isControl := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	if strings.IndexFunc(s, isControl) < 0 {
		return s
	}
	b := []byte(s) // whatever its encoding is
	for i, c := range b {
		if isControl(rune(c)) {
			b[i] = ' '
		}
	}
	return string(b)
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.send(http.StatusOK)
	if w.over {
		return 0, http.ErrHandlerTimeout
	}
	n, err := w.to.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.over, w.cut, w.failure = true, true, failureClientSlow
	}
	return n, err
}

// WriteString is Write for a string.
func (w *writer) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// FlushError sends what was written, for http.ResponseController.
func (w *writer) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.send(http.StatusOK)
	if w.over {
		return http.ErrHandlerTimeout
	}
	return w.conn.Flush()
}

// Flush is FlushError for an http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// begun reports whether an answer has been.
func (w *writer) begun() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status != 0
}

// finish ends the part of a handler that has returned.
func (w *writer) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.send(http.StatusOK) // if it has not written one
	w.over = true
}

// end ends the handler's part with a problem: in place of its answer if that has
// not begun, and otherwise by cutting it.
func (w *writer) end(p problem) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.status == 0:
		_ = w.conn.SetWriteDeadline(time.Now().Add(flushTime))
		w.replace(p)
	case !w.over:
		w.over, w.cut, w.failure = true, true, p.Code
	}
}

func (w *writer) replace(p problem) {
	w.over, w.failure, w.status = true, p.Code, p.Status
	if p.Code == codeRequestTooLarge || p.Code == codeRequestTimeout {
		w.to.Header().Set("Connection", "close") // the rest of the body is not waited for
	}
	p.ServeHTTP(w.to, nil)
}

// A body is that of a request in a container. It knows why it could not be read
// to its end.
type body struct {
	io.ReadCloser // an http.MaxBytesReader

	busy sync.Mutex // held by Read
	over atomic.Bool

	mu      sync.Mutex
	reading bool
	failure string // codeRequestTooLarge or codeRequestTimeout; "" for neither
}

func (b *body) Read(p []byte) (int, error) {
	b.busy.Lock()
	defer b.busy.Unlock()
	if b.over.Load() {
		return 0, http.ErrHandlerTimeout
	}
	b.set(true, nil)
	n, err := b.ReadCloser.Read(p)
	b.set(false, err)
	return n, err
}

// stop ends a Read that is under way, and fails those that come. net/http must not
// find one when it takes the request back: it would interrupt it and then lift the
// deadline, behind which it waits for the rest of the body, however slowly it comes.
func (b *body) stop(conn *http.ResponseController) {
	if b == nil {
		return
	}
	b.over.Store(true)
	if !b.busy.TryLock() {
		if conn.SetReadDeadline(time.Unix(1, 0)) != nil {
			return // a test's recorder
		}
		b.busy.Lock()
	}
	b.busy.Unlock()
}

func (b *body) set(reading bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reading = reading
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		b.failure = codeRequestTooLarge
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		b.failure = codeRequestTimeout
	}
}

// isReading reports whether the client is waited for, or was in vain.
func (b *body) isReading() bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reading || b.failure == codeRequestTimeout
}

func (b *body) failed() string {
	if b == nil {
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failure
}

// bodyProblem answers a request whose body was not taken.
func bodyProblem(code, id string) problem {
	if code == codeRequestTimeout {
		return newProblem(http.StatusRequestTimeout, code, id)
	}
	return newProblem(http.StatusRequestEntityTooLarge, code, id)
}
