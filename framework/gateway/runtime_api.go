package gateway

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxAnswer is how large an answer Lambda takes: 6 MiB, and 100 bytes as in the
// Runtime Interface Emulator and in what Lambda says of a larger one.
const maxAnswer = 6<<20 + 100

// serve runs the process and its Runtime API, and returns when both have ended,
// with how the process did.
//
// Each instance has an address of its own, so that no answer can be taken for
// that of another instance: programs may expect a host and a port, without a
// path, in AWS_LAMBDA_RUNTIME_API.
func (i *instance) serve() error {
	r := i.runtime
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           i.api(listener.Addr().String()),
		ReadHeaderTimeout: 10 * time.Second, // the answers take as long as they take
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Close only
	}()
	defer func() {
		server.Close()
		<-served
		r.mu.Lock()
		i.closed = true
		r.mu.Unlock()
		i.requests.Wait() // so that it is settled whether it took the event it was given last
	}()

	dir := i.program.workingDir()
	stream := fmt.Sprintf("%s/[$LATEST]%032x", time.Now().UTC().Format("2006/01/02"), i.number)
	env := r.environment(dir, listener.Addr().String(), stream)
	process, err := startProcess(i.program, dir, env, &r.log)
	if err != nil {
		return err
	}
	r.mu.Lock()
	i.process = process
	limit := time.AfterFunc(r.initLimit, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !i.initialized && !i.ending {
			i.initError = &FunctionError{
				Type:    timedOut,
				Message: fmt.Sprintf("no request for an event within %v of the start", r.initLimit),
			}
			i.stop(i.kill)
		}
	})
	r.mu.Unlock()
	defer limit.Stop()
	return process.wait(i.end, i.kill)
}

// api is what the instance finds at AWS_LAMBDA_RUNTIME_API: the Runtime API, and
// as much of the Extensions API as a function that wants SIGTERM uses (Lambda
// developer guide, "Using the Lambda Extensions API to create extensions").
func (i *instance) api(address string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", i.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", i.serveAnswer)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", i.serveAnswer)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", i.serveInitError)
	mux.HandleFunc("POST /2020-01-01/extension/register", i.serveRegister)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", i.serveExtensionNext)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		// A web page that tries the ports of this machine must not get at an event. A
		// function is no browser, and knows the API under this address only.
		if req.Host != address || req.Header.Get("Origin") != "" || req.Header.Get("Sec-Fetch-Site") != "" {
			refuse(w, http.StatusForbidden, "Forbidden", "the Runtime API is for the function only")
			return
		}
		i.runtime.mu.Lock()
		closed := i.closed
		if !closed {
			i.requests.Add(1)
		}
		i.runtime.mu.Unlock()
		if !closed {
			defer i.requests.Done()
			mux.ServeHTTP(w, req)
		}
	})
}

// serveNext answers with the next event, when there is one. A function that asks
// says thereby that it is done with the event before it.
func (i *instance) serveNext(w http.ResponseWriter, req *http.Request) {
	r := i.runtime
	r.mu.Lock()
	if i.initError != nil {
		r.mu.Unlock()
		refuseState(w, "the function has reported that it does not start")
		return
	}
	if i.event != nil {
		// As Lambda does: it may have lost the answer to its first request.
		inv := i.event
		inv.repeated = true
		r.mu.Unlock()
		_ = i.writeEvent(w, inv) // it will ask again
		return
	}
	if i.deadline != nil {
		i.deadline.Stop()
	}
	i.answered = ""
	if !i.initialized {
		i.initialized = true
		i.program.failures = 0
		close(i.ready)
	}
	if i.retired || i.ending {
		i.stop(i.end)
		r.mu.Unlock()
		<-req.Context().Done() // it has nothing more to do
		return
	}
	asking := make(chan *invocation, 1)
	i.asking = asking // a request that waited here has been given up by the function
	r.dispatch()
	r.mu.Unlock()

	var inv *invocation
	select {
	case inv = <-asking:
	case <-req.Context().Done():
	}
	r.mu.Lock()
	if inv == nil {
		if i.asking == asking {
			i.asking = nil
		}
		select {
		case inv = <-asking: // given at that moment
			i.takeBack(inv)
		default:
		}
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	// With less than the whole of it the function cannot have begun.
	if err := i.writeEvent(w, inv); err != nil {
		r.mu.Lock()
		i.takeBack(inv)
		r.mu.Unlock()
	}
}

func (i *instance) writeEvent(w http.ResponseWriter, inv *invocation) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(inv.payload)))
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.given.Add(i.runtime.opts.Timeout).UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+i.runtime.region+":123456789012:function:"+i.runtime.name)
	// Not sampled: there is no X-Ray here.
	id := strings.ReplaceAll(inv.id, "-", "")
	h.Set("Lambda-Runtime-Trace-Id", fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", inv.given.Unix(), id[:24], id[16:]))
	if _, err := w.Write(inv.payload); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

// serveAnswer takes the answer to an event, or the error that it ended with.
func (i *instance) serveAnswer(w http.ResponseWriter, req *http.Request) {
	id := req.PathValue("id")
	if i.current(w, id, false) == nil {
		return
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxAnswer+1))
	var rest int64
	if err == nil {
		rest, err = io.Copy(io.Discard, req.Body) // a client may not read the answer before it has sent all
	}
	if err != nil {
		// The event is still the function's.
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
		return
	}
	isError := strings.HasSuffix(req.URL.Path, "/error")
	// Set by aws-lambda-go when the answer was a reader, and reading it failed.
	trailer := req.Trailer.Get("Lambda-Runtime-Function-Error-Type")
	var answer []byte
	var fault error
	tooLarge := !isError && len(body) > maxAnswer
	switch {
	case tooLarge:
		fault = &FunctionError{
			Type:    "Function.ResponseSizeTooLarge",
			Message: fmt.Sprintf("Response payload size (%d bytes) exceeded maximum allowed payload size (%d bytes).", int64(len(body))+rest, maxAnswer),
		}
	case isError:
		fault = reportedError(req.Header.Get("Lambda-Runtime-Function-Error-Type"), body)
	case trailer != "":
		text, _ := base64.StdEncoding.DecodeString(req.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
		fault = reportedError(trailer, text)
	default:
		answer = body
	}

	inv := i.current(w, id, true)
	if inv == nil {
		return
	}
	// The function first: when Invoke returns, it may be about to ask already.
	if tooLarge {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxAnswer))
	} else {
		accept(w)
	}
	_ = http.NewResponseController(w).Flush() // it has answered, whether it learns of that or not
	inv.finish(answer, fault)
}

// current returns the event that the instance runs if it has that id, and with
// take has it run no longer. Otherwise it refuses the request.
func (i *instance) current(w http.ResponseWriter, id string, take bool) *invocation {
	i.runtime.mu.Lock()
	defer i.runtime.mu.Unlock()
	inv := i.event
	switch {
	case inv != nil && inv.id == id:
		if take {
			i.event, i.answered = nil, id
		}
		return inv
	case i.answered == id && id != "":
		refuseState(w, "the event is answered already")
	default:
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
	}
	return nil
}

// serveInitError takes the reason why the function does not start, after which it
// should end.
func (i *instance) serveInitError(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxAnswer))
	if err != nil {
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
		return
	}
	i.runtime.mu.Lock()
	first := !i.initialized && i.initError == nil
	if first && !i.ending {
		i.initError = reportedError(req.Header.Get("Lambda-Runtime-Function-Error-Type"), body)
		// In a moment, for it may have more to say.
		time.AfterFunc(killDelay, func() {
			i.runtime.mu.Lock()
			defer i.runtime.mu.Unlock()
			i.stop(i.end)
		})
	}
	i.runtime.mu.Unlock()
	if !first {
		refuseState(w, "the function has started, or has reported that it does not")
		return
	}
	accept(w)
}

// serveRegister registers an extension that runs in the function's process. Those
// that ask to be told of events are not.
func (i *instance) serveRegister(w http.ResponseWriter, req *http.Request) {
	if req.Header.Get("Lambda-Extension-Name") == "" {
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionName", "Empty extension name")
		return
	}
	id := newInvocationID()
	i.runtime.mu.Lock()
	i.extensions = append(i.extensions, id)
	i.runtime.mu.Unlock()
	w.Header().Set("Lambda-Extension-Identifier", id)
	writeStatus(w, http.StatusOK, map[string]string{"functionName": i.runtime.name, "functionVersion": "$LATEST", "handler": "bootstrap"})
}

// serveExtensionNext never has an event.
func (i *instance) serveExtensionNext(w http.ResponseWriter, req *http.Request) {
	i.runtime.mu.Lock()
	known := slices.Contains(i.extensions, req.Header.Get("Lambda-Extension-Identifier"))
	i.runtime.mu.Unlock()
	if !known {
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension")
		return
	}
	<-req.Context().Done()
}

// reportedError is the error that a function reports: its type and message are
// in the body, by convention, and the type may be in a header.
func reportedError(header string, body []byte) *FunctionError {
	var report struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(body, &report) != nil {
		report.Message = string(body[:min(len(body), maxTail)])
	}
	return &FunctionError{Type: cmp.Or(report.Type, header, "Runtime.Unknown"), Message: report.Message}
}

func accept(w http.ResponseWriter) {
	writeStatus(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

// refuseState refuses what is out of order.
func refuseState(w http.ResponseWriter, why string) {
	refuse(w, http.StatusForbidden, "InvalidStateTransition", why)
}

func refuse(w http.ResponseWriter, status int, errorType, message string) {
	writeStatus(w, status, map[string]string{"errorMessage": message, "errorType": errorType})
}

func writeStatus(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // it has asked, and may have gone
}
