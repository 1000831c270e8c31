# A public route that takes everything stands beside the module that has the API.

module "api" {
  source = "./api"
}

resource "aws_apigatewayv2_route" "everything" {
  api_id    = module.api.id
  route_key = "ANY /{proxy+}"
  target    = "integrations/${module.api.integration_id}"
}
