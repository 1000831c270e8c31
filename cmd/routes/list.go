package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"text/tabwriter"

	"github.com/routegate/routegate/framework/route"
)

const listUsage = `usage: go run ./cmd/routes list [-manifest file] [-json]

List prints the routes in the order of their paths, and who may call each.

exit codes: 0 fine; 1 the manifest is wrong; 2 wrong usage; 3 could not be done
`

// list prints the table, as a person reads it or as a program does.
func (c *call) list() int {
	asJSON := false
	_, code, ok := c.parse(listUsage, nil, 0, func(flags *flag.FlagSet) { flags.BoolVar(&asJSON, "json", false, "") })
	if !ok {
		return code
	}
	table, code, ok := c.table()
	if !ok {
		return code
	}
	if asJSON {
		return c.done(exitFine, c.listJSON(table))
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "METHOD\tPATH\tHANDLER\tWHO MAY CALL")
	for r := range table.All() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Method, r.Pattern, r.Handler, r.Access)
	}
	return c.done(exitFine, w.Flush())
}

// A listedRoute is a route as list -json prints it. Its keys stay as they are:
// programs read them.
type listedRoute struct {
	Name        string   `json:"name"`
	Method      string   `json:"method"`
	Path        string   `json:"path"`
	Handler     string   `json:"handler"`
	Summary     string   `json:"summary"`
	Description string   `json:"description,omitempty"`
	Tags        []string `json:"tags"`
	Deprecated  bool     `json:"deprecated"`
	Auth        string   `json:"auth"` // public, jwt or iam
	Groups      []string `json:"groups"`
	Scopes      []string `json:"scopes"`
	Line        int      `json:"line"`
}

func (c *call) listJSON(table *route.Table) error {
	list := []listedRoute{}
	for r := range table.All() {
		list = append(list, listedRoute{
			Name: r.Name, Method: r.Method, Path: r.Pattern.String(), Handler: r.Handler,
			Summary: r.Summary, Description: r.Description, Tags: notNil(r.Tags), Deprecated: r.Deprecated,
			Auth: r.Access.Auth.String(), Groups: notNil(r.Access.Groups), Scopes: notNil(r.Access.Scopes),
			Line: r.Line,
		})
	}
	enc := json.NewEncoder(c.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(list)
}

// notNil makes an empty list of none, so that programs always find a list.
func notNil(list []string) []string { return append([]string{}, list...) }
