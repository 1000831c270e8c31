// Package routegate embeds the service's manifest, routes.yaml, which lies
// beside it: a file at the top can be embedded from the top only.
package routegate

import _ "embed"

// Manifest is routes.yaml. It must not be changed.
//
//go:embed routes.yaml
var Manifest []byte
