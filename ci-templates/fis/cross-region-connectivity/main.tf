# No connection to another Region, and no replication to it.
# Blast radius, needs, cost and the end of it: README.md beside this file. template.yml makes the same by CloudFormation.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  tags = {
    Name        = var.name
    environment = var.environment
    faultgate   = "library"
  }
}

resource "aws_fis_experiment_template" "experiment" {
  description = "Region: no connection to another one"
  role_arn    = aws_iam_role.experiment.arn
  tags        = local.tags

  # Most systems have not all of it: an action that finds no target is skipped, and faultgate names it.
  experiment_options {
    account_targeting            = "single-account"
    empty_target_resolution_mode = "skip"
  }

  target {
    name           = "subnets"
    resource_type  = "aws:ec2:subnet"
    selection_mode = var.selection

    resource_tag {
      key   = "chaos"
      value = var.environment
    }
  }

  target {
    name           = "gateways"
    resource_type  = "aws:ec2:transit-gateway"
    selection_mode = "COUNT(1)"

    resource_tag {
      key   = "chaos"
      value = var.environment
    }
  }

  target {
    name           = "tables"
    resource_type  = "aws:dynamodb:global-table"
    selection_mode = "COUNT(1)"

    resource_tag {
      key   = "chaos"
      value = var.environment
    }
  }

  target {
    name           = "buckets"
    resource_type  = "aws:s3:bucket"
    selection_mode = "COUNT(1)"

    resource_tag {
      key   = "chaos"
      value = var.environment
    }
  }

  action {
    name      = "cut-routes"
    action_id = "aws:network:route-table-disrupt-cross-region-connectivity"

    parameter {
      key   = "duration"
      value = "PT${var.minutes}M"
    }

    parameter {
      key   = "region"
      value = var.other_region
    }

    target {
      key   = "Subnets"
      value = "subnets"
    }
  }

  action {
    name      = "cut-gateways"
    action_id = "aws:network:transit-gateway-disrupt-cross-region-connectivity"

    parameter {
      key   = "duration"
      value = "PT${var.minutes}M"
    }

    parameter {
      key   = "region"
      value = var.other_region
    }

    target {
      key   = "TransitGateways"
      value = "gateways"
    }
  }

  action {
    name      = "pause-tables"
    action_id = "aws:dynamodb:global-table-pause-replication"

    parameter {
      key   = "duration"
      value = "PT${var.minutes}M"
    }

    target {
      key   = "Tables"
      value = "tables"
    }
  }

  action {
    name      = "pause-buckets"
    action_id = "aws:s3:bucket-pause-replication"

    parameter {
      key   = "duration"
      value = "PT${var.minutes}M"
    }

    parameter {
      key   = "region"
      value = var.other_region
    }

    target {
      key   = "Buckets"
      value = "buckets"
    }
  }

  stop_condition {
    source = "aws:cloudwatch:alarm"
    value  = aws_cloudwatch_metric_alarm.guard.arn
  }

  log_configuration {
    log_schema_version = 2

    cloudwatch_logs_configuration {
      log_group_arn = "${aws_cloudwatch_log_group.experiment.arn}:*"
    }
  }

  experiment_report_configuration {
    outputs {
      s3_configuration {
        bucket_name = aws_s3_bucket.reports.bucket
        prefix      = "fis"
      }
    }
  }

  # The role has its rights before a template names it.
  depends_on = [aws_iam_role_policy.experiment]
}

resource "aws_cloudwatch_metric_alarm" "guard" {
  alarm_name          = var.name
  alarm_description   = "The application answers with errors; stops the experiment"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_Target_5XX_Count"
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = var.errors_per_minute
  comparison_operator = "GreaterThanOrEqualToThreshold"
  # No data are no errors.
  treat_missing_data = "notBreaching"
  tags               = local.tags

  dimensions = {
    LoadBalancer = var.load_balancer
  }
}

output "template_id" {
  description = "FIS_TEMPLATE of suite.yml"
  value       = aws_fis_experiment_template.experiment.id
}

output "alarm_name" {
  description = "ALARM of suite.yml"
  value       = aws_cloudwatch_metric_alarm.guard.alarm_name
}

output "report_bucket" {
  description = "Bucket of the experiment's reports"
  value       = aws_s3_bucket.reports.bucket
}
