package drift

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// registerFunctions notes every function of which the source has the ARN, so that a
// name without an ARN can be told to be the same function.
func (b *builder) registerFunctions() {
	for kind, attributes := range map[string][]string{
		typeIntegration: {"integration_uri"}, typeRESTCall: {"uri"}, typeAPI: {"target"}, typeFunction: {"arn"},
		typePermission: {"function_name"}, typeURL: {"function_name", "function_arn"}, typeEvents: {"function_name", "function_arn"}, typeAlias: {"function_name", "arn"},
	} {
		for _, r := range b.of[kind] {
			for _, attribute := range attributes {
				text, _ := b.text(r, attribute).Get()
				if f, ok := parseFunction(text); ok && f.arn() != "" {
					f.qualifier = ""
					b.functions[f] = true
				}
			}
		}
	}
}

// functionOf returns the function that an argument of a resource names, and what the
// API then calls of it: qualifiers, and addresses of aliases.
func (b *builder) functionOf(r *resource, attribute string) (Value[FunctionID], []string) {
	if text, ok := b.text(r, attribute).Get(); ok {
		return b.functionByText(text, r, attribute)
	}
	key := r.address + " " + attribute
	if b.resolving[key] {
		return Unknown[FunctionID](r.notKnown(attribute)), nil
	}
	b.resolving[key] = true
	defer delete(b.resolving, key)
	tr := b.trace(r, attribute, wantFunction)
	found := make(map[FunctionID]bool)
	var qualifiers []string
	var gap *Gap
	collect := func(id Value[FunctionID]) {
		if f, ok := id.Get(); ok {
			found[f] = true
		} else if g, _ := id.Gap(); gap == nil {
			gap = &g
		}
	}
	for _, o := range tr.origins {
		switch {
		case o.kind == typeAlias:
			qualifiers = append(qualifiers, o.address)
			id, _ := b.functionOf(o.resource, "function_name")
			collect(id)
		default:
			collect(Known(FunctionID(o.address)))
		}
	}
	for _, text := range tr.literals {
		id, q := b.functionByText(text, r, attribute)
		qualifiers = append(qualifiers, q...)
		collect(id)
	}
	if len(tr.opaque) > 0 {
		for _, f := range b.of[typeFunction] {
			found[FunctionID(f.address)] = true
		}
	}
	if len(found) == 1 && gap == nil {
		for id := range found {
			b.viaReference()
			return Known(id), qualifiers
		}
	}
	if gap != nil {
		return Unknown[FunctionID](*gap), qualifiers
	}
	var names []string
	for _, id := range slices.Sorted(maps.Keys(found)) {
		names = append(names, string(id))
	}
	return Unknown[FunctionID](b.ambiguous(r, attribute, "function", tr, names)), qualifiers
}

// stageVariable matches a stage variable in the URI of an integration.
var stageVariable = regexp.MustCompile(`\$\{stageVariables\.([A-Za-z0-9_]+)\}`)

// functionByText returns the function that a string names. A string in which stages
// put their variables names a function only if it is the same one in every stage.
func (b *builder) functionByText(text string, r *resource, attribute string) (Value[FunctionID], []string) {
	if stageVariable.MatchString(text) {
		return b.functionByStage(text, r, attribute)
	}
	f, ok := parseFunction(text)
	if !ok {
		if attribute != "function_name" && strings.HasPrefix(text, "arn:") && !strings.Contains(text, "lambda") || strings.HasPrefix(text, "http") {
			return Known(FunctionID("")), nil
		}
		return Unknown[FunctionID](Gap{
			What: fmt.Sprintf("which function %s uses: its %s %q does not name one", r.address, attribute, text),
			Get:  "name the function with its ARN",
		}), nil
	}
	return b.functionID(f, r, attribute), []string{f.qualifier}
}

func (b *builder) functionByStage(text string, r *resource, attribute string) (Value[FunctionID], []string) {
	// A variable in the place of the qualifier does not change which function it is.
	x, ok1 := parseFunction(stageVariable.ReplaceAllString(text, "x"))
	y, ok2 := parseFunction(stageVariable.ReplaceAllString(text, "y"))
	x.qualifier, y.qualifier = "", ""
	if ok1 && ok2 && x == y {
		return b.functionID(x, r, attribute), nil
	}
	gap := Gap{
		What: fmt.Sprintf("which function %s uses: its %s %q depends on a stage variable", r.address, attribute, text),
		Get:  "name the function in the integration itself, or give the variable in every stage of the API",
	}
	found := make(map[FunctionID]bool)
	var qualifiers []string
	of := b.apiOfIntegration(r)
	for _, stage := range b.of[typeStage] {
		if !sameAPI(of, b.apiOf(stage, "api_id")) {
			continue
		}
		variables, known := valueOf[map[string]string](b.terraform, stage, "stage_variables").Get()
		filled := stageVariable.ReplaceAllStringFunc(text, func(name string) string {
			value, has := variables[stageVariable.FindStringSubmatch(name)[1]]
			known = known && has && !stageVariable.MatchString(value)
			return value
		})
		if !known {
			return Unknown[FunctionID](gap), nil
		}
		id, q := b.functionByText(filled, r, attribute)
		got, ok := id.Get()
		if !ok {
			return id, nil
		}
		qualifiers = append(qualifiers, q...)
		found[got] = true
	}
	if len(found) == 1 {
		for id := range found {
			return Known(id), qualifiers
		}
	}
	return Unknown[FunctionID](gap), nil
}

// functionID returns the one name of a function that a resource names in some way.
func (b *builder) functionID(f functionName, r *resource, attribute string) Value[FunctionID] {
	unclear := func(what string) Value[FunctionID] {
		return Unknown[FunctionID](Gap{What: fmt.Sprintf("which function %s uses: its %s %s", r.address, attribute, what), Get: after})
	}
	made, planned := b.functionResources(f)
	switch {
	case len(made) == 1 && len(planned) == 0:
		return Known(FunctionID(made[0].address))
	case len(made) == 0 && len(planned) == 1 && f.account == "" && f.region == "":
		return Known(FunctionID(planned[0].address))
	case len(made)+len(planned) > 0:
		return unclear("can be that of " + list(addresses(append(made, planned...))))
	case f.arn() != "":
		return Known(FunctionID(f.arn()))
	}
	var arns []string
	for known := range b.functions {
		if known.fits(f) {
			arns = append(arns, known.arn())
		}
	}
	switch len(arns) {
	case 0:
		return Known(FunctionID(f.name))
	case 1:
		return Known(FunctionID(arns[0]))
	}
	slices.Sort(arns)
	return unclear("can be that of " + list(arns))
}

// functionResources returns the resources that can be a function: those with an ARN,
// and those of the same name that have no ARN yet.
func (b *builder) functionResources(f functionName) (made, planned []*resource) {
	for _, r := range b.of[typeFunction] {
		if text, ok := b.text(r, "arn").Get(); ok && text != "" {
			if arn, ok := parseFunction(text); ok && arn.fits(f) {
				made = append(made, r)
			}
			continue
		}
		if name, ok := b.text(r, "function_name").Get(); ok && name == f.name {
			planned = append(planned, r)
		}
	}
	return made, planned
}

// findFunction sets the function of the Deployment: what the option names, or what all
// integrations that routes use call.
func (b *builder) findFunction() error {
	if b.opts.Function != "" {
		var err error
		b.d.Function, err = b.named(b.opts.Function)
		return err
	}
	b.d.Function = calledByAll(b.d.Routes)
	return nil
}

// named returns the function that the user names.
func (b *builder) named(name string) (Value[FunctionID], error) {
	for _, r := range b.of[typeFunction] {
		if r.address == name {
			return Known(FunctionID(name)), nil
		}
	}
	for _, r := range b.of[typeAlias] {
		if r.address == name {
			id, _ := b.functionOf(r, "function_name")
			return id, nil
		}
	}
	f, ok := parseFunction(name)
	if !ok {
		return Value[FunctionID]{}, fmt.Errorf("-function %q is not a name, not an ARN, and not the address of an aws_lambda_function in the %s", name, b.kind)
	}
	made, planned := b.functionResources(f)
	if all := append(made, planned...); len(all) == 1 {
		return Known(FunctionID(all[0].address)), nil
	} else if len(all) > 1 {
		return Unknown[FunctionID](Gap{What: fmt.Sprintf("which function is the manifest's: %q can be %s", name, list(addresses(all))), Get: "give -function the address of the resource"}), nil
	}
	return knownFunction(f, slices.Collect(maps.Keys(b.functions))), nil
}

// knownFunction returns the one name of a function that the user names, given the
// functions of which the source has the ARN.
func knownFunction(f functionName, known []functionName) Value[FunctionID] {
	var arns []string
	for _, k := range known {
		if k.fits(f) {
			arns = append(arns, k.arn())
		}
	}
	switch {
	case len(arns) == 1:
		return Known(FunctionID(arns[0]))
	case len(arns) > 1:
		slices.Sort(arns)
		return Unknown[FunctionID](Gap{What: fmt.Sprintf("which function is the manifest's: %q can be %s", f.name, list(arns)), Get: "give -function the ARN"})
	case f.arn() != "":
		return Known(FunctionID(f.arn()))
	}
	return Known(FunctionID(f.name))
}

// calledByAll returns the function that every integration calls that calls one, and
// "" if none does.
func calledByAll(routes []Route) Value[FunctionID] {
	found := make(map[FunctionID]string) // with a route as an example
	for _, r := range routes {
		i, ok := r.Integration.Get()
		if !ok {
			return Unknown[FunctionID](whichFunction(r, r.Integration))
		}
		if i == nil {
			continue
		}
		id, ok := i.Calls.Get()
		if !ok {
			return Unknown[FunctionID](whichFunction(r, i.Calls))
		}
		if _, has := found[id]; !has {
			found[id] = r.Where
		}
	}
	delete(found, "")
	switch len(found) {
	case 0:
		return Known(FunctionID(""))
	case 1:
		for id := range found {
			return Known(id)
		}
	}
	var names []string
	for id, where := range found {
		names = append(names, fmt.Sprintf("%s (%s)", id, where))
	}
	slices.Sort(names)
	return Unknown[FunctionID](Gap{
		What: fmt.Sprintf("which function was built from the manifest: the API calls %d functions, %s", len(names), list(names)),
		Get:  "say which with -function",
	})
}

func whichFunction[T any](r Route, v Value[T]) Gap {
	gap, _ := v.Gap()
	return Gap{What: "which function was built from the manifest: " + gap.What, Get: gap.Get + ", or say which with -function"}
}
