terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }

  # Where the state is kept is said at init, with -backend-config. Without the block
  # a pipeline would keep the state on a machine that is thrown away, and make a
  # second API at its next run.
  backend "s3" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = var.tags
  }
}
