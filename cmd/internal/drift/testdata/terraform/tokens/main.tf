# One authorizer reads tokens from the query, the plan does not know where the second
# one reads them from, and the third one has a foreign issuer.

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

resource "aws_apigatewayv2_authorizer" "query" {
  api_id           = aws_apigatewayv2_api.this.id
  name             = "query"
  authorizer_type  = "JWT"
  identity_sources = ["$request.querystring.token"]

  jwt_configuration {
    issuer   = "https://issuer.example/"
    audience = ["users-app"]
  }
}

resource "terraform_data" "source" {
  input = "$request.querystring.token"
}

resource "terraform_data" "issuer" {
  input = "https://issuer.example/"
}

resource "aws_apigatewayv2_authorizer" "later" {
  api_id           = aws_apigatewayv2_api.this.id
  name             = "later"
  authorizer_type  = "JWT"
  identity_sources = [terraform_data.source.output]

  jwt_configuration {
    issuer   = terraform_data.issuer.output
    audience = ["users-app"]
  }
}

resource "aws_apigatewayv2_authorizer" "foreign" {
  api_id           = aws_apigatewayv2_api.this.id
  name             = "foreign"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = "https://evil.example/"
    audience = ["users-app"]
  }
}

resource "aws_apigatewayv2_route" "me" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /me"
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.jwt.id
}

resource "aws_apigatewayv2_route" "query" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /query"
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.query.id
}

resource "aws_apigatewayv2_route" "later" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /later"
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.later.id
}

resource "aws_apigatewayv2_route" "foreign" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /foreign"
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.foreign.id
}
