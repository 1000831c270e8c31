package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The environment variables with which a test asks for a log of what is done.
const (
	// logVariable names the file that every operation is appended to.
	logVariable = "ROUTEGATE_OPERATIONS"
	// slowVariable lists resource types. An operation on one of them takes slow longer,
	// so that whatever Terraform does not order behind it begins before it ends.
	slowVariable = "ROUTEGATE_SLOW"
)

const (
	slow = 250 * time.Millisecond
	// The provider hashicorp/aws retries for 30 minutes.
	authorizerTimeout = 2 * time.Second
)

// An operation is a line of the log. Begin and end are lines of their own.
type operation struct {
	Event  string // begin, end or refused
	Action string // create, update or delete
	Type   string
	// Key and Was identify the resource after and before the operation: the route key
	// of a route, and the name of anything else.
	Key, Was string
	// Authorizer reports whether a route uses an authorizer afterwards.
	Authorizer bool
	// Code is the hash of a function's package.
	Code  string
	Error string `json:",omitempty"`
}

var logged sync.Mutex

// operate does what an operation stands for, which is nothing, and logs it. It returns
// an error if API Gateway would refuse the operation.
func operate(o operation) error {
	name := os.Getenv(logVariable)
	if name == "" {
		return nil
	}
	if err := write(name, "begin", o); err != nil {
		return err
	}
	if slices.Contains(strings.Split(os.Getenv(slowVariable), ","), o.Type) {
		time.Sleep(slow)
	}
	deadline := time.Now().Add(authorizerTimeout)
	for {
		err := write(name, "end", o)
		if err == nil || !errors.Is(err, errInUse) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

var errInUse = errors.New("ConflictException: the authorizer is referenced in a route")

// write appends an operation, or why it is refused. The log says what there is.
func write(name, event string, o operation) error {
	logged.Lock()
	defer logged.Unlock()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	o.Event = event
	var refused error
	if event == "end" {
		routes, err := existing(f)
		if err != nil {
			return err
		}
		if refused = refuse(o, routes); refused != nil {
			if errors.Is(refused, errInUse) {
				return refused // once more
			}
			o.Event, o.Error = "refused", refused.Error()
		}
	}
	if err := json.NewEncoder(f).Encode(o); err != nil {
		return err
	}
	return refused
}

// existing returns the routes that there are, by their keys. The value reports
// whether the route uses an authorizer.
func existing(f *os.File) (map[string]bool, error) {
	if _, err := f.Seek(0, 0); err != nil {
		return nil, err
	}
	routes := make(map[string]bool)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var o operation
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return nil, err
		}
		if o.Type != "aws_apigatewayv2_route" || o.Event != "end" {
			continue
		}
		if o.Was != "" {
			delete(routes, o.Was)
		}
		if o.Key != "" {
			routes[o.Key] = o.Authorizer
		}
	}
	return routes, lines.Err()
}

// refuse returns why API Gateway refuses an operation: a route key that there is
// already, a key that differs from another in the names of variables only, or an
// authorizer that a route uses.
func refuse(o operation, routes map[string]bool) error {
	switch {
	case o.Type == "aws_apigatewayv2_authorizer" && o.Action == "delete":
		for _, uses := range routes {
			if uses {
				return errInUse
			}
		}
	case o.Type == "aws_apigatewayv2_route" && o.Action != "delete" && o.Key != o.Was:
		for key := range routes {
			switch {
			case key == o.Key:
				return fmt.Errorf("ConflictException: a route with the key %s already exists for this API", key)
			case key != o.Was && withoutNames(key) == withoutNames(o.Key):
				return fmt.Errorf("ConflictException: the route key %s has a conflicting variable on the same hierarchical level as %s", o.Key, key)
			}
		}
	}
	return nil
}

// withoutNames returns a route key without the names of its variables.
func withoutNames(key string) string {
	segments := strings.Split(key, "/")
	for i, s := range segments {
		switch {
		case strings.HasSuffix(s, "+}"):
			segments[i] = "{+}"
		case strings.HasPrefix(s, "{"):
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

// operationOf returns the operation that leads from one state to another.
func (p *provider) operationOf(req *tfprotov5.ApplyResourceChangeRequest) (operation, error) {
	o := operation{Action: "update", Type: req.TypeName}
	t := p.resources[req.TypeName].ValueType()
	read := func(state *tfprotov5.DynamicValue) (map[string]tftypes.Value, error) {
		v, err := state.Unmarshal(t)
		if err != nil || v.IsNull() {
			return nil, err
		}
		var attributes map[string]tftypes.Value
		return attributes, v.As(&attributes)
	}
	text := func(attributes map[string]tftypes.Value, names ...string) (s string) {
		for _, name := range names {
			if v, ok := attributes[name]; ok && v.Type().Is(tftypes.String) && v.IsKnown() && !v.IsNull() && v.As(&s) == nil {
				return s
			}
		}
		return ""
	}
	before, err := read(req.PriorState)
	if err != nil {
		return o, err
	}
	after, err := read(req.PlannedState)
	if err != nil {
		return o, err
	}
	key := []string{"route_key", "function_name", "name", "statement_id", "integration_uri", "id"}
	o.Was, o.Key = text(before, key...), text(after, key...)
	switch {
	case before == nil:
		o.Action = "create"
	case after == nil:
		o.Action = "delete"
	}
	o.Authorizer = text(after, "authorizer_id") != "" || after != nil && !after["authorizer_id"].IsKnown()
	o.Code = text(after, "source_code_hash")
	return o, nil
}
