variable "routes_by_key" {}

module "api" {
  source = "../module"

  authorizers = {
    jwt = {
      authorizer_type   = "JWT"
      jwt_configuration = { issuer = "https://issuer.example.com", audience = ["api"] }
    }
  }
  routes = { for key, route in var.routes_by_key : key => merge(route, {
    integration = { uri = "the function", payload_format_version = "2.0" }
  }) }
}

output "routes" {
  value = module.api.routes
}
