# This file is all that makes the gateway: deploy/examples has two modules to put in
# its place.

resource "aws_apigatewayv2_api" "this" {
  name          = var.name
  description   = "Routes of ${var.name}, made of its routes.yaml"
  protocol_type = "HTTP"

  dynamic "cors_configuration" {
    for_each = var.cors[*]

    content {
      allow_origins     = cors_configuration.value.allow_origins
      allow_methods     = cors_configuration.value.allow_methods
      allow_headers     = cors_configuration.value.allow_headers
      expose_headers    = cors_configuration.value.expose_headers
      allow_credentials = cors_configuration.value.allow_credentials
      max_age           = cors_configuration.value.max_age
    }
  }
}

locals {
  # All that an entry of routes_definitions has. The gateway of obytes takes NONE in
  # the place of an authorization_type that it does not find, so that a misspelt one
  # is a public route. Here a missing one is an error wherever it is read, and one
  # too many is an error of the route.
  route_attributes    = ["api_key_required", "authorization_scopes", "authorization_type", "operation_name", "route_key"]
  authorization_types = ["NONE", "JWT", "AWS_IAM"]

  asks_for_jwt = anytrue([for route in local.routes_definitions : route.authorization_type == "JWT"])
}

# API Gateway takes requests whose line and headers have 10,240 bytes in all. A token
# with many groups comes near that alone, and its caller is refused before anything
# here sees the request.
#
# Tokens that the identity provider has revoked pass until they expire, and on routes
# without scopes ID tokens pass as well as access tokens.
resource "aws_apigatewayv2_authorizer" "jwt" {
  count = local.asks_for_jwt ? 1 : 0

  api_id           = aws_apigatewayv2_api.this.id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt_issuer
    audience = var.jwt_audiences
  }

  lifecycle {
    # When no route asks for a token any more, Terraform changes the routes first. API
    # Gateway does not delete an authorizer that a route uses, and without this line
    # Terraform would try that first, for half an hour.
    create_before_destroy = true

    precondition {
      condition     = var.jwt_issuer != null && length(var.jwt_audiences) > 0
      error_message = "A route asks for a token: say in jwt_issuer and jwt_audiences whose."
    }
  }
}

resource "aws_apigatewayv2_integration" "this" {
  api_id             = aws_apigatewayv2_api.this.id
  description        = "The function"
  integration_type   = "AWS_PROXY"
  integration_method = "POST" # of the call to Lambda, whatever the request's
  integration_uri    = aws_lambda_function.this.invoke_arn

  # The default is 1.0.
  payload_format_version = "2.0"

  # As long as there is, and longer than the function has: whatever takes too long is
  # answered and logged by the function.
  timeout_milliseconds = 30000
}

# One apply changes the function and the routes in no order that you can rely on. If
# "routes diff -plan-order" asks for an order, apply twice:
#
#   function first   the first time with the routes_definitions.tf that is deployed
#   gateway first    the first time with the package_hash that the state has
#
# With -target=aws_apigatewayv2_route.this Terraform changes the function first, because
# the routes refer to it by way of the integration. OpenTofu's
# -exclude=aws_lambda_function.this excludes the routes for the same reason.
resource "aws_apigatewayv2_route" "this" {
  for_each = local.routes_definitions

  api_id         = aws_apigatewayv2_api.this.id
  route_key      = each.value.route_key
  operation_name = each.value.operation_name
  target         = "integrations/${aws_apigatewayv2_integration.this.id}"

  # The default is NONE: everyone. Only JWT takes an authorizer and scopes.
  authorization_type   = each.value.authorization_type
  authorizer_id        = each.value.authorization_type == "JWT" ? one(aws_apigatewayv2_authorizer.jwt[*].id) : null
  authorization_scopes = each.value.authorization_type == "JWT" ? each.value.authorization_scopes : null

  # api_key_required is for WebSocket APIs: HTTP APIs have no API keys.

  lifecycle {
    precondition {
      condition     = try(contains(local.authorization_types, each.value.authorization_type), false)
      error_message = "Route ${each.key}: authorization_type must be one of ${join(", ", local.authorization_types)}."
    }

    precondition {
      condition     = length(setsubtract(keys(each.value), local.route_attributes)) == 0
      error_message = "Route ${each.key} has what nothing here reads: ${join(", ", setsubtract(keys(each.value), local.route_attributes))}."
    }

    precondition {
      condition     = each.value.authorization_type == "JWT" || length(each.value.authorization_scopes) == 0
      error_message = "Route ${each.key} has scopes, which API Gateway checks with JWT only."
    }
  }
}

resource "aws_apigatewayv2_stage" "this" {
  api_id = aws_apigatewayv2_api.this.id
  name   = var.stage

  # The default is false: routes would be there, and nobody would see them.
  auto_deploy = true

  # With the block but without limits both are 0, and every request gets a 429
  # (terraform-aws-modules/terraform-aws-apigateway-v2#59).
  default_route_settings {
    throttling_rate_limit    = var.throttling_rate
    throttling_burst_limit   = var.throttling_burst
    detailed_metrics_enabled = true
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access.arn
    format          = jsonencode(local.access_log)
  }
}

# Who may invoke the function can write any event, and so be any caller. So it is
# this API only, in any of its stages and routes. Without the permission API Gateway
# answers 500.
resource "aws_lambda_permission" "api" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}

output "api_id" {
  description = "Id of the API, as \"routes drift\" asks for it."
  value       = aws_apigatewayv2_api.this.id
}

output "url" {
  description = "Where the API is: the base of every path of routes.yaml."
  value       = trimsuffix(aws_apigatewayv2_stage.this.invoke_url, "/")
}
