package main

import (
	"encoding/json"
	"time"

	"github.com/routegate/routegate/framework/route"
)

// What the page and the gateway tell each other, as JSON below /_routegate/:
//
//	GET  state          state, now
//	POST decide         caller in, []decided out: every route, in the state's order
//	GET  requests       server-sent events: "request" with a request, the kept ones
//	                    first, and "state" with a state whenever it changes
//	GET  requests/{id}  detail of a request
//	     issuer/…       the built-in identity provider, where it is used

// A state is what the page shows before anybody did anything.
type state struct {
	Manifest string        `json:"manifest"` // file name
	Stage    string        `json:"stage"`    // "/mvp", or ""
	Routes   []listedRoute `json:"routes"`
	Groups   []string      `json:"groups"` // that exist, sorted
	Scopes   []string      `json:"scopes"`
	People   []person      `json:"people"`  // none without the built-in issuer
	Issuer   string        `json:"issuer"`  // URL
	BuiltIn  bool          `json:"builtIn"` // whether tokens can be had from issuer/token
	Checks   string        `json:"checks"`  // one line: what is checked here and what is not
	CORS     string        `json:"cors"`    // one line: which other origins may use the API
	Problem  string        `json:"problem"` // of the manifest or the build, "" for none; the last good version then goes on
	Version  int           `json:"version"` // how often the function was deployed
}

type listedRoute struct {
	Key     string     `json:"key"` // GET /v1/users/{id}
	Method  string     `json:"method"`
	Path    string     `json:"path"`
	Handler string     `json:"handler"`
	Summary string     `json:"summary"`
	Who     string     `json:"who"` // who may call, in words
	Auth    route.Auth `json:"-"`
	Public  bool       `json:"public"`
	Line    int        `json:"line"` // in the manifest
}

// A caller is who the page asks about.
type caller struct {
	Auth   string   `json:"auth"` // "" is a caller without a token, else "jwt" or "iam"
	Groups []string `json:"groups"`
	Scopes []string `json:"scopes"`
}

// decided is the decision for one route.
type decided struct {
	Key     string `json:"key"`
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"` // the decision's code
	Steps   []step `json:"steps"`
	Line    int    `json:"line"`
}

// A step is a check of a decision in words.
type step struct {
	Check  string `json:"check"` // route, caller, scopes, groups
	Passed bool   `json:"passed"`
	Asked  bool   `json:"asked"` // whether the route asks for it at all
	Text   string `json:"text"`  // "in the group ADMINS", "needs one of the groups ADMINS, USERS"
}

// A request is a line of the log.
type request struct {
	ID       string    `json:"id"`
	Time     time.Time `json:"time"`
	Method   string    `json:"method"`
	Path     string    `json:"path"` // with the query
	Status   int       `json:"status"`
	Millis   float64   `json:"millis"`
	Route    string    `json:"route"`  // key, "" for none
	Line     int       `json:"line"`   // of the route, 0 for none
	By       string    `json:"by"`     // gateway or function
	Reason   string    `json:"reason"` // why it was refused, "" if it was not
	Warnings []string  `json:"warnings"`
}

// A detail is a request and what the function got and gave.
type detail struct {
	request
	Event  json.RawMessage `json:"event"`  // null if the function was not asked
	Answer json.RawMessage `json:"answer"` // null likewise
	Steps  []step          `json:"steps"`  // of the function's decision
}
