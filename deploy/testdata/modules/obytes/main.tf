# Takes what modules/gw of obytes/terraform-aws-lambda-apigw takes at the commit of
# the example, with the types that it says.

variable "prefix" {}

variable "common_tags" {
  type = map(string)
}

variable "stage_name" {
  type = string
}

variable "access_logs_retention_in_days" {
  type = number
}

variable "jwt_authorizer" {
  type = object({
    issuer   = string
    audience = list(string)
  })
}

variable "api_lambda" {
  type = object({
    name       = string
    alias      = string
    invoke_arn = string
  })
}

variable "routes_definitions" {}

resource "terraform_data" "routes" {
  for_each = var.routes_definitions

  input = {
    route_key            = each.value.route_key
    operation_name       = each.value.operation_name
    authorization_type   = lookup(each.value, "authorization_type", "NONE")
    authorization_scopes = lookup(each.value, "authorization_scopes", null)
    authorizer_id        = lookup({ JWT = "the authorizer of ${var.jwt_authorizer.issuer}", IAM = null, NONE = null }, lookup(each.value, "authorization_type", "NONE"), null)
    target               = var.api_lambda.invoke_arn
  }
}

output "http_api_id" {
  value = "an API"
}
