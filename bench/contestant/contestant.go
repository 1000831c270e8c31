// Package contestant has what is measured beside each other in one process:
// Routegate, what would be used in its place, and parts of what they do.
package contestant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	chiadapter "github.com/awslabs/aws-lambda-go-api-proxy/chi"
	ginadapter "github.com/awslabs/aws-lambda-go-api-proxy/gin"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/julienschmidt/httprouter"

	"github.com/routegate/routegate/bench/handlers"
	"github.com/routegate/routegate/bench/sample"
	"github.com/routegate/routegate/framework"
)

// The contestants by name.
const (
	NameRoutegate  = "Routegate"
	NameHTTPRouter = "httpadapter, httprouter"
	nameGin        = "ginadapter"
	nameChi        = "chiadapter"
	NameTyped      = "typed handler"
	nameDecode     = "decode, encoding/json"
	NameDecodeV2   = "decode, go-json-experiment"
	nameGoroutine  = "the same, then a goroutine"
	NameValid      = "json.Valid"
)

// A Contestant answers events in this process, or does a part of what that takes.
type Contestant struct {
	Name   string
	Invoke func(ctx context.Context, payload []byte) ([]byte, error)
	Part   bool // it only reads the event, and its answer is nil
}

// All returns all of them, with n routes each that has any. Only Routegate
// looks at who calls; the others answer anyone.
func All(n int) ([]Contestant, error) {
	ours, err := Routegate(n)
	if err != nil {
		return nil, err
	}
	return []Contestant{
		ours,
		{Name: NameHTTPRouter, Invoke: lambda.NewHandler(httpadapter.NewV2(httpRouter(n)).ProxyWithContext).Invoke},
		{Name: nameGin, Invoke: lambda.NewHandler(ginadapter.NewV2(ginRouter(n)).ProxyWithContext).Invoke},
		{Name: nameChi, Invoke: lambda.NewHandler(chiadapter.NewV2(chiRouter(n)).ProxyWithContextV2).Invoke},
		{Name: NameTyped, Invoke: lambda.NewHandler(typed).Invoke},
		{Name: nameDecode, Part: true, Invoke: func(_ context.Context, payload []byte) ([]byte, error) {
			var event events.APIGatewayV2HTTPRequest
			return nil, decoded(&event, json.Unmarshal(payload, &event))
		}},
		{Name: NameDecodeV2, Part: true, Invoke: func(_ context.Context, payload []byte) ([]byte, error) {
			var event events.APIGatewayV2HTTPRequest
			return nil, decoded(&event, jsonv2.Unmarshal(payload, &event))
		}},
		{Name: nameGoroutine, Part: true, Invoke: func(_ context.Context, payload []byte) ([]byte, error) {
			var event events.APIGatewayV2HTTPRequest
			if err := decoded(&event, jsonv2.Unmarshal(payload, &event)); err != nil {
				return nil, err
			}
			done := make(chan struct{})
			go close(done)
			<-done
			return nil, nil
		}},
		{Name: NameValid, Part: true, Invoke: func(_ context.Context, payload []byte) ([]byte, error) {
			if !json.Valid(payload) {
				return nil, errors.New("not valid")
			}
			return nil, nil
		}},
	}, nil
}

// Routegate logs as in production, less the write.
func Routegate(n int) (Contestant, error) {
	app, err := framework.New(sample.Manifest(n), handlers.All(), framework.Options{Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))})
	if err != nil {
		return Contestant{}, err
	}
	return Contestant{Name: NameRoutegate, Invoke: app.Invoke}, nil
}

func httpRouter(n int) http.Handler {
	router := httprouter.New()
	for _, r := range sample.Routes(n) {
		router.Handle(r.Method, sample.Colons(r.Path), func(w http.ResponseWriter, req *http.Request, p httprouter.Params) {
			serve(r, w, req, p.ByName("item"))
		})
	}
	return router
}

func ginRouter(n int) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New() // without gin's log and recovery
	for _, r := range sample.Routes(n) {
		engine.Handle(r.Method, sample.Colons(r.Path), func(c *gin.Context) {
			serve(r, c.Writer, c.Request, c.Param("item"))
		})
	}
	return engine
}

func chiRouter(n int) *chi.Mux {
	mux := chi.NewMux()
	for _, r := range sample.Routes(n) {
		mux.MethodFunc(r.Method, r.Path, func(w http.ResponseWriter, req *http.Request) {
			serve(r, w, req, chi.URLParam(req, "item"))
		})
	}
	return mux
}

// serve runs the handler that Routegate runs; item is a variable of the path, as
// the peer's router has it.
func serve(r sample.Route, w http.ResponseWriter, req *http.Request, item string) {
	if r.Handler == "echo" {
		handlers.Echo(w, req)
	} else {
		handlers.Show(w, item)
	}
}

// typed is a handler without a router: what it is told is what it does.
func typed(_ context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	answer := events.APIGatewayV2HTTPResponse{
		StatusCode: http.StatusOK,
		Headers:    map[string]string{"Content-Type": "application/json"},
		Body:       event.Body,
	}
	if event.Body == "" {
		answer.Body = sample.Answer(event.PathParameters["item"])
	}
	return answer, nil
}

func decoded(event *events.APIGatewayV2HTTPRequest, err error) error {
	if err == nil && event.RequestContext.HTTP.Method == "" {
		err = errors.New("the event was not decoded")
	}
	return err
}

// Check reports an error unless the contestant answers the event with 200 and the
// body.
func (c Contestant) Check(ctx context.Context, payload []byte, body string) error {
	out, err := c.Invoke(ctx, payload)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", c.Name, err)
	case c.Part:
		return nil
	}
	if err := CheckAnswer(out, body); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	return nil
}

// CheckAnswer reports an error unless an answer is 200 and has the body, as JSON.
func CheckAnswer(out []byte, body string) error {
	var answer struct {
		StatusCode      int
		Headers         map[string]string
		MultiValue      map[string][]string `json:"multiValueHeaders"`
		Body            string
		IsBase64Encoded bool
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return fmt.Errorf("answer %.200q: %w", out, err)
	}
	contentType := answer.Headers["Content-Type"]
	if contentType == "" && len(answer.MultiValue["Content-Type"]) == 1 {
		contentType = answer.MultiValue["Content-Type"][0]
	}
	if answer.StatusCode != http.StatusOK || answer.Body != body || answer.IsBase64Encoded || contentType != "application/json" {
		return fmt.Errorf("answer %.300q is not status 200, application/json, with %.200q", out, body)
	}
	return nil
}
