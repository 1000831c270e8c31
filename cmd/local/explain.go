package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/routegate/routegate/framework/apigw"
	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/review"
	"github.com/routegate/routegate/framework/route"
)

// decide answers for every route whether a caller may use it.
func (s *service) decide(c caller) []decided {
	s.mu.Lock()
	table := s.table
	s.mu.Unlock()
	who := route.Caller{Principal: route.Principal{Groups: c.Groups, Scopes: c.Scopes}}
	switch c.Auth {
	case "jwt":
		who.Auth = route.JWT
	case "iam":
		who.Auth = route.IAM
	}
	router := route.NewRouter(table, s.stage)
	var list []decided
	for r := range table.All() {
		// As the gateway would say it, with some value for each variable.
		params := make(map[string]string)
		var path strings.Builder
		for part := range strings.SplitSeq(strings.TrimPrefix(r.Pattern.String(), "/"), "/") {
			if strings.HasPrefix(part, "{") {
				params[strings.Trim(part, "{+}")] = "x"
				part = "x"
			}
			path.WriteString("/" + part)
		}
		method := r.Method
		if method == route.AnyMethod {
			method = http.MethodGet
		}
		d := router.Decide(route.Request{Method: method, Path: path.String(), RouteKey: r.Key(), PathParameters: params, Caller: who})
		list = append(list, decided{Key: r.Key(), Allowed: d.Allowed, Reason: string(d.Reason), Steps: explain(d), Line: r.Line})
	}
	return list
}

// explain puts the steps of a decision in words.
func explain(d route.Decision) []step {
	steps := []step{}
	for _, st := range review.Explain(d) {
		text := st.Text
		if st.Check == route.CheckRoute && st.Passed {
			text = fmt.Sprintf("%s, line %d", text, d.Route.Line)
		}
		steps = append(steps, step{Check: string(st.Check), Passed: st.Passed, Asked: st.Asked, Text: text})
	}
	return steps
}

// observe takes what happened to a request into the history and the terminal.
func (s *service) observe(x gateway.Exchange) {
	s.mu.Lock()
	app := s.app
	s.mu.Unlock()
	d := detail{
		request: request{
			ID: x.ID, Time: x.Start, Method: x.Method, Path: x.Path, Status: x.Status,
			Millis: float64(x.Duration.Microseconds()) / 1000, By: x.By, Reason: x.Refusal, Warnings: append([]string{}, x.Warnings...),
		},
		Event: jsonOrText(x.Event), Answer: jsonOrText(x.Answer), Steps: []step{},
	}
	if x.Query != "" {
		d.Path += "?" + x.Query
	}
	if x.Route != nil {
		d.Route, d.Line = x.Route.Key(), x.Route.Line
	}
	if x.Event != nil {
		if event, err := apigw.Decode(x.Event); err == nil {
			decision := app.Decide(event)
			d.Steps = explain(decision)
			if !decision.Allowed && d.Reason == "" {
				last := d.Steps[len(d.Steps)-1]
				d.Reason = string(decision.Reason) + ": " + last.Text
			}
		}
	}
	s.history.add(d)
	s.terminal.request(d.request, s.manifest)
}

// jsonOrText is JSON as it is, and anything else as a JSON string; nil is null.
func jsonOrText(data []byte) json.RawMessage {
	if data == nil || json.Valid(data) {
		return data
	}
	text, _ := json.Marshal(string(data)) // a string always works
	return text
}
