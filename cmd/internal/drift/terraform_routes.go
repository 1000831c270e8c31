package drift

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A builder makes the Deployment of one API.
type builder struct {
	*terraform
	api          apiRef
	kind         string // "plan" or "state"
	d            *Deployment
	integrations map[*resource]*Integration
	authorizers  map[*resource]*Authorizer
	choices      map[choiceKey]*choice
	called       map[string]bool // addresses of aliases, and qualifiers, that the API calls
}

// build fills the Deployment. own are the routes of the API, others those of other
// APIs by the name of the API.
func (b *builder) build(own []*resource, others map[string][]*resource, refs map[string]apiRef) error {
	b.registerFunctions()
	b.readStages()
	b.authorizers = make(map[*resource]*Authorizer)
	for _, r := range own {
		route, err := b.route(r)
		if err != nil {
			return err
		}
		b.d.Routes = append(b.d.Routes, route)
	}
	if b.api.resource != nil && !isEmpty(b.text(b.api.resource, "target")) {
		b.d.Routes = append(b.d.Routes, b.quickCreated(b.api.resource))
	}
	if err := b.findFunction(); err != nil {
		return err
	}
	b.doors(others, refs)
	b.describe()
	return nil
}

// belongs reports whether a resource belongs to the API. What may belong to it is
// taken to.
func (b *builder) belongs(r *resource) bool {
	ref, ok := b.apiOf(r, "api_id").Get()
	return !ok || ref.String() == b.api.String()
}

// readStages reads the stages of the API.
func (b *builder) readStages() {
	for _, r := range b.of[typeStage] {
		ref := b.apiOf(r, "api_id")
		got, ok := ref.Get()
		switch {
		case !ok:
			gap, _ := ref.Gap()
			b.d.Gaps = append(b.d.Gaps, gap)
			continue
		case got.String() != b.api.String():
			continue
		}
		name, ok := b.text(r, "name").Get()
		if !ok {
			name = "a stage without a known name"
		}
		b.d.Stages = append(b.d.Stages, Stage{Name: name, AutoDeploy: valueOf[bool](b.terraform, r, "auto_deploy"), Where: r.address})
	}
	if b.api.resource != nil && !isEmpty(b.text(b.api.resource, "target")) {
		b.d.Stages = append(b.d.Stages, Stage{Name: "$default", AutoDeploy: Known(true), Where: b.api.address})
	}
	if len(b.d.Stages) == 0 {
		b.d.Gaps = append(b.d.Gaps, Gap{
			What: fmt.Sprintf("the stages of the API: the %s has none, so a stage without auto-deploy may serve an earlier set-up", b.kind),
			Get:  "use -api-id, or a " + b.kind + " that has the aws_apigatewayv2_stage",
		})
	}
}

// route returns a resource as a Route.
func (b *builder) route(r *resource) (Route, error) {
	key := b.text(r, "route_key")
	if isEmpty(key) {
		return Route{}, fmt.Errorf("%s has no route_key", r.address)
	}
	authorization, err := authorizationOf(b.text(r, "authorization_type"))
	if err != nil {
		return Route{}, fmt.Errorf("%s: %w", r.address, err)
	}
	return Route{
		Key: key, Authorization: authorization, Scopes: valueOf[[]string](b.terraform, r, "authorization_scopes"),
		Authorizer: b.authorizerOf(r), Integration: b.integrationOf(r), Where: r.address, Note: r.note,
	}, nil
}

// authorizationOf reads an authorization type. A missing one means NONE, as it does
// for Terraform and for AWS.
func authorizationOf(v Value[string]) (Value[Authorization], error) {
	text, ok := v.Get()
	if !ok {
		gap, _ := v.Gap()
		return Unknown[Authorization](gap), nil
	}
	switch a := Authorization(strings.ToUpper(text)); a {
	case "":
		return Known(None), nil
	case None, JWT, IAM, Custom:
		return Known(a), nil
	}
	return Value[Authorization]{}, fmt.Errorf("unknown authorization type %q: want NONE, AWS_IAM, CUSTOM or JWT", text)
}

// quickCreated returns the route that an API with a target makes by itself. It asks
// nobody who calls (API reference, CreateApi, "quick create").
func (b *builder) quickCreated(api *resource) Route {
	key := b.text(api, "route_key")
	if isEmpty(key) {
		key = Known("$default")
	}
	i := &Integration{
		Type: Known("AWS_PROXY"), Mappings: Known(map[string]string(nil)), Where: api.address,
		Payload: Unknown[string](Gap{What: "the payload format of the integration that " + api.address + " makes by itself", Get: "use -api-id"}),
	}
	target := b.text(api, "target")
	if uri, ok := target.Get(); ok {
		i.Target = uri
		if strings.HasPrefix(uri, "http://") || strings.HasPrefix(uri, "https://") {
			i.Type = Known("HTTP_PROXY")
		}
	}
	b.setCalls(i, api, "target")
	return Route{
		Key: key, Authorization: Known(None), Scopes: Known([]string(nil)), Authorizer: Known[*Authorizer](nil),
		Integration: Known(i), Where: api.address, Note: api.note,
	}
}

// A choice is what an unknown argument of the instances of a resource can name.
type choice struct {
	*trace
	list    []*resource
	byIndex map[string]*resource // by the key of the instance, if the expression has that key
	alike   bool                 // it does not matter which of the list it is
	names   []string             // addresses of the list, if it is not known which it is
}

type choiceKey struct {
	*trace
	api string // of the instance
}

// choose returns what an unknown argument can name: what it refers to, and all of the
// API if something hides what it refers to. alike reports whether it does not matter
// which of two resources it is.
func (b *builder) choose(r *resource, attribute string, w want, alike func(a, b *resource) bool) *choice {
	tr := b.trace(r, attribute, w)
	ref := b.apiOf(r, "api_id")
	key := choiceKey{trace: tr}
	if api, ok := ref.Get(); ok {
		key.api = api.String()
	}
	c := b.choices[key]
	if c != nil {
		return c
	}
	c = &choice{trace: tr, byIndex: make(map[string]*resource)}
	b.choices[key] = c
	listed := make(map[*resource]bool)
	for _, o := range tr.origins {
		if tr.byKey && len(tr.opaque) == 0 && o.index != "" {
			c.byIndex[o.index] = o.resource
		}
		if !listed[o.resource] {
			listed[o.resource] = true
			c.list = append(c.list, o.resource)
		}
	}
	if len(tr.opaque) > 0 || len(tr.literals) > 0 {
		for _, other := range b.of[w.kinds[0]] {
			if !listed[other] && sameAPI(ref, b.apiOf(other, "api_id")) {
				c.list = append(c.list, other)
			}
		}
	} else if tr.oneOf {
		if made := slices.DeleteFunc(slices.Clone(c.list), func(r *resource) bool { return !r.isUnknown("id") }); len(made) > 0 {
			c.list = made
		}
	}
	c.alike = len(c.list) > 0 && !slices.ContainsFunc(c.list, func(r *resource) bool { return !alike(c.list[0], r) })
	if !c.alike {
		c.names = addresses(c.list)
	}
	return c
}

// pick returns the resource that an unknown argument names, nil if that is not known.
func (b *builder) pick(r *resource, c *choice) *resource {
	byKey := c.byIndex[r.index]
	switch {
	case c.alike && byKey == nil:
		b.viaReference()
		return c.list[0]
	case byKey != nil:
		b.viaReference()
		if !c.alike {
			b.assumeByKey(r, byKey)
		}
		return byKey
	}
	return nil
}

// sameAPI reports whether two things can belong to one API.
func sameAPI(a, b Value[apiRef]) bool {
	x, ok1 := a.Get()
	y, ok2 := b.Get()
	return !ok1 || !ok2 || x.String() == y.String()
}

func addresses(list []*resource) []string {
	var all []string
	for _, r := range list {
		all = append(all, r.address)
	}
	slices.Sort(all)
	return all
}

// assumeByKey notes that an instance uses the instance of the same key.
func (b *builder) assumeByKey(r, other *resource) {
	of := func(r *resource) string { return strings.TrimSuffix(r.address, "["+r.index+"]") }
	b.assumed[fmt.Sprintf("each instance of %s uses the instance of %s with the same key: the plan shows that the expression has the key, and not the expression", of(r), of(other))] = true
}

// integrationOf returns the integration that a route's target names.
func (b *builder) integrationOf(r *resource) Value[*Integration] {
	if target, ok := b.text(r, "target").Get(); ok {
		if target == "" {
			return Known[*Integration](nil)
		}
		id := strings.TrimPrefix(target, "integrations/")
		if i := b.byID[typeIntegration+" "+id]; i != nil {
			return Known(b.integration(i))
		}
		return Unknown[*Integration](Gap{
			What: fmt.Sprintf("what %s calls: the integration %q of its target is not in the %s", r.address, id, b.kind),
			Get:  "use -api-id, or a " + b.kind + " that has the integration",
		})
	}
	c := b.choose(r, "target", wantIntegration, func(x, y *resource) bool { return sameIntegration(b.integration(x), b.integration(y)) })
	if i := b.pick(r, c); i != nil {
		return Known(b.integration(i))
	}
	return Unknown[*Integration](b.ambiguous(r, "target", "integration", c.trace, c.names))
}

// sameIntegration reports whether it does not matter which of two integrations a
// route has.
func sameIntegration(a, b *Integration) bool {
	return a == b || sameValue(a.Type, b.Type) && sameValue(a.Calls, b.Calls) && sameValue(a.Payload, b.Payload) && sameValue(a.Mappings, b.Mappings)
}

// sameValue reports whether two values are known and equal.
func sameValue[T any](a, b Value[T]) bool {
	x, ok1 := a.Get()
	y, ok2 := b.Get()
	return ok1 && ok2 && reflect.DeepEqual(x, y)
}

// integration returns a resource as an Integration.
func (b *builder) integration(r *resource) *Integration {
	if i := b.integrations[r]; i != nil {
		return i
	}
	i := &Integration{
		Type: b.text(r, "integration_type"), Payload: b.text(r, "payload_format_version"),
		Mappings: valueOf[map[string]string](b.terraform, r, "request_parameters"), Where: r.address,
	}
	b.integrations[r] = i
	if isEmpty(i.Payload) {
		i.Payload = Known("1.0") // API reference, CreateIntegration
	}
	if uri, ok := b.text(r, "integration_uri").Get(); ok {
		i.Target = uri
	}
	subtype := b.text(r, "integration_subtype")
	if name, ok := subtype.Get(); !ok {
		gap, _ := subtype.Gap()
		i.Calls = Unknown[FunctionID](gap)
	} else if name != "" {
		i.Calls, i.Target = Known(FunctionID("")), name
	} else {
		b.setCalls(i, r, "integration_uri")
	}
	return i
}

// setCalls sets the function that an integration of the API calls. Only AWS_PROXY, and
// AWS in a WebSocket API, call functions.
func (b *builder) setCalls(i *Integration, r *resource, attribute string) {
	kind, ok := i.Type.Get()
	switch {
	case !ok:
		gap, _ := i.Type.Gap()
		i.Calls = Unknown[FunctionID](gap)
	case kind != "AWS_PROXY" && kind != "AWS":
		i.Calls = Known(FunctionID(""))
	default:
		var qualifiers []string
		i.Calls, qualifiers = b.functionOf(r, attribute)
		if ref, ok := b.apiOfIntegration(r).Get(); ok && ref.String() == b.api.String() {
			for _, q := range qualifiers {
				b.called[q] = true
			}
		}
		if id, ok := i.Calls.Get(); ok && i.Target == "" {
			i.Target = string(id)
		}
	}
}

// apiOfIntegration returns the API of an integration, which may be an API that makes
// its integration by itself.
func (b *builder) apiOfIntegration(r *resource) Value[apiRef] {
	if r.kind == typeAPI {
		return Known(apiRef{resource: r})
	}
	return b.apiOf(r, "api_id")
}

// authorizerOf returns the authorizer that a route names.
func (b *builder) authorizerOf(r *resource) Value[*Authorizer] {
	if id, ok := b.text(r, "authorizer_id").Get(); ok {
		if id == "" {
			return Known[*Authorizer](nil)
		}
		if a := b.byID[typeAuthorizer+" "+id]; a != nil {
			return Known(b.authorizer(a))
		}
		return Unknown[*Authorizer](Gap{
			What: fmt.Sprintf("the authorizer %q of %s, which is not in the %s", id, r.address, b.kind),
			Get:  "use -api-id, or a " + b.kind + " that has the authorizer",
		})
	}
	c := b.choose(r, "authorizer_id", wantAuthorizer, func(x, y *resource) bool { return sameAuthorizer(b.authorizer(x), b.authorizer(y)) })
	if a := b.pick(r, c); a != nil {
		return Known(b.authorizer(a))
	}
	return Unknown[*Authorizer](b.ambiguous(r, "authorizer_id", "authorizer", c.trace, c.names))
}

// sameAuthorizer reports whether it does not matter which of two authorizers a route
// has.
func sameAuthorizer(a, b *Authorizer) bool {
	return a == b || sameValue(a.Type, b.Type) && sameValue(a.IdentitySources, b.IdentitySources) && sameValue(a.Issuer, b.Issuer) && sameValue(a.Audience, b.Audience)
}

// authorizer returns a resource as an Authorizer.
func (b *builder) authorizer(r *resource) *Authorizer {
	if a := b.authorizers[r]; a != nil {
		return a
	}
	name, _ := b.text(r, "name").Get()
	a := &Authorizer{Name: name, Type: b.text(r, "authorizer_type"), IdentitySources: valueOf[[]string](b.terraform, r, "identity_sources"), Where: r.address}
	b.authorizers[r] = a
	a.Issuer, a.Audience = b.jwtConfiguration(r)
	return a
}

// jwtConfiguration returns the issuer and the audience of an authorizer, of which a
// plan can know one without the other.
func (b *builder) jwtConfiguration(r *resource) (Value[string], Value[[]string]) {
	block := func(raw []byte) *resource {
		nested := &resource{address: r.address, absentIsNull: true}
		var list []map[string]json.RawMessage
		if len(raw) == 0 || json.Unmarshal(raw, &list) != nil || len(list) == 0 {
			return nil
		}
		nested.values = list[0]
		return nested
	}
	values, unknown := block(r.values["jwt_configuration"]), block(r.unknown["jwt_configuration"])
	if values == nil {
		if r.isUnknown("jwt_configuration") {
			gap := r.notKnown("jwt_configuration")
			return Unknown[string](gap), Unknown[[]string](gap)
		}
		return Known(""), Known([]string(nil))
	}
	if unknown != nil {
		values.unknown = unknown.values
	} else if r.isUnknown("jwt_configuration") {
		values.unknown = map[string]json.RawMessage{"issuer": []byte("true"), "audience": []byte("true")}
	}
	return valueOf[string](b.terraform, values, "issuer"), valueOf[[]string](b.terraform, values, "audience")
}

// describe says what was read and what is assumed.
func (b *builder) describe() {
	var counts []string
	for _, kind := range readTypes {
		if n := len(b.of[kind]); n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, kind))
		}
	}
	b.d.Read = append(b.d.Read, "the "+b.kind+": "+strings.Join(counts, ", "))
	b.d.Assumed = append(b.d.Assumed, slices.Sorted(maps.Keys(b.assumed))...)
	b.d.Assumed = append(b.d.Assumed,
		"AWS has no routes and integrations of the API, and no other ways to the function, that this "+b.kind+" does not have",
		assumedIdentities)
}

// assumedIdentities is what no source shows.
const assumedIdentities = "nobody whom an identity policy lets invoke the function directly uses that to act as somebody else: such policies cannot be read from here"
