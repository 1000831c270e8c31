package framework

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/route"
)

// Handlers are the handlers of a service by the names that the manifest uses.
type Handlers map[string]http.HandlerFunc

// An App serves the routes of a manifest. It is safe for concurrent use.
type App struct {
	table    *route.Table
	router   *route.Router
	handlers Handlers // with middleware around them
	claims   claimReader
	log      *slog.Logger
	metrics  *metrics
	alarm    alarm
	running  atomic.Int64  // requests
	listens  chan struct{} // closed when ExitOnSIGTERM listens; nil if it was not called
}

// New makes an App of a manifest, the bytes of a routes.yaml, and the handlers
// that it names.
//
// When the manifest is not valid the error's text shows every diagnostic, with
// its line. The manifest's own tests are not run here but by gen-tf and by
// routes check, before anything is deployed. Otherwise the log gets one line
// with the digest of the table (route.Table.Digest), which tells which manifest
// the function was built from.
//
// In a function that cmd/package has built New does not check the manifest again
// that was checked there. It then takes no other.
func New(manifest []byte, handlers Handlers, opts Options) (*App, error) {
	if err := checkStage(opts.Stage); err != nil {
		return nil, err
	}
	if opts.GroupsClaim == nil {
		opts.GroupsClaim = defaultGroupsClaim
	}
	if err := checkGroupsClaim(opts.GroupsClaim); err != nil {
		return nil, err
	}
	if err := checkNamespace(opts.MetricsNamespace); err != nil {
		return nil, err
	}
	if opts.MetricsWriter == nil {
		opts.MetricsWriter = os.Stdout
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	table, report := route.Restore(packaged, "routes.yaml", manifest, handlers)
	if report == nil {
		names := append([]string{}, slices.Sorted(maps.Keys(handlers))...) // not nil, which is not known
		table, report = route.Load("routes.yaml", manifest, names)
	}
	if err := report.Err(); err != nil {
		return nil, fmt.Errorf("the manifest is not valid:\n%w", err)
	}
	a := &App{
		table:    table,
		router:   route.NewRouter(table, opts.Stage),
		handlers: maps.Clone(handlers),
		claims:   claimReader{groups: slices.Clone(opts.GroupsClaim)},
		log:      opts.Logger,
		metrics:  newMetrics(opts.MetricsNamespace, opts.MetricsWriter),
	}
	for name, handler := range handlers {
		if handler == nil {
			return nil, fmt.Errorf("handler %q is nil", name)
		}
		if len(opts.Middleware) == 0 {
			continue
		}
		var h http.Handler = handler
		for _, wrap := range slices.Backward(opts.Middleware) {
			h = wrap(h)
		}
		a.handlers[name] = h.ServeHTTP
	}
	a.log.Info("start", "routes", table.Len(), "manifest_digest", table.Digest())
	return a, nil
}

// Invoke answers one event of API Gateway, of a Function URL or of a load
// balancer, in the form in which it came. App thereby is a lambda.Handler.
// An event that is there to warm up the function, {"warmer": true} or that of an
// EventBridge schedule, reaches no route. Its answer, {"warm":true,"routes":6}, tells
// how many there are.
//
// The error is not nil when the payload is no such event; the gateway then
// answers 500. Everything else, a handler's panic included, is an answer. When
// ctx has a deadline, as Lambda's has, the request's context ends shortly
// before it, and a handler that is not done by then is answered for with 503.
func (a *App) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if a.listens != nil {
		<-a.listens
	}
	a.running.Add(1)
	defer a.running.Add(-1)
	start := time.Now()

	event, err := apigw.Decode(payload)
	if err != nil {
		if answer, ok := a.warmUp(ctx, payload); ok {
			return answer, nil
		}
		a.log.ErrorContext(ctx, "event not understood", "error", err)
		return nil, fmt.Errorf("event not understood: %w", err)
	}
	rc := &requestContext{Context: withTrace(ctx, event.TraceHeader), app: a}
	a.claims.identify(&rc.identity, event)
	decision := a.decide(event, rc.identity.caller)
	id := requestID(ctx, event)
	rc.id, rc.routeKey = id, routeKey(decision)
	ctx = rc
	answer := a.answer(ctx, event, decision, id)
	out, err := event.Encode(answer.response)
	if errors.Is(err, apigw.ErrTooLarge) {
		LoggerFrom(ctx).ErrorContext(ctx, "response too large", "error", err)
		answer.replace(event, newProblem(http.StatusInternalServerError, codeTooLarge, id))
		out, err = event.Encode(answer.response)
	}
	if err != nil {
		return nil, fmt.Errorf("answering the event: %w", err)
	}
	end := time.Now()
	took := end.Sub(start)
	a.logRequest(ctx, requestLine{
		id: id, source: event.Source.String(), method: event.Method, gatewayKey: event.RouteKey,
		status: answer.response.Status(), failure: answer.failure, end: end, took: took,
	}, decision)
	a.metrics.write(decision, answer.response.Status(), start, took)
	return out, nil
}

// Decide returns the decision that Invoke makes of an event, for tools that
// explain it. No handler runs.
func (a *App) Decide(e *apigw.Event) route.Decision {
	var i identity
	a.claims.identify(&i, e)
	return a.decide(e, i.caller)
}

func (a *App) decide(e *apigw.Event, caller route.Caller) route.Decision {
	req := route.Request{
		Method:         e.Method,
		Path:           e.Path,
		RouteKey:       e.RouteKey,
		PathParameters: e.PathParameters,
		Caller:         caller,
	}
	if e.EncodedPath != "" {
		req.EncodedPath = a.router.Prefix() + e.EncodedPath
	}
	return a.router.Decide(req)
}
