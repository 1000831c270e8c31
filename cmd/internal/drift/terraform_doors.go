package drift

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// doors finds the ways to the function that are not routes of the API.
func (b *builder) doors(others map[string][]*resource, refs map[string]apiRef) {
	for _, name := range slices.Sorted(maps.Keys(others)) {
		b.routeDoors(refs[name], others[name])
	}
	b.apiDoors()
	b.restDoors()
	b.urlDoors()
	b.permissionDoors()
	b.eventDoors()
	b.endpointDoor()
	b.aliasDoors()
	for _, address := range b.unread {
		b.gap(Gap{What: fmt.Sprintf("what %s leads to: resources of its type are not read", address), Get: "use -api-id"})
	}
}

// leadsIn reports whether a function is the manifest's, or can be.
func (b *builder) leadsIn(id FunctionID) bool {
	if function, ok := b.d.Function.Get(); ok {
		return function != "" && id == function
	}
	for _, r := range b.d.Routes {
		if i, ok := r.Integration.Get(); ok && i != nil {
			if called, ok := i.Calls.Get(); ok && called == id && id != "" {
				return true
			}
		}
	}
	return false
}

// add adds a door that a resource makes.
func (b *builder) add(r *resource, door Door) {
	if r.note != "" {
		door.Detail += "; " + r.note
	}
	b.d.Doors = append(b.d.Doors, door)
}

func (b *builder) gap(g Gap) { b.d.Gaps = append(b.d.Gaps, g) }

// toFunction reports whether an argument names the manifest's function. An argument
// of which this is not known is a Gap.
func (b *builder) toFunction(r *resource, attribute string) bool {
	id, _ := b.functionOf(r, attribute)
	f, ok := id.Get()
	if !ok {
		gap, _ := id.Gap()
		b.gap(gap)
		return false
	}
	return b.leadsIn(f)
}

// routeDoors finds routes of another HTTP API or a WebSocket API that lead to the
// function.
func (b *builder) routeDoors(ref apiRef, routes []*resource) {
	for _, r := range routes {
		v := b.integrationOf(r)
		i, ok := v.Get()
		if !ok {
			gap, _ := v.Gap()
			b.gap(gap)
			continue
		}
		if i == nil {
			continue
		}
		id, ok := i.Calls.Get()
		if !ok {
			gap, _ := i.Calls.Gap()
			b.gap(gap)
			continue
		}
		if b.leadsIn(id) {
			b.add(r, b.routeDoor(ref, r, i))
		}
	}
}

func (b *builder) routeDoor(ref apiRef, r *resource, i *Integration) Door {
	key, ok := b.text(r, "route_key").Get()
	if !ok {
		key = "a route"
	}
	door := Door{Kind: OtherHTTPAPI, Where: r.address}
	authorization, err := authorizationOf(b.text(r, "authorization_type"))
	if err != nil {
		authorization = Known(Custom)
	}
	a, _ := authorization.Get()
	door.Detail = fmt.Sprintf("%q of the API %s, authorization type %s", key, b.nameOf(ref), a)
	if b.isWebSocket(ref) {
		door.Kind = WebSocketRoute
		door.Lets = Known(Refused) // the function takes no WebSocket events
		if kind, ok := i.Type.Get(); ok && kind == "AWS" {
			door.Lets = Known(AnyEvent)
			door.Detail += ", integration type AWS: the message is the event"
		}
		return door
	}
	door.Lets = entryOf(authorization)
	return door
}

// entryOf says as whom callers come through a route or a method of another API.
func entryOf(v Value[Authorization]) Value[Entry] {
	switch a, ok := v.Get(); {
	case !ok:
		gap, _ := v.Gap()
		return Unknown[Entry](gap)
	case a == None:
		return Known(Unvouched)
	case a == IAM:
		return Known(IAMCallers)
	}
	return Known(Vouched)
}

// apiDoors finds other HTTP APIs with an OpenAPI body, whose routes are not listed, and
// those that make a route by themselves.
func (b *builder) apiDoors() {
	for _, api := range b.of[typeAPI] {
		if b.api.resource == api {
			continue
		}
		b.bodyDoor(api)
		if isEmpty(b.text(api, "target")) {
			continue
		}
		r := b.quickCreated(api)
		i, _ := r.Integration.Get()
		id, ok := i.Calls.Get()
		if !ok {
			gap, _ := i.Calls.Gap()
			b.gap(gap)
		} else if b.leadsIn(id) {
			key, _ := r.Key.Get()
			b.add(api, Door{Kind: OtherHTTPAPI, Where: api.address, Lets: Known(Unvouched), Detail: fmt.Sprintf("%q, which the API makes by itself, authorization type NONE", key)})
		}
	}
}

// bodyDoor reports an API whose OpenAPI body can lead to the function.
func (b *builder) bodyDoor(api *resource) {
	body := b.text(api, "body")
	if text, ok := body.Get(); ok && !b.mentionsFunction(text) {
		return
	}
	b.gap(Gap{
		What: fmt.Sprintf("whether routes of %s lead to the function: it takes them from an OpenAPI body, which no %s lists", api.address, b.kind),
		Get:  "use -api-id",
	})
}

// mentionsFunction reports whether an OpenAPI body can name the function. A body that
// calls no function has no path of Lambda in it.
func (b *builder) mentionsFunction(body string) bool {
	if body == "" || !strings.Contains(body, "lambda") {
		return false
	}
	function, ok := b.d.Function.Get()
	if !ok || strings.Contains(body, "stageVariables") {
		return true
	}
	name := string(function)
	if f, ok := parseFunction(name); ok {
		name = f.name
	}
	for _, r := range b.of[typeFunction] {
		if FunctionID(r.address) == function {
			got, ok := b.text(r, "function_name").Get()
			if !ok {
				return true
			}
			name = got
		}
	}
	return strings.Contains(body, name)
}

// restDoors finds methods of REST APIs that lead to the function.
func (b *builder) restDoors() {
	for _, api := range b.of[typeREST] {
		b.bodyDoor(api)
	}
	for _, r := range b.of[typeRESTCall] {
		kind := b.text(r, "type")
		name, known := kind.Get()
		if known && name != "AWS" && name != "AWS_PROXY" {
			continue
		}
		if uri, ok := b.text(r, "uri").Get(); ok && known && name == "AWS" && !strings.Contains(uri, "lambda") && !strings.Contains(uri, "stageVariables") {
			continue // another service of AWS
		}
		if !b.toFunction(r, "uri") {
			continue
		}
		door := Door{Kind: RESTMethod, Where: r.address}
		method, _ := b.text(r, "http_method").Get()
		switch {
		case !known:
			gap, _ := kind.Gap()
			door.Lets = Unknown[Entry](gap)
		case name == "AWS":
			// The event is the body of the request, or what a template makes of it.
			door.Lets = Known(AnyEvent)
			door.Detail = strings.TrimSpace(method + " with the integration type AWS: the body is the event")
		default:
			door.Lets, door.Detail = b.methodEntry(r)
			if door.Detail != "" {
				door.Detail = strings.TrimSpace(method + " with " + door.Detail)
			}
		}
		b.add(r, door)
	}
}

// methodEntry returns as whom callers come through the method of a REST integration.
// The method has the same API, path and HTTP method. Of several methods that can be
// it, all must let the same callers in.
func (b *builder) methodEntry(call *resource) (Value[Entry], string) {
	httpMethod := b.text(call, "http_method")
	paths, exact := b.restResources(call)
	found := make(map[Authorization]string)
	var gap *Gap
	for _, m := range b.of[typeRESTMethod] {
		if !canEqual(httpMethod, b.text(m, "http_method")) || !sameAPI(b.apiOf(call, "rest_api_id"), b.apiOf(m, "rest_api_id")) {
			continue
		}
		own, ownExact := b.restResources(m)
		if !paths[m.address] && exact && ownExact && !overlap(paths, own) {
			continue
		}
		v := b.text(m, "authorization")
		text, ok := v.Get()
		if !ok {
			g, _ := v.Gap()
			gap = &g
			continue
		}
		found[Authorization(strings.ToUpper(text))] = m.address
	}
	if len(found) != 1 || gap != nil {
		return Unknown[Entry](Gap{
			What: fmt.Sprintf("who may call the method of %s, which leads to the function: %d methods can be it", call.address, len(found)),
			Get:  after,
		}), ""
	}
	for a := range found {
		return entryOf(Known(a)), "authorization " + string(a)
	}
	return Value[Entry]{}, ""
}

// canEqual reports whether two values can be the same.
func canEqual(a, b Value[string]) bool {
	x, ok1 := a.Get()
	y, ok2 := b.Get()
	return !ok1 || !ok2 || x == y
}

func overlap(a, b map[string]bool) bool {
	for k := range a {
		if b[k] {
			return true
		}
	}
	return false
}

// restResources returns what the resource_id of a method or an integration names: ids
// and addresses. exact is false if it can be something else.
func (b *builder) restResources(r *resource) (names map[string]bool, exact bool) {
	names = make(map[string]bool)
	add := func(target *resource) {
		names[target.address] = true
		for _, attribute := range []string{"id", "root_resource_id", "resource_id"} {
			if id, ok := b.text(target, attribute).Get(); ok && id != "" && (attribute != "id" || target.kind == typeRESTResource) {
				names[id] = true
			}
		}
	}
	if id, ok := b.text(r, "resource_id").Get(); ok {
		return map[string]bool{id: true}, id != ""
	}
	key := r.address + " resource_id"
	if b.resolving[key] {
		return names, false
	}
	b.resolving[key] = true
	defer delete(b.resolving, key)
	tr := b.trace(r, "resource_id", wantRESTResource)
	for _, o := range tr.origins {
		if tr.byKey && o.index != r.index {
			continue
		}
		add(o.resource)
		if o.kind == typeRESTMethod {
			more, ok := b.restResources(o.resource)
			maps.Copy(names, more)
			if !ok {
				return names, false
			}
		}
	}
	return names, len(tr.opaque) == 0 && len(tr.literals) == 0 && len(tr.origins) > 0
}

// urlDoors finds the Function URLs of the function.
func (b *builder) urlDoors() {
	for _, r := range b.of[typeURL] {
		if !b.toFunction(r, "function_name") {
			continue
		}
		auth := b.text(r, "authorization_type")
		text, _ := auth.Get()
		b.add(r, Door{Kind: FunctionURL, Where: r.address, Lets: urlEntry(auth), Detail: "auth type " + text})
	}
}

// urlEntry says as whom callers come through a Function URL (Lambda API reference,
// CreateFunctionUrlConfig, AuthType).
func urlEntry(auth Value[string]) Value[Entry] {
	switch text, ok := auth.Get(); {
	case !ok:
		gap, _ := auth.Gap()
		return Unknown[Entry](gap)
	case text == string(IAM):
		return Known(IAMCallers)
	}
	return Known(Unvouched)
}

// permissionDoors finds what the function's resource policy lets in besides the API.
func (b *builder) permissionDoors() {
	for _, r := range b.of[typePermission] {
		if b.toFunction(r, "function_name") {
			b.permissionDoor(r)
		}
	}
}

func (b *builder) permissionDoor(r *resource) {
	door := Door{Kind: PolicyStatement, Where: r.address}
	values := make(map[string]string)
	for _, name := range []string{"action", "principal", "source_account", "function_url_auth_type", "principal_org_id"} {
		v := b.text(r, name)
		text, ok := v.Get()
		if !ok {
			gap, _ := v.Gap()
			door.Lets = Unknown[Entry](gap)
			b.add(r, door)
			return
		}
		values[name] = text
	}
	viaURL := valueOf[bool](b.terraform, r, "invoked_via_function_url")
	g := grant{actions: []string{values["action"]}, principals: []string{values["principal"]}, account: values["source_account"], urlAuth: values["function_url_auth_type"]}
	g.viaURL, _ = viaURL.Get()
	source := b.text(r, "source_arn")
	if text, ok := source.Get(); ok && text != "" {
		g.sources = []string{text}
	} else if !ok {
		g.sources = []string{"(known after apply)"}
	}
	if qualifier, ok := b.text(r, "qualifier").Get(); ok && qualifier != "" {
		g.detailExtra = ", qualifier " + qualifier
	}
	door.Detail = g.detail()
	opens, url := g.opens()
	switch {
	case !opens:
		return
	case url:
		if len(b.of[typeURL]) == 0 || !b.hasURL() {
			door.Lets = urlEntry(Known(g.urlAuth))
			door.Detail += ", for a Function URL"
			b.add(r, door)
		}
		return
	}
	principal := g.principals[0]
	if principal == gatewayService || principal == "*" && (!isKnown(source) || g.sourceService() == gatewayService) {
		if len(g.sources) > 0 {
			if b.gatewayGrant(r, source, &door) {
				b.add(r, door)
			}
			return
		}
	}
	if principal == "events.amazonaws.com" {
		b.assumed[assumedRules] = true
	}
	door.Lets = g.entry(principal, r.address)
	b.add(r, door)
}

func isKnown[T any](v Value[T]) bool {
	_, ok := v.Get()
	return ok
}

// hasURL reports whether the source has a Function URL of the function.
func (b *builder) hasURL() bool {
	return slices.ContainsFunc(b.d.Doors, func(d Door) bool { return d.Kind == FunctionURL })
}

// gatewayGrant reads a permission for API Gateway with a source ARN, and sets as whom
// callers come through. It reports false if the permission is no door of its own: the
// ARN is that of the API, or that of an API whose routes the source has.
func (b *builder) gatewayGrant(r *resource, source Value[string], door *Door) bool {
	ref := b.apiOf(r, "source_arn")
	if arn, ok := source.Get(); ok {
		id, isAPI := apiOfSource(arn)
		switch {
		case !isAPI:
			door.Lets = Unknown[Entry](Gap{What: fmt.Sprintf("which API %s lets invoke the function: its source_arn %q is not that of an API", r.address, arn), Get: "correct or remove the permission"})
			return true
		case id == "":
			door.Lets = Known(AnyEvent)
			return true
		}
		ref = b.apiByID(id, []string{typeAPI, typeREST}, r, "source_arn")
	}
	api, ok := ref.Get()
	switch {
	case !ok:
		gap, _ := ref.Gap()
		door.Lets = Unknown[Entry](gap)
	case api.String() == b.api.String() || api.resource != nil:
		return false // the routes of each API in the source are doors of their own
	default:
		door.Lets = Unknown[Entry](Gap{
			What: fmt.Sprintf("which routes of the API %s lead to the function, as %s lets it, and whom they let in", api.id, r.address),
			Get:  "remove the permission if nothing needs it, or use -api-id",
		})
	}
	return true
}

// eventDoors finds the event source mappings of the function.
func (b *builder) eventDoors() {
	for _, r := range b.of[typeEvents] {
		if !b.toFunction(r, "function_name") {
			continue
		}
		source, _ := b.text(r, "event_source_arn").Get()
		b.add(r, Door{Kind: EventSource, Where: r.address, Lets: Known(Refused), Detail: strings.TrimSpace("records of " + source)})
	}
}

// endpointDoor finds a custom domain of the API beside an open execute-api endpoint.
func (b *builder) endpointDoor() {
	if b.api.resource == nil {
		return
	}
	disabled := valueOf[bool](b.terraform, b.api.resource, "disable_execute_api_endpoint")
	off, ok := disabled.Get()
	if ok && off {
		return
	}
	for _, r := range b.of[typeMapping] {
		if !b.belongs(r) {
			continue
		}
		domain, known := b.text(r, "domain_name").Get()
		if !known {
			domain = "a custom domain"
		}
		door := Door{Kind: OpenEndpoint, Where: b.api.address, Lets: Known(SameRules), Detail: fmt.Sprintf("%s leads to the API, whose own endpoint is open too", domain)}
		if !ok {
			gap, _ := disabled.Gap()
			door.Lets = Unknown[Entry](gap)
		}
		b.add(r, door)
		return
	}
}

// aliasDoors finds aliases of the function that the API does not call. Whoever reaches
// such an alias comes through another door.
func (b *builder) aliasDoors() {
	for _, r := range b.of[typeAlias] {
		if !b.toFunction(r, "function_name") || b.called[r.address] {
			continue
		}
		name, ok := b.text(r, "name").Get()
		if ok && b.called[name] {
			continue
		}
		door := Door{Kind: Alias, Where: r.address, Lets: Known(Refused), Detail: "nothing in the " + b.kind + " calls it"}
		var worst Entry
		for _, kind := range []string{typeURL, typePermission} {
			for _, other := range b.of[kind] {
				if at := slices.IndexFunc(b.d.Doors, func(d Door) bool { return d.Where == other.address }); at >= 0 && b.reaches(other, name, r) {
					if e, ok := b.d.Doors[at].Lets.Get(); !ok {
						door.Lets = b.d.Doors[at].Lets
						worst = AnyEvent
					} else if e > worst {
						worst, door.Lets = e, Known(e)
					}
					door.Detail = other.address + " leads to it"
				}
			}
		}
		b.add(r, door)
	}
}

// reaches reports whether a door has an alias as its qualifier.
func (b *builder) reaches(door *resource, name string, alias *resource) bool {
	qualifier, ok := b.text(door, "qualifier").Get()
	if ok {
		return qualifier != "" && qualifier == name
	}
	return slices.ContainsFunc(b.trace(door, "qualifier", wantFunction).origins, func(o origin) bool { return o.resource == alias })
}
