package drift

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An apiRef is the API that something belongs to: a resource, or the id of an API that
// is not among the resources.
type apiRef struct {
	*resource
	id string
}

// String returns the address, or the id of an API without one.
func (a apiRef) String() string {
	if a.resource != nil {
		return a.address
	}
	return a.id
}

// isWebSocket reports whether the API is known to be a WebSocket API.
func (t *terraform) isWebSocket(a apiRef) bool {
	if a.resource == nil || a.kind != typeAPI {
		return false
	}
	protocol, ok := t.text(a.resource, "protocol_type").Get()
	return ok && protocol == "WEBSOCKET"
}

// covers reports whether the module that was asked for has the resource.
func (t *terraform) covers(r *resource) bool {
	module := strings.TrimSuffix(t.opts.Module, ".")
	rest, ok := strings.CutPrefix(r.address, module)
	return ok && (module == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}

// apiOf returns the API that an argument of a resource names.
func (t *terraform) apiOf(r *resource, attribute string) Value[apiRef] {
	kinds := []string{typeAPI}
	switch attribute {
	case "rest_api_id":
		kinds = []string{typeREST}
	case "source_arn":
		kinds = []string{typeAPI, typeREST}
	}
	value := t.text(r, attribute)
	if id, ok := value.Get(); ok {
		return t.apiByID(id, kinds, r, attribute)
	}
	key := r.address + " " + attribute
	if t.resolving[key] {
		return Unknown[apiRef](r.notKnown(attribute))
	}
	t.resolving[key] = true
	defer delete(t.resolving, key)
	tr := t.trace(r, attribute, wantAPI)
	found := make(map[string]apiRef)
	for _, o := range tr.origins {
		if o.kind == typeAPI || o.kind == typeREST {
			found[o.address] = apiRef{resource: o.resource}
			continue
		}
		via := t.apiOf(o.resource, o.attribute) // the API of a stage, for its execution_arn
		ref, ok := via.Get()
		if !ok {
			return via
		}
		found[ref.String()] = ref
	}
	for _, id := range tr.literals {
		if a, ok := t.apiByID(id, kinds, r, attribute).Get(); ok {
			found[a.String()] = a
		}
	}
	// An API refuses a route with the id of something else. A permission can have the ARN
	// of any API, also of one that the source does not have.
	if len(found) == 0 && attribute == "source_arn" {
		return Unknown[apiRef](t.ambiguous(r, attribute, "API", tr, nil))
	}
	if len(tr.opaque) > 0 || len(found) == 0 {
		for _, a := range t.pool(r, kinds) {
			found[a.address] = apiRef{resource: a}
		}
	}
	if len(found) == 1 {
		for _, a := range found {
			t.viaReference()
			return Known(a)
		}
	}
	return Unknown[apiRef](t.ambiguous(r, attribute, "API", tr, slices.Sorted(maps.Keys(found))))
}

// apiByID returns the API with an id.
func (t *terraform) apiByID(id string, kinds []string, r *resource, attribute string) Value[apiRef] {
	if id == "" {
		return Unknown[apiRef](Gap{What: fmt.Sprintf("the API of %s: it has no %s", r.address, attribute), Get: "use -api-id"})
	}
	for _, kind := range kinds {
		if api := t.byID[kind+" "+id]; api != nil {
			return Known(apiRef{resource: api, id: id})
		}
	}
	return Known(apiRef{id: id})
}

// pool returns the APIs that a resource can belong to whose references do not say it.
// The user says with -module that the resources there belong to the API there.
func (t *terraform) pool(r *resource, kinds []string) []*resource {
	var all, inModule []*resource
	for _, kind := range kinds {
		for _, api := range t.of[kind] {
			all = append(all, api)
			if t.covers(api) {
				inModule = append(inModule, api)
			}
		}
	}
	if t.opts.Module != "" && t.covers(r) && len(inModule) > 0 {
		return inModule
	}
	return all
}

// viaReference notes that an unknown id was found by references.
func (t *terraform) viaReference() {
	t.assumed["an id that is known only after terraform apply is that of a resource in the plan"] = true
}

// ambiguous returns the Gap of a reference that can lead to several resources.
func (t *terraform) ambiguous(r *resource, attribute, what string, tr *trace, found []string) Gap {
	text := fmt.Sprintf("which %s %s belongs to: its %s is known only after terraform apply", what, r.address, attribute)
	if what == "integration" || what == "authorizer" || what == "function" {
		text = fmt.Sprintf("which %s %s uses: its %s is known only after terraform apply", what, r.address, attribute)
	}
	if len(tr.opaque) > 0 {
		text += ", comes through " + list(tr.opaque)
	}
	if len(found) > 0 {
		text += ", and can be that of " + list(found)
	}
	return Gap{What: text, Get: after}
}

// list joins the first few of some names.
func list(names []string) string {
	const shown = 4
	if len(names) > shown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return strings.Join(names, ", ")
}

// deployment makes the Deployment. kind is "plan" or "state".
func (t *terraform) deployment(kind string) (*Deployment, error) {
	routes := make(map[string][]*resource) // by API
	refs := make(map[string]apiRef)
	var homeless []*resource // routes of which the API is not known
	for _, r := range t.of[typeRoute] {
		ref, ok := t.apiOf(r, "api_id").Get()
		if !ok {
			homeless = append(homeless, r)
			continue
		}
		routes[ref.String()] = append(routes[ref.String()], r)
		refs[ref.String()] = ref
	}
	api, err := t.meantAPI(routes, refs, homeless)
	if err != nil {
		return nil, err
	}
	b := &builder{terraform: t, api: api, kind: kind, d: &Deployment{}, integrations: make(map[*resource]*Integration), choices: make(map[choiceKey]*choice), called: make(map[string]bool)}
	own := routes[api.String()]
	for _, r := range homeless {
		gap, _ := t.apiOf(r, "api_id").Gap()
		b.d.Gaps = append(b.d.Gaps, gap)
		if api == (apiRef{}) && t.covers(r) {
			own = append(own, r)
		}
	}
	delete(routes, api.String())
	if err := b.build(own, routes, refs); err != nil {
		return nil, err
	}
	if t.wrong != nil {
		return nil, t.wrong
	}
	return b.d, nil
}

// meantAPI returns the API that the options mean. It is the zero apiRef if all its
// routes are homeless.
func (t *terraform) meantAPI(routes map[string][]*resource, refs map[string]apiRef, homeless []*resource) (apiRef, error) {
	meant := make(map[string]apiRef)
	examples := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(routes)) {
		ref := refs[name]
		for _, r := range routes[name] {
			covered := t.covers(r) || ref.resource != nil && t.covers(ref.resource)
			if !t.isWebSocket(ref) && covered && (t.opts.API == "" || ref.id == t.opts.API || t.hasID(ref, t.opts.API)) {
				meant[name], examples[name] = ref, r.address
				break
			}
		}
	}
	var scope []string // HTTP APIs that can be meant
	for _, api := range t.of[typeAPI] {
		ref := apiRef{resource: api}
		if t.isWebSocket(ref) || !t.covers(api) || t.opts.API != "" && !t.hasID(ref, t.opts.API) {
			continue
		}
		scope = append(scope, api.address)
		if !isEmpty(t.text(api, "body")) {
			return apiRef{}, fmt.Errorf("%s takes its routes from an OpenAPI body, which no plan and no state lists: use -api-id", api.address)
		}
		if !isEmpty(t.text(api, "target")) {
			meant[api.address], examples[api.address] = ref, api.address
		}
	}
	lost := slices.ContainsFunc(homeless, func(r *resource) bool { return t.covers(r) && t.opts.API == "" })
	switch {
	case len(meant) == 1:
		for _, ref := range meant {
			return ref, nil
		}
	case len(meant) == 0 && lost && len(scope) > 1:
		return apiRef{}, fmt.Errorf("it has routes of several APIs, %s, and does not say which routes belong to which: say which with -module", strings.Join(scope, "; "))
	case len(meant) == 0 && lost:
		return apiRef{}, nil
	case len(meant) == 0:
		return apiRef{}, t.noRoutes()
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(meant)) {
		list = append(list, fmt.Sprintf("%s (%s)", t.nameOf(meant[name]), examples[name]))
	}
	return apiRef{}, fmt.Errorf("it has routes of several APIs, %s: say which with -module or -api-id", strings.Join(list, "; "))
}

// hasID reports whether an API has an id.
func (t *terraform) hasID(a apiRef, id string) bool {
	if a.resource == nil {
		return a.id == id
	}
	got, ok := t.text(a.resource, "id").Get()
	return ok && got == id
}

// nameOf returns the id of an API, or the address of one that has no id yet.
func (t *terraform) nameOf(a apiRef) string {
	if a.resource == nil {
		return a.id
	}
	if id, ok := t.text(a.resource, "id").Get(); ok && id != "" {
		return id
	}
	return a.address
}

// isEmpty reports whether a value is known to be "".
func isEmpty(v Value[string]) bool {
	s, ok := v.Get()
	return ok && s == ""
}

// noRoutes says why there is nothing to compare.
func (t *terraform) noRoutes() error {
	left := t.of[typeRoute]
	switch {
	case len(left) > 0 && t.opts.Module != "":
		return fmt.Errorf("no aws_apigatewayv2_route has an address under %q; one is %s", t.opts.Module, left[0].address)
	case len(left) > 0 && t.opts.API != "":
		id, ok := t.text(left[0], "api_id").Get()
		if !ok {
			id = "one that is not made yet"
		}
		return fmt.Errorf("no aws_apigatewayv2_route belongs to API %q; one belongs to %q", t.opts.API, id)
	case len(left) > 0:
		return errors.New("its only aws_apigatewayv2_route are of WebSocket APIs")
	}
	return errors.New("no aws_apigatewayv2_route in it: is it of this project?")
}
