# Where a plan cannot say which integration, authorizer or API it will be.

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

resource "aws_apigatewayv2_integration" "legacy" {
  api_id             = aws_apigatewayv2_api.this.id
  integration_type   = "HTTP_PROXY"
  integration_method = "ANY"
  integration_uri    = "https://legacy.example/"
}

resource "terraform_data" "later" {
  input = "legacy"
}

# The condition is known only after the apply.
resource "aws_apigatewayv2_route" "condition" {
  api_id    = aws_apigatewayv2_api.this.id
  route_key = "GET /condition"
  target    = "integrations/${terraform_data.later.id == "x" ? aws_apigatewayv2_integration.this.id : aws_apigatewayv2_integration.legacy.id}"
}

# The local value can be either.
locals {
  target = "integrations/${aws_apigatewayv2_integration.legacy.id}"
  picked = { a = aws_apigatewayv2_integration.this.id, b = aws_apigatewayv2_integration.legacy.id }
}

resource "aws_apigatewayv2_route" "local" {
  api_id    = aws_apigatewayv2_api.this.id
  route_key = "GET /local"
  target    = local.target
}

# The reference names one integration, and the local value can be the other one.
resource "aws_apigatewayv2_route" "either" {
  api_id    = aws_apigatewayv2_api.this.id
  route_key = "GET /either"
  target    = "integrations/${try(local.picked["b"], aws_apigatewayv2_integration.this.id)}"
}

# A module without resources passes the id on. It is certain.
module "wiring" {
  source = "./wiring"

  ids = { target = aws_apigatewayv2_integration.legacy.id }
}

resource "aws_apigatewayv2_route" "module" {
  api_id    = aws_apigatewayv2_api.this.id
  route_key = "GET /module"
  target    = "integrations/${module.wiring.target}"
}

# Two ids go into the module.
module "two" {
  source = "./wiring"

  ids = { target = aws_apigatewayv2_integration.legacy.id, other = aws_apigatewayv2_integration.this.id }
}

resource "aws_apigatewayv2_route" "two" {
  api_id    = aws_apigatewayv2_api.this.id
  route_key = "GET /two"
  target    = "integrations/${module.two.target}"
}

# An argument of another route. It is certain.
resource "aws_apigatewayv2_route" "argument" {
  api_id    = aws_apigatewayv2_route.module.api_id
  route_key = "GET /argument"
  target    = aws_apigatewayv2_route.module.target
}

# A permission for an API that a local value hides.
locals {
  source = "${aws_apigatewayv2_api.this.execution_arn}/*"
}

resource "aws_lambda_permission" "hidden" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = local.source
}

# Two authorizers, and the key of the one is an attribute of each value.
resource "aws_apigatewayv2_authorizer" "these" {
  for_each = toset(["good", "evil"])

  api_id           = aws_apigatewayv2_api.this.id
  name             = each.key
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = "https://${each.key}.example/"
    audience = ["users-app"]
  }
}

resource "aws_apigatewayv2_route" "authorizer" {
  for_each = { "GET /good" = { authorizer = "good" }, "GET /evil" = { authorizer = "evil" } }

  api_id             = aws_apigatewayv2_api.this.id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.this.id}"
  authorization_type = "JWT"
  authorizer_id      = aws_apigatewayv2_authorizer.these[each.value.authorizer].id
}
