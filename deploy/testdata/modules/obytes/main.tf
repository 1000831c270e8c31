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

# The same resources, and the same references between them, so that Terraform orders
# them as it orders those of the module.

resource "aws_apigatewayv2_api" "_" {
  name          = "${var.prefix}-gw-http-api"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_authorizer" "_" {
  name             = "${var.prefix}-jwt-authz"
  api_id           = aws_apigatewayv2_api._.id
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt_authorizer.issuer
    audience = var.jwt_authorizer.audience
  }
}

locals {
  authorizers_ids = {
    JWT  = aws_apigatewayv2_authorizer._.id
    IAM  = null
    NONE = null
  }
}

resource "aws_apigatewayv2_integration" "_" {
  api_id                 = aws_apigatewayv2_api._.id
  payload_format_version = "2.0"
  integration_type       = "AWS_PROXY"
  integration_uri        = var.api_lambda.invoke_arn
  integration_method     = "POST"
  timeout_milliseconds   = 29000
}

resource "aws_apigatewayv2_route" "routes" {
  for_each = var.routes_definitions

  api_id               = aws_apigatewayv2_api._.id
  target               = "integrations/${aws_apigatewayv2_integration._.id}"
  route_key            = each.value.route_key
  operation_name       = each.value.operation_name
  authorizer_id        = lookup(local.authorizers_ids, lookup(each.value, "authorization_type", "NONE"), null)
  api_key_required     = lookup(each.value, "api_key_required", false)
  authorization_type   = lookup(each.value, "authorization_type", "NONE")
  authorization_scopes = lookup(each.value, "authorization_scopes", null)
}

resource "aws_apigatewayv2_stage" "_" {
  name        = var.stage_name
  api_id      = aws_apigatewayv2_api._.id
  auto_deploy = true
}

output "http_api_id" {
  value = aws_apigatewayv2_api._.id
}
