module "api" {
  source             = "../module"
  routes_definitions = local.routes_definitions
}

output "routes" {
  value = module.api.routes
}
