variable "lambda" {
  type = map(string)
}

locals {
  api_id = aws_apigatewayv2_api.this.id
}

resource "aws_apigatewayv2_api" "this" {
  name          = "users"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = local.api_id
  name        = "$default"
  auto_deploy = true
}

resource "aws_apigatewayv2_integration" "this" {
  for_each = var.lambda

  api_id           = local.api_id
  description      = each.key
  integration_type = "AWS_PROXY"
  integration_uri  = each.value
}

resource "aws_apigatewayv2_route" "each" {
  for_each = var.lambda

  api_id    = aws_apigatewayv2_stage.this.api_id
  route_key = "GET /each/${each.key}"
  target    = "integrations/${aws_apigatewayv2_integration.this[each.key].id}"
}

resource "aws_apigatewayv2_route" "one" {
  api_id    = aws_apigatewayv2_integration.this["local"].api_id
  route_key = "GET /one"
  target    = "integrations/${aws_apigatewayv2_integration.this["local"].id}"
}

output "api" {
  value = aws_apigatewayv2_api.this
}

output "stage" {
  value = aws_apigatewayv2_stage.this
}
