package drift

import (
	"encoding/json"
	"slices"
	"strings"
)

// The configuration section of a plan has each argument of each resource: its value
// if it is constant, otherwise the names that its expression refers to. It does not
// have the expression itself, and no local values
// (https://developer.hashicorp.com/terraform/internals/json-format, expression
// representation). So a reference says where a value can come from.

type configModule struct {
	Resources   []*configResource
	ModuleCalls map[string]*configCall `json:"module_calls"`
	Outputs     map[string]struct{ Expression configExpression }

	byName map[string]*configResource // by mode, type and name
}

type configResource struct {
	Mode, Type, Name string
	Expressions      map[string]json.RawMessage
	ForEach          configExpression `json:"for_each_expression"`
}

type configCall struct {
	Expressions map[string]json.RawMessage
	ForEach     configExpression `json:"for_each_expression"`
	Count       configExpression `json:"count_expression"`
	Module      *configModule
}

type configExpression struct {
	Constant   json.RawMessage `json:"constant_value"`
	References []string
}

// isThere reports whether the configuration has the expression.
func (e configExpression) isThere() bool { return e.Constant != nil || e.References != nil }

func (m *configModule) resource(mode, kind, name string) *configResource {
	if m.byName == nil {
		m.byName = make(map[string]*configResource, len(m.Resources))
		for _, r := range m.Resources {
			if r != nil {
				m.byName[r.Mode+" "+r.Type+"."+r.Name] = r
			}
		}
	}
	return m.byName[mode+" "+kind+"."+name]
}

// config returns the configuration of a module, nil if the source has none.
func (t *terraform) config(path modulePath) *configModule {
	m := t.root
	for _, step := range path {
		if m == nil {
			return nil
		}
		call := m.ModuleCalls[step.name]
		if call == nil {
			return nil
		}
		m = call.Module
	}
	return m
}

// An origin is a resource that an unknown value can come from, and the attribute that
// it can be. attribute is "" if the plan does not say which.
type origin struct {
	*resource
	attribute string
}

// A trace is all that an unknown value can come from.
type trace struct {
	origins  []origin
	literals []string // known values that it can be
	opaque   []string // what hides where it comes from: local values, data sources

	// oneOf tells that the expression refers to one resource only, and at most to the key
	// of its own instance beside it. So the plan knows which instance it is, and the value
	// is not known because that instance is not made yet.
	oneOf bool
	// byKey is oneOf for a resource as a whole and the key, as in
	// aws_apigatewayv2_integration.this[each.key].id.
	byKey bool
}

type traceKey struct{ resource, attribute, want string }

// A want says what a trace looks for.
type want struct {
	name  string
	kinds []string // of resources
	// links are arguments that name such a resource. A resource of another type is
	// followed to it if the reference is to the resource as a whole or to an
	// attribute that AWS makes of the link, such as execution_arn.
	links []string
	// arguments are arguments that may hold the value itself.
	arguments []string
}

var (
	wantAPI          = want{"API", []string{typeAPI, typeREST}, []string{"api_id", "rest_api_id"}, nil}
	wantIntegration  = want{"integration", []string{typeIntegration}, nil, []string{"target"}}
	wantAuthorizer   = want{"authorizer", []string{typeAuthorizer}, nil, []string{"authorizer_id"}}
	wantFunction     = want{"function", []string{typeFunction, typeAlias}, []string{"function_name"}, []string{"integration_uri", "uri"}}
	wantRESTResource = want{"resource", []string{typeRESTResource, typeREST, typeRESTMethod}, nil, []string{"resource_id"}}
)

// plainData are data sources that hold no id of a resource.
var plainData = []string{"aws_caller_identity", "aws_partition", "aws_region"}

// relays are types with which a configuration passes any value on. The computed
// attributes of other resources of AWS are ids of their own.
var relays = []string{"aws_cloudformation_stack", "aws_serverlessapplicationrepository_cloudformation_stack", "aws_lambda_invocation", "aws_ssm_parameter", "aws_secretsmanager_secret_version", "aws_s3_object"}

// trace returns what a value of a resource can come from. The value is not known.
func (t *terraform) trace(r *resource, attribute string, w want) *trace {
	key := traceKey{resourceKey(r.module, r.kind, r.name), attribute, w.name}
	tr := t.traces[key]
	if tr == nil {
		tr = &trace{}
		t.traces[key] = tr // a cycle adds nothing
		f := follower{t: t, want: w, trace: tr, seen: make(map[string]bool)}
		f.argument(r.module, r.kind, r.name, attribute, nil)
		tr.oneOf, tr.byKey = t.refersToOne(r, attribute, w)
	}
	return tr
}

// refersToOne returns oneOf and byKey of the trace of an argument.
func (t *terraform) refersToOne(r *resource, attribute string, w want) (oneOf, byKey bool) {
	config := t.config(r.module)
	if config == nil {
		return false, false
	}
	own := config.resource("managed", r.kind, r.name)
	if own == nil {
		return false, false
	}
	e, ok := decodeExpression(own.Expressions[attribute])
	if !ok || len(e.References) == 0 {
		return false, false
	}
	var key, whole bool
	name := ""
	for i, reference := range e.References {
		if reference == "each.key" || reference == "count.index" {
			key = true
			continue
		}
		if i > 0 && isBeginning(reference, e.References[:i]) {
			continue
		}
		tokens, err := parseAddress(reference)
		if err != nil || len(tokens) < 2 || !slices.Contains(w.kinds, tokens[0].text) {
			return false, false
		}
		this := tokens[0].text + "." + tokens[1].text
		if name != "" && name != this {
			return false, false
		}
		name, whole = this, len(tokens) == 2
	}
	return name != "", key && whole
}

// A follower follows the references of one expression.
type follower struct {
	t     *terraform
	want  want
	trace *trace
	seen  map[string]bool
}

func (f *follower) hide(what string) {
	if !slices.Contains(f.trace.opaque, what) {
		f.trace.opaque = append(f.trace.opaque, what)
	}
}

// argument follows an argument of a resource. rest is the path into its value.
func (f *follower) argument(module modulePath, kind, name, attribute string, rest []token) {
	config := f.t.config(module)
	if config == nil {
		f.hide("an expression that the plan does not have")
		return
	}
	r := config.resource("managed", kind, name)
	if r == nil {
		f.hide(kind + "." + name)
		return
	}
	e, ok := decodeExpression(r.Expressions[attribute])
	if !ok {
		f.hide(kind + "." + name + "." + attribute)
		return
	}
	f.expression(module, e, r.ForEach, rest)
}

// decodeExpression decodes the expression of an argument. ok is false for a block and
// for an argument that is not there.
func decodeExpression(raw json.RawMessage) (e configExpression, ok bool) {
	return e, raw != nil && json.Unmarshal(raw, &e) == nil
}

// expression follows the references of an expression in a module. forEach is the
// for_each of the resource or the module call that has the expression.
func (f *follower) expression(module modulePath, e configExpression, forEach configExpression, rest []token) {
	if len(e.References) == 0 && e.Constant == nil {
		f.hide("a function without arguments")
	}
	for i, reference := range e.References {
		// Terraform lists each reference with its beginnings behind it.
		if i > 0 && isBeginning(reference, e.References[:i]) {
			continue
		}
		f.reference(module, reference, forEach, rest)
	}
}

// isBeginning reports whether a reference is the beginning of one of the list.
func isBeginning(reference string, list []string) bool {
	return slices.ContainsFunc(list, func(longer string) bool {
		rest, ok := strings.CutPrefix(longer, reference)
		return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
	})
}

func (f *follower) reference(module modulePath, reference string, forEach configExpression, rest []token) {
	tokens, err := parseAddress(reference)
	if err != nil || len(tokens) < 2 {
		f.hide(reference)
		return
	}
	f.tokens(module, append(tokens, rest...), forEach)
}

// tokens follows a reference that is split into tokens.
func (f *follower) tokens(module modulePath, tokens []token, forEach configExpression) {
	key := module.String()
	for _, tok := range tokens {
		key += "\x00" + tok.text
	}
	if f.seen[key] || len(f.seen) > 10000 {
		return
	}
	f.seen[key] = true
	switch name := tokens[1].text; tokens[0].text {
	case "each":
		if name == "value" {
			rest := tokens[2:]
			if len(forEach.References) == 0 && forEach.Constant == nil {
				f.hide("each.value")
			}
			for i, reference := range forEach.References {
				if i > 0 && isBeginning(reference, forEach.References[:i]) {
					continue
				}
				f.reference(module, reference, configExpression{}, rest)
			}
		}
	case "count", "path", "terraform", "self":
		// Each of these is known when Terraform plans.
	case "var":
		f.variable(module, name, tokens[2:])
	case "module":
		f.output(module, name, tokens[2:])
	case "local", "data", "ephemeral":
		end := 2
		if tokens[0].text != "local" {
			end = min(3, len(tokens))
		}
		if tokens[0].text == "data" && slices.Contains(plainData, name) {
			return
		}
		f.hide(joinTokens(tokens[:end]))
	default:
		f.resource(module, tokens[0].text, name, tokens[2:])
	}
}

func joinTokens(tokens []token) string {
	var parts []string
	for _, tok := range tokens {
		parts = append(parts, tok.text)
	}
	return strings.Join(parts, ".")
}

// variable follows a variable of a module to the call of the module. The variables of
// the root module are known, and so are defaults.
func (f *follower) variable(module modulePath, name string, rest []token) {
	if len(module) == 0 {
		return
	}
	parent, step := module[:len(module)-1], module[len(module)-1]
	config := f.t.config(parent)
	if config == nil || config.ModuleCalls[step.name] == nil {
		f.hide("var." + name)
		return
	}
	call := config.ModuleCalls[step.name]
	if e, ok := decodeExpression(call.Expressions[name]); ok {
		f.expression(parent, e, call.ForEach, rest)
	}
}

// output follows an output of a module.
func (f *follower) output(module modulePath, name string, rest []token) {
	index, hasIndex := "", len(rest) > 0 && rest[0].isIndex
	if hasIndex {
		index, rest = rest[0].text, rest[1:]
	}
	config := f.t.config(module)
	if config == nil || config.ModuleCalls[name] == nil || config.ModuleCalls[name].Module == nil {
		f.hide("module." + name)
		return
	}
	outputs := config.ModuleCalls[name].Module.Outputs
	var names []string
	if len(rest) > 0 && !rest[0].isIndex {
		names, rest = []string{rest[0].text}, rest[1:]
	} else {
		for output := range outputs {
			names = append(names, output)
		}
		slices.Sort(names)
	}
	instances := f.t.instances[instanceKey(module, name)]
	if len(instances) == 0 {
		// A module without resources is not among the planned values.
		instances = []string{""}
		if call := config.ModuleCalls[name]; call.ForEach.isThere() || call.Count.isThere() {
			f.hide("module." + name)
			return
		}
	}
	for _, instance := range instances {
		if hasIndex && instance != index {
			continue
		}
		child := append(slices.Clone(module), moduleStep{name, instance})
		for _, output := range names {
			f.expression(child, outputs[output].Expression, configExpression{}, rest)
		}
	}
}

// resource follows a reference to a resource.
func (f *follower) resource(module modulePath, kind, name string, rest []token) {
	index, hasIndex := "", len(rest) > 0 && rest[0].isIndex
	if hasIndex {
		index, rest = rest[0].text, rest[1:]
	}
	attribute := ""
	if len(rest) > 0 && !rest[0].isIndex {
		attribute, rest = rest[0].text, rest[1:]
	}
	var config *configResource
	if m := f.t.config(module); m != nil {
		config = m.resource("managed", kind, name)
	}
	if config == nil {
		f.hide(kind + "." + name)
		return
	}
	_, isArgument := config.Expressions[attribute]
	follow := slices.Contains(f.want.links, attribute) || slices.Contains(f.want.arguments, attribute)
	switch {
	case slices.Contains(f.want.kinds, kind) && (!isArgument || kind == typeFunction && follow || kind == typeRESTMethod):
		for _, r := range f.t.at[resourceKey(module, kind, name)] {
			if !hasIndex || r.index == index {
				f.trace.origins = append(f.trace.origins, origin{r, attribute})
			}
		}
		return
	case kind == "terraform_data" && (attribute == "output" || attribute == ""):
		f.argument(module, kind, name, "input", rest)
		return
	case isArgument:
		f.passedOn(module, kind, name, attribute, index, hasIndex, rest)
		return
	}
	for _, link := range f.want.links {
		if _, ok := config.Expressions[link]; ok && f.want.name == wantAPI.name && slices.Contains(readTypes, kind) {
			for _, r := range f.t.at[resourceKey(module, kind, name)] {
				if !hasIndex || r.index == index {
					f.trace.origins = append(f.trace.origins, origin{r, link})
				}
			}
			return
		} else if ok {
			f.passedOn(module, kind, name, link, index, hasIndex, nil)
			return
		}
	}
	if !strings.HasPrefix(kind, "aws_") || slices.Contains(relays, kind) {
		f.hide(kind + "." + name)
	}
}

// passedOn follows a reference to an argument of a resource. If the argument is known in
// an instance, it goes no further.
func (f *follower) passedOn(module modulePath, kind, name, attribute, index string, hasIndex bool, rest []token) {
	known := true
	var values []string
	for _, r := range f.t.at[resourceKey(module, kind, name)] {
		if hasIndex && r.index != index {
			continue
		}
		var value string
		if r.isUnknown(attribute) || len(rest) > 0 || json.Unmarshal(r.values[attribute], &value) != nil {
			known = false
			continue
		}
		values = append(values, value)
	}
	// The known value of another argument, such as a name, is not what is looked for.
	if slices.Contains(f.want.links, attribute) || slices.Contains(f.want.arguments, attribute) {
		f.trace.literals = append(f.trace.literals, values...)
	}
	if !known || len(values) == 0 {
		f.argument(module, kind, name, attribute, rest)
	}
}
