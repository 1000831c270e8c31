// Package deploy embeds what deploys a service, for "routes init" to write into a
// new one: what is written is what is tested here.
package deploy

import "embed"

// Files are Terraform's root module in terraform/, other gateways for it in
// examples/, and the workflow in github/.
//
//go:embed terraform/*.tf examples github
var Files embed.FS
