# A stage that does not deploy by itself, and integrations that depend on the variables
# of stages.

resource "aws_lambda_function" "this" {
  function_name = "users"
  role          = "arn:aws:iam::123456789012:role/users"
}

resource "aws_apigatewayv2_api" "this" {
  name          = "users"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_authorizer" "jwt" {
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

resource "aws_apigatewayv2_stage" "this" {
  api_id          = aws_apigatewayv2_api.this.id
  name            = "$default"
  stage_variables = { function = "users", alias = "live" }
}

resource "aws_lambda_permission" "api" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this.execution_arn}/*/*"
}

resource "aws_apigatewayv2_stage" "beta" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "beta"
  auto_deploy = true

  stage_variables = { function = "users", other = "other", alias = "beta" }
}

# The same function in both stages.
resource "aws_apigatewayv2_integration" "both" {
  api_id           = aws_apigatewayv2_api.this.id
  integration_type = "AWS_PROXY"
  integration_uri  = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:$${stageVariables.function}/invocations"
}

# The same function, by another alias in each stage.
resource "aws_apigatewayv2_integration" "alias" {
  api_id           = aws_apigatewayv2_api.this.id
  integration_type = "AWS_PROXY"
  integration_uri  = "arn:aws:lambda:eu-west-1:123456789012:function:users:$${stageVariables.alias}"
}

# A variable that one stage does not have.
resource "aws_apigatewayv2_integration" "lost" {
  api_id           = aws_apigatewayv2_api.this.id
  integration_type = "AWS_PROXY"
  integration_uri  = "arn:aws:lambda:eu-west-1:123456789012:function:$${stageVariables.other}"
}

resource "aws_apigatewayv2_route" "me" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /me"
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.jwt.id
}

resource "aws_apigatewayv2_route" "both" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /both"
  target             = "integrations/${aws_apigatewayv2_integration.both.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.jwt.id
}

resource "aws_apigatewayv2_route" "alias" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /alias"
  target             = "integrations/${aws_apigatewayv2_integration.alias.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.jwt.id
}

resource "aws_apigatewayv2_route" "lost" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /lost"
  target             = "integrations/${aws_apigatewayv2_integration.lost.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.jwt.id
}
