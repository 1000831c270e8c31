# Takes what terraform-aws-modules/apigateway-v2/aws takes in 6.1.0, as far as the
# example says it, with the types that it says.

variable "name" {
  type = string
}

variable "description" {
  type = string
}

variable "protocol_type" {
  type = string
}

variable "create_domain_name" {
  type = bool
}

variable "cors_configuration" {
  type = object({
    allow_credentials = optional(bool)
    allow_headers     = optional(list(string))
    allow_methods     = optional(list(string))
    allow_origins     = optional(list(string))
    expose_headers    = optional(list(string), [])
    max_age           = optional(number)
  })
}

variable "authorizers" {
  type = map(object({
    authorizer_type  = optional(string, "REQUEST")
    identity_sources = optional(list(string))
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
      method                 = optional(string)
      payload_format_version = optional(string)
      timeout_milliseconds   = optional(number)
    })
  }))
}

variable "stage_name" {
  type = string
}

variable "stage_default_route_settings" {
  type = object({
    throttling_burst_limit = optional(number, 500)
    throttling_rate_limit  = optional(number, 1000)
  })
}

variable "stage_access_log_settings" {
  type = object({
    create_log_group = optional(bool, true)
    destination_arn  = optional(string)
    format           = optional(string)
  })
}

resource "terraform_data" "authorizers" {
  for_each = var.authorizers

  input = "the authorizer of ${each.value.jwt_configuration.issuer}"
}

resource "terraform_data" "routes" {
  for_each = var.routes

  input = {
    route_key            = each.key
    operation_name       = each.value.operation_name
    authorization_type   = each.value.authorization_type
    authorization_scopes = each.value.authorization_scopes
    authorizer_id        = try(terraform_data.authorizers[each.value.authorizer_key].output, each.value.authorizer_id)
    target               = each.value.integration.uri
    format               = each.value.integration.payload_format_version
  }
}

output "api_id" {
  value = "an API"
}

output "api_execution_arn" {
  value = "arn:of:an:api"
}

output "stage_invoke_url" {
  value = "https://api.example.com/"
}
