# Network latency on instances: what they send is delayed.
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
  description = "EC2: network latency"
  role_arn    = aws_iam_role.experiment.arn
  tags        = local.tags

  experiment_options {
    account_targeting            = "single-account"
    empty_target_resolution_mode = "fail"
  }

  target {
    name           = "instances"
    resource_type  = "aws:ec2:instance"
    selection_mode = var.selection

    resource_tag {
      key   = "chaos"
      value = var.environment
    }

    filter {
      path   = "State.Name"
      values = ["running"]
    }
  }

  action {
    name      = "latency"
    action_id = "aws:ssm:send-command"

    parameter {
      key   = "documentArn"
      value = "arn:${local.partition}:ssm:${local.region}::document/AWSFIS-Run-Network-Latency"
    }

    parameter {
      key = "documentParameters"
      value = jsonencode({
        Interface           = var.network_interface
        DelayMilliseconds   = tostring(var.delay_milliseconds)
        DurationSeconds     = tostring(var.minutes * 60)
        InstallDependencies = "True"
      })
    }

    # Two minutes longer than the fault: the instance installs what it needs first.
    parameter {
      key   = "duration"
      value = "PT${var.minutes + 2}M"
    }

    target {
      key   = "Instances"
      value = "instances"
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
  alarm_description   = "The targets answer slowly; stops the experiment"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  extended_statistic  = "p95"
  period              = 60
  evaluation_periods  = 1
  threshold           = var.slow_seconds
  comparison_operator = "GreaterThanOrEqualToThreshold"
  # No data are no slow answers.
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
