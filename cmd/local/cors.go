package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/routegate/routegate/framework/gateway"
	"github.com/routegate/routegate/framework/manifest"
)

// parseCORS parses the value of -cors, a JSON object with the fields of var.cors in
// deploy/terraform. A field that is missing or null has Terraform's default. It
// returns an error if Terraform or API Gateway would refuse the configuration.
func parseCORS(text string) (*gateway.CORS, error) {
	c := &gateway.CORS{
		AllowMethods: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowHeaders: []string{"authorization", "content-type"},
		MaxAge:       3600,
	}
	type field struct {
		into any
		want string
	}
	known := map[string]field{
		"allow_origins":     {&c.AllowOrigins, "a list of strings"},
		"allow_methods":     {&c.AllowMethods, "a list of strings"},
		"allow_headers":     {&c.AllowHeaders, "a list of strings"},
		"expose_headers":    {&c.ExposeHeaders, "a list of strings"},
		"allow_credentials": {&c.AllowCredentials, "true or false"},
		"max_age":           {&c.MaxAge, "a whole number"},
	}
	// A map, because the fields of a struct would match in any case.
	var given map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &given); err != nil || given == nil {
		return nil, errors.New(`want a JSON object such as {"allow_origins": ["http://localhost:3000"]}`)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		f, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("unknown field %q%s", name, manifest.Suggest(name, slices.Collect(maps.Keys(known))))
		}
		if string(given[name]) == "null" {
			continue // the default
		}
		if json.Unmarshal(given[name], f.into) != nil {
			return nil, fmt.Errorf("%s is not %s", name, f.want)
		}
	}
	if len(c.AllowOrigins) == 0 {
		return nil, errors.New("allow_origins is missing or empty")
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// describeCORS returns the line that tells people whether pages of other origins
// may use the API.
func describeCORS(c *gateway.CORS) string {
	if c == nil {
		return "CORS: off, as in deploy/terraform unless var.cors is set; -cors turns it on"
	}
	line := "CORS: on for " + strings.Join(c.AllowOrigins, ", ")
	if c.AllowCredentials {
		line += ", with credentials"
	}
	return line
}
