# Takes routes as the module terraform-aws-modules/apigateway-v2/aws does (v6.1.0,
# variables.tf and main.tf): an object type, which drops without a word what it
# does not have, and the authorizer looked up by its key. terraform_data is built
# in, so nothing has to be downloaded.

variable "authorizers" {
  type = map(object({
    authorizer_type = optional(string, "REQUEST")
    jwt_configuration = optional(object({
      audience = optional(list(string))
      issuer   = optional(string)
    }))
  }))
}

variable "routes" {
  type = map(object({
    authorizer_key       = optional(string)
    authorization_scopes = optional(list(string), [])
    authorization_type   = optional(string)
    authorizer_id        = optional(string)
    operation_name       = optional(string)

    integration = object({
      type                   = optional(string, "AWS_PROXY")
      uri                    = optional(string)
      payload_format_version = optional(string)
    })
  }))
}

resource "terraform_data" "authorizers" {
  for_each = var.authorizers

  input = "id of ${each.key}"
}

resource "terraform_data" "routes" {
  for_each = var.routes

  input = {
    operation_name       = each.value.operation_name
    route_key            = each.key
    authorization_type   = each.value.authorization_type
    authorization_scopes = each.value.authorization_scopes
    authorizer           = try(terraform_data.authorizers[each.value.authorizer_key].input, each.value.authorizer_id)
    integration          = each.value.integration
  }
}

output "routes" {
  value = { for key, route in terraform_data.routes : key => route.output }
}
