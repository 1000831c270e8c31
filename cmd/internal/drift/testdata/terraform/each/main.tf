# Each route has an integration of its own, as terraform-aws-modules makes them. One of
# them is not the function. Which one is known by the key alone.

locals {
  uris = {
    "GET /me"            = aws_lambda_function.this.invoke_arn
    "DELETE /users/{id}" = "https://legacy.example/"
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

resource "aws_apigatewayv2_integration" "this" {
  for_each = local.uris

  api_id           = aws_apigatewayv2_api.this.id
  integration_type = startswith(each.key, "GET") ? "AWS_PROXY" : "HTTP_PROXY"
  integration_uri  = each.value
}

resource "aws_apigatewayv2_route" "this" {
  for_each = local.uris

  api_id    = aws_apigatewayv2_api.this.id
  route_key = each.key
  target    = "integrations/${aws_apigatewayv2_integration.this[each.key].id}"
}

# The plan does not show which of the two it is.
resource "aws_apigatewayv2_route" "chosen" {
  api_id    = aws_apigatewayv2_api.this.id
  route_key = "GET /chosen"
  target    = "integrations/${aws_apigatewayv2_integration.this[join(" ", ["GET", "/me"])].id}"
}

resource "aws_apigatewayv2_stage" "this" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true
}
