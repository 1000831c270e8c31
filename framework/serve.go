package framework

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/route"
)

// An answer is what goes back for one event.
type answer struct {
	response *apigw.Response
	failure  string // the code of the problem that replaced the handler's answer; "" for none
}

// replace puts a problem in the place of the answer.
func (a *answer) replace(e *apigw.Event, p problem) {
	a.response, a.failure = apigw.NewResponse(e.Method), p.Code
	p.ServeHTTP(a.response, nil)
}

// answer runs the handler if the decision allows it, and refuses otherwise.
func (a *App) answer(ctx context.Context, e *apigw.Event, d route.Decision, id string) (ans answer) {
	if !d.Allowed {
		ans.replace(e, newProblem(d.Reason.Status(), string(d.Reason), id))
		ans.failure = "" // a refusal is what the manifest wants
		return ans
	}
	timed := a.alarm.start(ctx, beforeDeadline(ctx))
	defer timed.cancel()
	r, err := e.Request(timed)
	if err != nil {
		LoggerFrom(ctx).ErrorContext(ctx, "request could not be read", "error", err)
		ans.replace(e, newProblem(http.StatusBadRequest, codeBadRequest, id))
		return ans
	}
	name(r, d)

	response := apigw.NewResponse(e.Method)
	returned := a.run(timed, response, r, d.Route, id)
	select {
	case ok := <-returned:
		ans.response = response
		if !ok {
			ans.replace(e, newProblem(http.StatusInternalServerError, codeInternal, id))
		}
		return ans
	case <-ctx.Done():
		timed.end(ctx.Err())
	case <-timed.Done():
	}
	LoggerFrom(ctx).ErrorContext(ctx, "handler took too long")
	ans.replace(e, newProblem(http.StatusServiceUnavailable, codeTimeout, id))
	return ans
}

// name tells the handler which route the request has, and its variables.
func name(r *http.Request, d route.Decision) {
	r.Pattern = d.Route.Key()
	for i, variable := range d.Route.Pattern.Variables() {
		r.SetPathValue(variable, d.Values[i])
	}
}

// run runs the route's handler, and sends once whether it returned: one that
// panicked did not. The handler has its own goroutine, so that one that does not
// heed its context can be left behind; what it still writes must then go nowhere.
func (a *App) run(ctx context.Context, w http.ResponseWriter, r *http.Request, rt *route.Route, id string) <-chan bool {
	done := make(chan bool, 1)
	go func() {
		growStack(len(id))
		returned := false
		defer func() {
			if !returned {
				logPanic(ctx, recover())
			}
			if r.MultipartForm != nil {
				_ = r.MultipartForm.RemoveAll() // its files; net/http knows its own request only
			}
			done <- returned
		}()
		a.handlers[rt.Handler].ServeHTTP(w, r)
		returned = true
	}()
	return done
}

// growStack makes the stack of a goroutine, which starts with 2 kB, as large as
// most handlers need it. Growing copies what is on it, which here is next to nothing.
//
//go:noinline
func growStack(i int) byte {
	var room [6 << 10]byte
	return room[i%len(room)]
}

// logPanic logs what a handler panicked with, and its stack. cause is nil if the
// handler ended its goroutine without a panic.
func logPanic(ctx context.Context, cause any) {
	if cause == http.ErrAbortHandler {
		return // the handler's way to give up without a word
	}
	LoggerFrom(ctx).ErrorContext(ctx, "handler panicked", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
}
