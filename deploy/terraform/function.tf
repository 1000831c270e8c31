locals {
  package = coalesce(var.package, "${path.module}/../../dist/function.zip")
}

resource "aws_lambda_function" "this" {
  function_name = var.name
  description   = "Serves the routes of ${var.name}"
  role          = aws_iam_role.function.arn

  # Go has no runtime of its own: go1.x is retired. On an OS-only runtime Lambda
  # starts the file named bootstrap, and the handler's name is free.
  runtime       = "provided.al2023"
  handler       = "bootstrap"
  architectures = [var.architecture]

  filename         = local.package
  source_code_hash = var.package_hash != null ? var.package_hash : fileexists(local.package) ? filebase64sha256(local.package) : null

  memory_size = var.memory_size
  timeout     = var.timeout

  environment {
    variables = merge(
      var.environment,
      {
        # An event's rawPath begins with the stage, and its route key does not.
        AWS_API_GW_STAGE_NAME              = var.stage
        JWT_AUTHORIZATION_GROUPS_ATTR_NAME = var.jwt_groups_claim
      },
      var.metrics_namespace == null ? {} : { ROUTEGATE_METRICS_NAMESPACE = var.metrics_namespace },
    )
  }

  # Lambda makes a log group that nobody ever empties where there is none.
  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.logs]

  lifecycle {
    precondition {
      condition     = fileexists(local.package)
      error_message = "There is no ${local.package}; run: go run ./cmd/package"
    }
  }
}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

# What the handlers do in AWS needs policies of its own: add them to this role.
resource "aws_iam_role" "function" {
  name_prefix = "${var.name}-"
  description = "What the function ${var.name} may do"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

# Narrower than AWSLambdaBasicExecutionRole, which writes to every log group.
resource "aws_iam_role_policy" "logs" {
  name = "logs"
  role = aws_iam_role.function.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.function.arn}:*"
    }]
  })
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "role_name" {
  description = "Name of the function's role, to add policies to."
  value       = aws_iam_role.function.name
}
