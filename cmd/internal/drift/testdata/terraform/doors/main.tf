# Doors to the function that are not routes of its API.

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

resource "aws_apigatewayv2_route" "me" {
  api_id             = aws_apigatewayv2_api.this.id
  route_key          = "GET /me"
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.jwt.id
}

# A Function URL that asks nobody, and one that asks for a signature.
resource "aws_lambda_function_url" "open" {
  function_name      = aws_lambda_function.this.function_name
  authorization_type = "NONE"
}

resource "aws_lambda_function_url" "iam" {
  function_name      = aws_lambda_function.this.arn
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "AWS_IAM"
}

# An alias that the Function URL reaches, and one that nothing reaches.
resource "aws_lambda_alias" "live" {
  function_name    = aws_lambda_function.this.function_name
  name             = "live"
  function_version = "1"
}

resource "aws_lambda_alias" "unused" {
  function_name    = aws_lambda_function.this.arn
  name             = "unused"
  function_version = "1"
}

resource "aws_lambda_permission" "everybody" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.arn
  principal     = "*"
}

resource "aws_lambda_permission" "account" {
  action        = "lambda:*"
  function_name = aws_lambda_alias.live.function_name
  principal     = "999999999999"
}

resource "aws_lambda_permission" "any_api" {
  action        = "lambda:InvokeFunction"
  function_name = "users"
  principal     = "apigateway.amazonaws.com"

  depends_on = [aws_lambda_function.this]
}

resource "aws_lambda_permission" "any_api_of_the_account" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "arn:aws:execute-api:eu-west-1:123456789012:*/*/GET/*"
}

resource "aws_lambda_permission" "foreign_api" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "arn:aws:execute-api:eu-west-1:123456789012:f0r3ign/*/*"
}

resource "aws_lambda_permission" "topic" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "sns.amazonaws.com"
  source_arn    = "arn:aws:sns:eu-west-1:123456789012:orders"
}

resource "aws_lambda_permission" "devices" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "iot.amazonaws.com"
  source_arn    = "arn:aws:iot:eu-west-1:123456789012:rule/all"
}

resource "aws_lambda_permission" "balancer" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "elasticloadbalancing.amazonaws.com"
  source_arn    = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/users/1"
}

resource "aws_lambda_permission" "stranger" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "new-service.amazonaws.com"
  source_arn    = "arn:aws:new-service:eu-west-1:123456789012:x"
}

resource "aws_lambda_permission" "url" {
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.this.function_name
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "reader" {
  action        = "lambda:GetFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "999999999999"
}

# Another function, to which nothing of this matters.
resource "aws_lambda_function" "other" {
  function_name = "other"
  role          = "arn:aws:iam::123456789012:role/other"
}

resource "aws_lambda_permission" "other" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.other.function_name
  principal     = "*"
}

resource "aws_lambda_event_source_mapping" "queue" {
  function_name    = aws_lambda_function.this.arn
  event_source_arn = "arn:aws:sqs:eu-west-1:123456789012:orders"
}

# Another HTTP API, with a route of each authorization type.
resource "aws_apigatewayv2_api" "second" {
  name          = "second"
  protocol_type = "HTTP"
  description   = "not the API of the manifest"
}

resource "aws_apigatewayv2_authorizer" "second" {
  api_id          = aws_apigatewayv2_api.second.id
  name            = "second"
  authorizer_type = "JWT"
}

resource "aws_apigatewayv2_integration" "second" {
  api_id           = aws_apigatewayv2_api.second.id
  integration_type = "AWS_PROXY"
  integration_uri  = aws_lambda_function.this.invoke_arn
}

resource "aws_apigatewayv2_route" "second" {
  for_each = { NONE = "GET /none", AWS_IAM = "GET /iam", JWT = "GET /jwt" }

  api_id             = aws_apigatewayv2_api.second.id
  route_key          = each.value
  target             = "integrations/${aws_apigatewayv2_integration.second.id}"
  authorization_type = each.key
  authorizer_id      = each.key == "JWT" ? aws_apigatewayv2_authorizer.second.id : null
}

resource "aws_apigatewayv2_api" "quick" {
  name          = "quick"
  protocol_type = "HTTP"
  target        = aws_lambda_function.this.arn
}

# A WebSocket API: its events are refused, except those that it does not wrap.
resource "aws_apigatewayv2_api" "chat" {
  name          = "chat"
  protocol_type = "WEBSOCKET"
}

resource "aws_apigatewayv2_integration" "chat" {
  for_each = toset(["AWS", "AWS_PROXY"])

  api_id           = aws_apigatewayv2_api.chat.id
  integration_type = each.key
  integration_uri  = aws_lambda_function.this.invoke_arn
}

resource "aws_apigatewayv2_route" "chat" {
  for_each = toset(["AWS", "AWS_PROXY"])

  api_id    = aws_apigatewayv2_api.chat.id
  route_key = each.key
  target    = "integrations/${aws_apigatewayv2_integration.chat[each.key].id}"
}

# A custom domain, beside the API's own endpoint.
resource "aws_apigatewayv2_domain_name" "this" {
  domain_name = "api.example.com"

  domain_name_configuration {
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  domain_name = aws_apigatewayv2_domain_name.this.id
  stage       = aws_apigatewayv2_stage.this.id
}
