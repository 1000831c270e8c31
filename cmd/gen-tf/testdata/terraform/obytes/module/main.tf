# Takes routes_definitions as the module obytes/terraform-aws-lambda-api does: a
# variable of any type, a for_each, and a default for each key that is missing.
# terraform_data is built in, so nothing has to be downloaded.

variable "routes_definitions" {}

resource "terraform_data" "routes" {
  for_each = var.routes_definitions

  input = {
    operation_name       = each.value.operation_name
    route_key            = each.value.route_key
    api_key_required     = lookup(each.value, "api_key_required", true)
    authorization_type   = lookup(each.value, "authorization_type", "NONE")
    authorization_scopes = lookup(each.value, "authorization_scopes", null)
  }
}

output "routes" {
  value = { for name, route in terraform_data.routes : name => route.output }
}
