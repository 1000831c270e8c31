package openapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/route"
)

// place gives every route a path of OpenAPI and an operation for each method
// that it takes.
func place(t *route.Table) map[string]pathItem {
	p := placer{paths: make(map[string]pathItem), segments: make(map[string][]string), ids: make(map[string]bool)}
	own := make(map[string]bool) // method and shape of the routes that are not ANY
	for r := range t.All() {
		p.ids[r.Name] = true
		own[r.Method+" "+r.Pattern.Shape()] = true
	}
	// Greedy variables come last, since they get what other variables leave.
	for _, greedy := range []bool{false, true} {
		for r := range t.All() {
			if r.Pattern.IsGreedy() != greedy {
				continue
			}
			if r.Method != route.AnyMethod {
				p.add(r, r.Name, r.Method)
				continue
			}
			for _, method := range route.Methods {
				if !own[method+" "+r.Pattern.Shape()] {
					p.add(r, p.unique(r.Name+"_"+strings.ToLower(method)), method)
				}
			}
		}
	}
	return p.paths
}

// A placer knows what is taken.
type placer struct {
	paths    map[string]pathItem
	segments map[string][]string // of the path that has a shape, which is it without the names of its variables
	ids      map[string]bool
}

// add adds an operation to the path of its route.
//
// A greedy variable whose path has that operation already gets a variable more
// in front: the other route takes one segment, and this one what is longer.
func (p *placer) add(r *route.Route, id, method string) {
	wanted := strings.Split(r.Pattern.String()[1:], "/")
	last := len(wanted) - 1
	wanted[last] = strings.Replace(wanted[last], "+}", "}", 1)
	for n := 1; ; n++ {
		shape := ""
		for _, s := range wanted {
			if isVariable(s) {
				s = "{}"
			}
			shape += "/" + s
		}
		if p.segments[shape] == nil {
			p.segments[shape] = wanted
		}
		segments := p.segments[shape]
		path := "/" + strings.Join(segments, "/")
		if _, taken := p.paths[path][strings.ToLower(method)]; !taken {
			if p.paths[path] == nil {
				p.paths[path] = make(pathItem)
			}
			p.paths[path][strings.ToLower(method)] = describe(r, id, method, parameters(segments, r.Pattern.IsGreedy()))
			return
		}
		rest := wanted[len(wanted)-1]
		name := fmt.Sprintf("{%s_%d}", rest[1:len(rest)-1], n)
		for slices.Contains(wanted, name) {
			name = name[:len(name)-1] + "_}"
		}
		wanted = slices.Insert(slices.Clone(wanted), len(wanted)-1, name)
	}
}

// unique returns an operationId that no operation has.
func (p *placer) unique(id string) string {
	for p.ids[id] {
		id += "_"
	}
	p.ids[id] = true
	return id
}

func isVariable(segment string) bool { return strings.HasPrefix(segment, "{") }

// parameters describes the variables of a path. greedy says that the last one
// takes the rest.
func parameters(segments []string, greedy bool) []parameter {
	var list []parameter
	for _, s := range segments {
		if isVariable(s) {
			list = append(list, parameter{
				Name: strings.Trim(s, "{+}"), In: "path", Required: true, Schema: object{"type": "string"},
			})
		}
	}
	if greedy {
		list[len(list)-1].Description = "The rest of the path, slashes included."
	}
	return list
}
