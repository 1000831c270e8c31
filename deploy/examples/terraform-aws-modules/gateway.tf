# The registry's most used module for HTTP APIs, with this function behind it. In the
# place of deploy/terraform/gateway.tf and routes_definitions.tf, it takes what this
# writes:
#
#   go run ./cmd/gen-tf -module terraform-aws-modules

module "gateway" {
  source  = "terraform-aws-modules/apigateway-v2/aws"
  version = "6.1.0"

  name               = var.name
  description        = "Routes of ${var.name}, made of its routes.yaml"
  protocol_type      = "HTTP"
  create_domain_name = false # the default is true
  cors_configuration = var.cors

  authorizers = {
    # gen-tf calls it jwt. Were there none of that name, its routes would have no
    # authorizer, and API Gateway would refuse them.
    jwt = {
      authorizer_type  = "JWT" # the default is REQUEST
      identity_sources = ["$request.header.Authorization"]

      jwt_configuration = {
        issuer   = var.jwt_issuer
        audience = var.jwt_audiences
      }
    }
  }

  # The module makes an integration for each route. What its type does not have is
  # dropped without a word, and authorization_type is NONE where it is not given: the
  # map is generated, and never written by hand.
  routes = { for key, route in local.routes_by_key : key => merge(route, {
    integration = {
      method                 = "POST" # of the call to Lambda, whatever the request's
      uri                    = aws_lambda_function.this.invoke_arn
      payload_format_version = "2.0" # the default is 1.0
      timeout_milliseconds   = 30000
    }
  }) }

  stage_name = var.stage

  stage_default_route_settings = {
    throttling_rate_limit  = var.throttling_rate
    throttling_burst_limit = var.throttling_burst
  }

  stage_access_log_settings = {
    create_log_group = false
    destination_arn  = aws_cloudwatch_log_group.access.arn
    format           = jsonencode(local.access_log)
  }
}

# Who may invoke the function can write any event, and so be any caller.
resource "aws_lambda_permission" "api" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${module.gateway.api_execution_arn}/*/*"
}

output "api_id" {
  description = "Id of the API."
  value       = module.gateway.api_id
}

output "url" {
  description = "Where the API is: the base of every path of routes.yaml."
  value       = trimsuffix(module.gateway.stage_invoke_url, "/")
}
