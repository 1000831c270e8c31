variable "name" {
  description = "Name of the function and of the API, and the start of the names of what belongs to them."
  type        = string
  default     = "routegate"

  validation {
    # A role's name has at most 64 characters, of which Terraform takes 26 for a
    # suffix that makes it unique in the account.
    condition     = can(regex("^[A-Za-z0-9_-]{1,37}$", var.name))
    error_message = "The name must have 1 to 37 letters, digits, _ and -."
  }
}

variable "region" {
  description = "Region of everything here; null takes the one of the environment, such as AWS_REGION."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags on everything here."
  type        = map(string)
  default     = {}
}

variable "package" {
  description = "The zip that \"go run ./cmd/package\" writes; null is dist/function.zip at the top of the repository."
  type        = string
  default     = null
}

variable "package_hash" {
  description = "Hash of the package that the function has already, to apply everything else and leave its code; null is the hash of the package. The state has it: source_code_hash of aws_lambda_function.this."
  type        = string
  default     = null

  validation {
    condition     = var.package_hash == null ? true : can(regex("^[A-Za-z0-9+/]{43}=$", var.package_hash))
    error_message = "The hash must be the base64 of a SHA-256."
  }
}

variable "architecture" {
  description = "Architecture of the function, the one that it was packaged for: -arch arm64 is arm64, -arch amd64 is x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture must be arm64 or x86_64."
  }
}

variable "memory_size" {
  description = "Memory of the function in MB. Lambda gives it processor time in proportion."
  type        = number
  default     = 256

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "The memory size must be a whole number from 128 to 10240."
  }
}

variable "timeout" {
  description = "Seconds that the function has for a request."
  type        = number
  default     = 29

  validation {
    # The gateway gives up after 30 seconds with a 503 of its own, while the function
    # would go on running unheard.
    condition     = var.timeout >= 1 && var.timeout <= 29 && floor(var.timeout) == var.timeout
    error_message = "The timeout must be a whole number from 1 to 29: API Gateway waits for 30 seconds."
  }
}

variable "environment" {
  description = "Environment variables for the handlers, beside those that are set here."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name))])
    error_message = "The name of an environment variable must have letters, digits and _, and start with a letter."
  }

  validation {
    # Lambda refuses AWS_LAMBDA_* and the like, and the rest is said by variables of
    # their own: a second place would be one too many.
    condition     = alltrue([for name in keys(var.environment) : !can(regex("^(AWS|JWT|ROUTEGATE)_", name))])
    error_message = "AWS_*, JWT_* and ROUTEGATE_* are set by Lambda and by this module."
  }
}

variable "log_retention_days" {
  description = "Days that the function's log and the access log are kept; 0 is for ever."
  type        = number
  default     = 30

  validation {
    # CloudWatch Logs API reference, PutRetentionPolicy.
    condition = contains([
      0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
      1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.log_retention_days)
    error_message = "CloudWatch Logs keeps logs for 0 (for ever), 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days."
  }
}

variable "stage" {
  description = "Stage of the API: it stands in front of every path, but for $default."
  type        = string
  default     = "$default"

  validation {
    condition     = can(regex("^(\\$default|[A-Za-z0-9_-]{1,128})$", var.stage))
    error_message = "The stage must be $default or have 1 to 128 letters, digits, _ and -."
  }
}

variable "jwt_issuer" {
  description = "Issuer of the tokens, exactly as the claim iss has it: Auth0's ends in a slash, Cognito's does not."
  type        = string
  default     = null

  validation {
    # API Gateway reads <issuer>/.well-known/openid-configuration.
    condition     = var.jwt_issuer == null ? true : can(regex("^https://[^\\s]+$", var.jwt_issuer))
    error_message = "The issuer must be a URL that starts with https://."
  }
}

variable "jwt_audiences" {
  description = "Audiences, one of which a token must be for: its aud, or its client_id where it has no aud, as Cognito's access tokens."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.jwt_audiences) <= 50 && alltrue([for audience in var.jwt_audiences : trimspace(audience) != ""])
    error_message = "There can be at most 50 audiences, and none may be empty."
  }
}

variable "jwt_groups_claim" {
  description = "Claim with the caller's groups: one name, taken literally (cognito:groups), or a JSON list of keys for a nested one ([\"realm_access\", \"roles\"])."
  type        = string
  default     = "groups"

  validation {
    condition = (startswith(var.jwt_groups_claim, "[")
      ? try(length(jsondecode(var.jwt_groups_claim)) > 0 && alltrue([for key in jsondecode(var.jwt_groups_claim) : key != "" && startswith(jsonencode(key), "\"")]), false)
    : var.jwt_groups_claim != "")
    error_message = "The groups claim must be a name, or a JSON list of keys that are not empty."
  }
}

variable "metrics_namespace" {
  description = "CloudWatch namespace of the requests' metrics, one a deployment; null is no metrics."
  type        = string
  default     = null

  validation {
    condition     = var.metrics_namespace == null ? true : can(regex("^[A-Za-z0-9._/#-][A-Za-z0-9._/#: -]{0,254}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "The namespace must have 1 to 255 letters, digits, spaces and characters of ._/#:-, and not begin with a colon, a space or AWS/."
  }
}

variable "throttling_rate" {
  description = "Requests a second that the API takes, all callers together."
  type        = number
  default     = 100

  validation {
    condition     = var.throttling_rate > 0
    error_message = "The rate must be more than 0, at which API Gateway refuses every request."
  }
}

variable "throttling_burst" {
  description = "Requests at once that the API takes above the rate."
  type        = number
  default     = 200

  validation {
    condition     = var.throttling_burst > 0 && floor(var.throttling_burst) == var.throttling_burst
    error_message = "The burst must be a whole number above 0, at which API Gateway refuses every request."
  }
}

variable "cors" {
  description = "What browsers may do from other origins; null is nothing. API Gateway answers preflights itself, and puts its own headers in the place of the function's."
  type = object({
    allow_origins     = list(string)
    allow_methods     = optional(list(string), ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    allow_headers     = optional(list(string), ["authorization", "content-type"])
    expose_headers    = optional(list(string), [])
    allow_credentials = optional(bool, false)
    max_age           = optional(number, 3600)
  })
  default = null

  validation {
    condition = var.cors == null ? true : length(var.cors.allow_origins) > 0 && alltrue([
      for origin in var.cors.allow_origins : can(regex("^(\\*|https?://(\\*|[^/*\\s]+))$", origin))
    ])
    error_message = "An origin must be *, http://*, https://*, or scheme and host without a slash at the end: API Gateway knows no wildcards for subdomains."
  }

  validation {
    # API Gateway refuses this when the API is made; a browser would refuse it too.
    condition     = var.cors == null ? true : !(var.cors.allow_credentials && contains(var.cors.allow_origins, "*"))
    error_message = "Credentials cannot be allowed to the origin *."
  }

  validation {
    condition     = var.cors == null ? true : var.cors.max_age >= -1 && var.cors.max_age <= 86400
    error_message = "The maximum age must be from -1, which is no caching, to 86400 seconds."
  }
}
