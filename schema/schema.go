// Package schema holds the JSON Schema of routes.yaml.
//
// The schema is the published contract of the manifest's structure: editors
// complete and explain the file with it, and package manifest applies it. What
// a structure cannot say (clashing routes, unknown groups, failing tests) is
// checked by package route.
package schema

import _ "embed"

// Routes is routes.schema.json, a JSON Schema of draft 2020-12
// (https://json-schema.org/draft/2020-12). It must not be changed.
//
//go:embed routes.schema.json
var Routes []byte
