variable "routes_definitions" {}

module "api" {
  source             = "../module"
  routes_definitions = var.routes_definitions
}

output "routes" {
  value = module.api.routes
}
