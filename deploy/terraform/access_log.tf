locals {
  # API Gateway developer guide, "Customize HTTP API access logs". No header and no
  # claim is in it, and so no token and nobody's name. The function logs
  # the same request_id for the requests that reach it.
  access_log = {
    time                = "$context.requestTime"
    request_id          = "$context.requestId"
    route_key           = "$context.routeKey"
    method              = "$context.httpMethod"
    path                = "$context.path"
    source_ip           = "$context.identity.sourceIp"
    status              = "$context.status"
    error               = "$context.error.message"
    authorizer_error    = "$context.authorizer.error" # why a 401
    integration_status  = "$context.integration.status"
    integration_error   = "$context.integration.error" # why a 500
    integration_latency = "$context.integrationLatency"
    response_latency    = "$context.responseLatency"
    response_length     = "$context.responseLength"
  }
}

# The resource policy that lets API Gateway write to log groups has a limit, which
# does not count for names that start like this (CloudWatch Logs user guide,
# "Enable logging from AWS services").
resource "aws_cloudwatch_log_group" "access" {
  name              = "/aws/vendedlogs/apis/${var.name}"
  retention_in_days = var.log_retention_days
}
