# The gateway of obytes, with this function behind it. In the place of
# deploy/terraform/gateway.tf and access_log.tf, it takes the same
# routes_definitions.tf.
#
# Only their gateway: terraform-aws-lambda-api as a whole has a pipeline with it that
# builds Python. What it fixes cannot be set: CORS is open to every origin, and there
# is no throttling but the account's.

module "gateway" {
  # It has no versions.
  source = "git::https://github.com/obytes/terraform-aws-lambda-apigw.git//modules/gw?ref=5c80eaa14809b396b872a9369893fa0e9165fe29"

  prefix      = var.name
  common_tags = var.tags
  stage_name  = var.stage

  api_lambda = {
    name       = aws_lambda_function.this.function_name
    alias      = aws_lambda_alias.live.name
    invoke_arn = aws_lambda_alias.live.invoke_arn
  }

  jwt_authorizer = {
    issuer   = var.jwt_issuer
    audience = var.jwt_audiences
  }

  # A misspelt key would be taken for none, and so authorization_type for NONE: the
  # map is generated, and never written by hand.
  routes_definitions            = local.routes_definitions
  access_logs_retention_in_days = var.log_retention_days
}

# The module gives the permission to an alias only.
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = "$LATEST"
}

output "api_id" {
  description = "Id of the API."
  value       = module.gateway.http_api_id
}
