# Ids that come through variables, outputs, local values, count, for_each and another
# resource.

resource "aws_lambda_function" "this" {
  count = 1

  function_name = "users"
  role          = "arn:aws:iam::123456789012:role/users"
}

resource "aws_lambda_alias" "live" {
  function_name    = aws_lambda_function.this[0].function_name
  name             = "live"
  function_version = aws_lambda_function.this[0].version
}

locals {
  uri = aws_lambda_alias.live.invoke_arn
}

resource "terraform_data" "uri" {
  input = aws_lambda_alias.live.invoke_arn
}

module "api" {
  source   = "./api"
  for_each = toset(["one.a"])

  lambda = {
    alias = aws_lambda_alias.live.invoke_arn
    local = local.uri
    data  = terraform_data.uri.output
  }
}

resource "aws_lambda_permission" "each" {
  for_each = module.api

  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_alias.live.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${each.value.api.execution_arn}/*"
}

resource "aws_lambda_permission" "stage" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this[0].arn
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${module.api["one.a"].stage.execution_arn}/*"
}
