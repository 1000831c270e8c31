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

# The same resources, and the same references between them, so that Terraform orders
# them as it orders those of the module.

resource "aws_apigatewayv2_api" "this" {
  count = 1

  name          = var.name
  description   = var.description
  protocol_type = var.protocol_type
}

resource "aws_apigatewayv2_authorizer" "this" {
  for_each = var.authorizers

  api_id           = aws_apigatewayv2_api.this[0].id
  authorizer_type  = each.value.authorizer_type
  identity_sources = each.value.identity_sources
  name             = each.key

  dynamic "jwt_configuration" {
    for_each = each.value.jwt_configuration != null ? [each.value.jwt_configuration] : []

    content {
      audience = jwt_configuration.value.audience
      issuer   = jwt_configuration.value.issuer
    }
  }
}

resource "aws_apigatewayv2_route" "this" {
  for_each = var.routes

  api_id               = aws_apigatewayv2_api.this[0].id
  authorization_scopes = each.value.authorization_scopes
  authorization_type   = each.value.authorization_type
  authorizer_id        = try(aws_apigatewayv2_authorizer.this[each.value.authorizer_key].id, each.value.authorizer_id)
  operation_name       = each.value.operation_name
  route_key            = each.key
  target               = "integrations/${aws_apigatewayv2_integration.this[each.key].id}"
}

resource "aws_apigatewayv2_integration" "this" {
  for_each = { for key, route in var.routes : key => route.integration }

  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_method     = each.value.method
  integration_type       = each.value.type
  integration_uri        = each.value.uri
  payload_format_version = each.value.payload_format_version
  timeout_milliseconds   = each.value.timeout_milliseconds

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_apigatewayv2_stage" "this" {
  count = 1

  api_id      = aws_apigatewayv2_api.this[0].id
  name        = var.stage_name
  auto_deploy = true
}

output "api_id" {
  value = aws_apigatewayv2_api.this[0].id
}

output "api_execution_arn" {
  value = aws_apigatewayv2_api.this[0].execution_arn
}

output "stage_invoke_url" {
  value = aws_apigatewayv2_stage.this[0].invoke_url
}
