package drift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ReadOptions says which resources of a plan or a state are the deployment.
type ReadOptions struct {
	Module   string // the address of the API or of its module, such as "module.api"; "" for any
	API      string // the id of the API; "" for any
	Function string // the manifest's function: name, ARN, or address in Terraform; "" if the API's integrations say it

	// AssumeComplete takes a plan that does not say whether it is complete for a
	// complete one.
	AssumeComplete bool
}

// after is how to get what a plan does not know yet.
const after = "compare again after terraform apply, with -state"

// ReadPlan reads what "terraform show -json PLAN" or "tofu show -json PLAN" prints of
// a saved plan: the deployment as it will be. The plan's configuration says which
// resource an id belongs to that is known only after the apply
// (https://developer.hashicorp.com/terraform/internals/json-format).
//
// The error says why data is not a plan of an API whose routes can be listed. What a
// plan does not know is a Gap of the Deployment.
func ReadPlan(data []byte, opts ReadOptions) (*Deployment, error) {
	show, err := readShow(data)
	switch {
	case err != nil:
		return nil, err
	case show.PlannedValues == nil && show.isState():
		return nil, errors.New("it is a state, not a plan")
	case show.PlannedValues == nil:
		return nil, errors.New(`no "planned_values": is it what terraform show -json prints of a saved plan?`)
	case show.Errored:
		return nil, errors.New("the plan failed half-way (errored), so it does not say what the gateway will be")
	case show.Complete != nil && !*show.Complete:
		return nil, errors.New("the plan is not complete (it was made with -target, or puts something off), so it does not say what the gateway will be")
	}
	t := newTerraform(opts)
	if err := t.addPlan(show); err != nil {
		return nil, err
	}
	d, err := t.deployment("plan")
	if err != nil {
		return nil, err
	}
	if show.Complete == nil {
		if opts.AssumeComplete {
			d.Assumed = append(d.Assumed, "the plan is complete, as -assume-complete says")
		} else {
			d.Gaps = append(d.Gaps, Gap{
				What: "whether the plan is complete: OpenTofu, and Terraform before 1.8, do not say whether a plan was made with -target or -exclude",
				Get:  after + ", or give -assume-complete if the plan was made without -target and -exclude",
			})
		}
	}
	return d, nil
}

// ReadState reads what "terraform show -json" or "tofu show -json" prints of a state:
// the deployment as Terraform knows it. The error is as that of [ReadPlan].
func ReadState(data []byte, opts ReadOptions) (*Deployment, error) {
	show, err := readShow(data)
	switch {
	case err != nil:
		return nil, err
	case show.PlannedValues != nil || show.ResourceChanges != nil:
		return nil, errors.New("it is a plan, not a state")
	case !show.isState():
		return nil, errors.New(`no "values": is it what terraform show -json prints of a state?`)
	case show.Values == nil:
		return nil, errors.New("the state is empty: nothing has been applied")
	}
	t := newTerraform(opts)
	if err := t.addModule(show.Values.Root, nil, nil); err != nil {
		return nil, err
	}
	return t.deployment("state")
}

// shown is what terraform show -json prints, as far as it matters here.
type shown struct {
	FormatVersion   string `json:"format_version"`
	Errored         bool
	Complete        *bool
	PlannedValues   *shownValues  `json:"planned_values"`
	ResourceChanges []shownChange `json:"resource_changes"`
	Values          *shownValues
	Configuration   struct {
		Root *configModule `json:"root_module"`
	}

	TerraformVersion string          `json:"terraform_version"`
	Lineage          json.RawMessage // of a state file itself
	Serial           json.RawMessage
	Level            json.RawMessage `json:"@level"` // of a log of terraform plan -json
}

type shownValues struct {
	Root shownModule `json:"root_module"`
}

type shownModule struct {
	Address      string
	Resources    []shownResource
	ChildModules []shownModule `json:"child_modules"`
}

type shownResource struct {
	Address, Mode, Type, Name string
	Index                     json.RawMessage
	Values                    json.RawMessage
	Sensitive                 json.RawMessage `json:"sensitive_values"`
	Deposed                   string          `json:"deposed_key"`
}

type shownChange struct {
	Address, Mode, Type, Name string
	ModuleAddress             string `json:"module_address"`
	Index                     json.RawMessage
	Deposed                   string
	Change                    struct {
		Actions      []string
		Before       json.RawMessage
		AfterUnknown json.RawMessage `json:"after_unknown"`
	}
}

// isState reports whether s can be a state. An empty state has a version of the
// format and nothing else.
func (s *shown) isState() bool {
	return s.PlannedValues == nil && (s.Values != nil || s.TerraformVersion == "")
}

func readShow(data []byte) (*shown, error) {
	var s shown
	if err := readJSON(data, &s); err != nil {
		if line, _, ok := bytes.Cut(data, []byte("\n")); ok && json.Unmarshal(line, &s) == nil && s.Level != nil {
			return nil, errors.New("it is a log of terraform plan -json: want what terraform show -json prints of a saved plan")
		}
		return nil, err
	}
	switch major, _, _ := strings.Cut(s.FormatVersion, "."); {
	case s.Lineage != nil && s.Serial != nil:
		return nil, errors.New("it is a state file itself: want what terraform show -json prints of it")
	case s.FormatVersion == "":
		return nil, errors.New(`no "format_version": is it what terraform show -json prints?`)
	case major != "0" && major != "1":
		return nil, fmt.Errorf("its format has version %q: want 1", s.FormatVersion)
	}
	return &s, nil
}

// The types of resources that are read.
const (
	typeAPI          = "aws_apigatewayv2_api"
	typeAuthorizer   = "aws_apigatewayv2_authorizer"
	typeIntegration  = "aws_apigatewayv2_integration"
	typeRoute        = "aws_apigatewayv2_route"
	typeStage        = "aws_apigatewayv2_stage"
	typeMapping      = "aws_apigatewayv2_api_mapping"
	typeREST         = "aws_api_gateway_rest_api"
	typeRESTResource = "aws_api_gateway_resource"
	typeRESTMethod   = "aws_api_gateway_method"
	typeRESTCall     = "aws_api_gateway_integration"
	typeFunction     = "aws_lambda_function"
	typeAlias        = "aws_lambda_alias"
	typeURL          = "aws_lambda_function_url"
	typePermission   = "aws_lambda_permission"
	typeEvents       = "aws_lambda_event_source_mapping"
)

var readTypes = []string{
	typeAPI, typeAuthorizer, typeIntegration, typeRoute, typeStage, typeMapping,
	typeREST, typeRESTResource, typeRESTMethod, typeRESTCall,
	typeFunction, typeAlias, typeURL, typePermission, typeEvents,
}

// isUnread reports whether resources of a type can make routes or doors and are not
// read: those of the provider awscc, and bodies of REST APIs.
func isUnread(kind string) bool {
	return strings.HasPrefix(kind, "awscc_apigateway") || strings.HasPrefix(kind, "awscc_lambda_") && kind != "awscc_lambda_function" || kind == "aws_api_gateway_rest_api_put"
}

// A resource is one instance of a resource that AWS has after the apply.
type resource struct {
	address, kind, name string
	module              modulePath
	index               string // the instance's key as JSON, "" without count and for_each
	values              map[string]json.RawMessage
	unknown             map[string]json.RawMessage // what is known after apply: true, or which parts
	sensitive           map[string]json.RawMessage // what is sensitive: true, or which parts
	absentIsNull        bool                       // of a value that is neither in values nor in unknown
	note                string                     // why a resource that Terraform gives up counts
}

// A terraform holds the resources of a plan or a state.
type terraform struct {
	opts      ReadOptions
	of        map[string][]*resource // by type
	at        map[string][]*resource // by module instance, type and name
	root      *configModule          // of a plan
	forgotten map[string]bool        // addresses of what the plan forgets
	instances map[string][]string    // keys of a module's instances, by the address without the key
	traces    map[traceKey]*trace
	functions map[functionName]bool // that have an ARN in the source
	byARN     map[string]*resource  // functions
	byID      map[string]*resource  // by type, a space and id
	assumed   map[string]bool
	unread    []string        // addresses of resources that can be doors, and are not read
	resolving map[string]bool // what apiOf and functionOf are looking for, against cycles
	wrong     error           // the first value that has another type than it should
}

func newTerraform(opts ReadOptions) *terraform {
	return &terraform{
		opts: opts, of: make(map[string][]*resource), at: make(map[string][]*resource),
		instances: make(map[string][]string), traces: make(map[traceKey]*trace),
		functions: make(map[functionName]bool), byARN: make(map[string]*resource), byID: make(map[string]*resource),
		assumed: make(map[string]bool), forgotten: make(map[string]bool), resolving: make(map[string]bool),
	}
}

// addPlan adds what is there after the apply: the planned resources, and those that
// Terraform forgets and AWS keeps.
func (t *terraform) addPlan(show *shown) error {
	t.root = show.Configuration.Root
	unknown := make(map[string]json.RawMessage)
	for _, change := range show.ResourceChanges {
		if change.Mode == "managed" && change.Deposed == "" {
			unknown[change.Address] = change.Change.AfterUnknown
			t.forgotten[change.Address] = slices.Contains(change.Change.Actions, "forget")
		}
	}
	if err := t.addModule(show.PlannedValues.Root, nil, unknown); err != nil {
		return err
	}
	for _, change := range show.ResourceChanges {
		if change.Mode != "managed" || !slices.Contains(change.Change.Actions, "forget") || !slices.Contains(readTypes, change.Type) {
			continue
		}
		module, err := parseModule(change.ModuleAddress)
		if err != nil {
			return fmt.Errorf("%s: %w", change.Address, err)
		}
		r := &resource{
			address: change.Address, kind: change.Type, name: change.Name, module: module, index: canonicalIndex(string(change.Index)),
			absentIsNull: true, note: "Terraform forgets it, and AWS keeps it",
		}
		if err := json.Unmarshal(change.Change.Before, &r.values); err != nil {
			return fmt.Errorf("%s: before: %w", change.Address, err)
		}
		t.add(r)
	}
	return nil
}

// addModule adds the managed resources of a module and of those below it. unknown has
// what a plan does not know of each of them, and is nil for a state.
func (t *terraform) addModule(m shownModule, path modulePath, unknown map[string]json.RawMessage) error {
	for _, shown := range m.Resources {
		if shown.Mode == "managed" && isUnread(shown.Type) {
			t.unread = append(t.unread, shown.Address)
		}
		if shown.Mode != "managed" || !slices.Contains(readTypes, shown.Type) {
			continue
		}
		if shown.Values == nil && t.forgotten[shown.Address] {
			continue // a plan lists it without values; addPlan has those before the plan
		}
		r := &resource{
			address: shown.Address, kind: shown.Type, name: shown.Name, module: path, index: canonicalIndex(string(shown.Index)),
			absentIsNull: unknown == nil,
		}
		if json.Unmarshal(shown.Sensitive, &r.sensitive) != nil {
			r.sensitive = nil // true or false for the whole of a resource without values
		}
		if r.name == "" { // files that were not written by Terraform
			r.name = resourceName(shown.Address)
		}
		if shown.Deposed != "" {
			r.address += " (deposed " + shown.Deposed + ")"
			r.note = "Terraform has replaced it, and could not delete it yet"
		}
		if raw := unknown[shown.Address]; raw != nil {
			r.absentIsNull = true
			if err := json.Unmarshal(raw, &r.unknown); err != nil {
				return fmt.Errorf("%s: after_unknown: %w", r.address, err)
			}
		}
		if err := json.Unmarshal(shown.Values, &r.values); err != nil {
			return fmt.Errorf("%s: values: %w", r.address, err)
		}
		t.add(r)
	}
	for _, child := range m.ChildModules {
		path, err := parseModule(child.Address)
		if err != nil {
			return fmt.Errorf("module %q: %w", child.Address, err)
		}
		t.addInstance(path)
		if err := t.addModule(child, path, unknown); err != nil {
			return err
		}
	}
	return nil
}

// addInstance notes that a module has an instance.
func (t *terraform) addInstance(path modulePath) {
	if len(path) == 0 {
		return
	}
	last := path[len(path)-1]
	key := instanceKey(path[:len(path)-1], last.name)
	if !slices.Contains(t.instances[key], last.index) {
		t.instances[key] = append(t.instances[key], last.index)
	}
}

func (t *terraform) add(r *resource) {
	t.of[r.kind] = append(t.of[r.kind], r)
	key := resourceKey(r.module, r.kind, r.name)
	t.at[key] = append(t.at[key], r)
	if id, ok := t.text(r, "id").Get(); ok && id != "" {
		t.byID[r.kind+" "+id] = r
	}
	if r.kind == typeFunction {
		if arn, ok := t.text(r, "arn").Get(); ok && arn != "" {
			t.byARN[arn] = r
		}
	}
}

// notKnown returns the Gap of a value that is known only after the apply.
func (r *resource) notKnown(name string) Gap {
	return Gap{What: fmt.Sprintf("%s of %s, which is known only after terraform apply", name, r.address), Get: after}
}

// isUnknown reports whether a value, or a part of it, is known only after the apply.
func (r *resource) isUnknown(name string) bool {
	if raw, ok := r.unknown[name]; ok {
		return bytes.Contains(raw, []byte("true"))
	}
	raw, ok := r.values[name]
	if !ok || string(raw) == "null" {
		// HCP Terraform can write null in the place of a sensitive value.
		return !ok && !r.absentIsNull || bytes.Contains(r.sensitive[name], []byte("true"))
	}
	return false
}

// valueOf decodes a value. A value that is null or absent is the zero T.
func valueOf[T any](t *terraform, r *resource, name string) Value[T] {
	if r.isUnknown(name) {
		return Unknown[T](r.notKnown(name))
	}
	var v T
	if raw := r.values[name]; raw != nil {
		if err := json.Unmarshal(raw, &v); err != nil && t.wrong == nil {
			t.wrong = fmt.Errorf("%s: %s: %w", r.address, name, err)
		}
	}
	return Known(v)
}

func (t *terraform) text(r *resource, name string) Value[string] { return valueOf[string](t, r, name) }
