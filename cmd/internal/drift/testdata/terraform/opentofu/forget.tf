# OpenTofu forgets the routes of main.tf, and AWS keeps them.

locals {
  routes = {
    me     = { key = "GET /me", type = "JWT", scopes = [] }
    health = { key = "GET /health", type = "NONE", scopes = [] }
    user   = { key = "GET /users/{id}", type = "JWT", scopes = ["users/read", "users/all"] }
    jobs   = { key = "POST /jobs", type = "AWS_IAM", scopes = [] }
  }
}

resource "aws_lambda_function" "this" {
  function_name = "users"
  role          = "arn:aws:iam::123456789012:role/users"
}

resource "aws_apigatewayv2_api" "this" {
  name          = "users"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = anytrue([for r in local.routes : r.type == "JWT"]) ? 1 : 0

  api_id           = aws_apigatewayv2_api.this.id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = "https://issuer.example/"
    audience = ["users-app"]
  }
}

resource "aws_apigatewayv2_integration" "this" {
  api_id                 = aws_apigatewayv2_api.this.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.this.invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "me" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /me/again"
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "JWT"
  authorizer_id      = one(aws_apigatewayv2_authorizer.jwt[*].id)
}

removed {
  from = aws_apigatewayv2_route.this

  lifecycle {
    destroy = false
  }
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true
}

resource "aws_lambda_permission" "api" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}
