# Pods are deleted, and Kubernetes has to put others in their place.
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
  description = "EKS: pods are deleted"
  role_arn    = aws_iam_role.experiment.arn
  tags        = local.tags

  experiment_options {
    account_targeting            = "single-account"
    empty_target_resolution_mode = "fail"
  }

  target {
    name           = "pods"
    resource_type  = "aws:eks:pod"
    selection_mode = var.selection

    parameters = {
      clusterIdentifier = var.cluster
      namespace         = var.namespace
      selectorType      = "labelSelector"
      selectorValue     = var.selector
    }
  }

  action {
    name      = "delete"
    action_id = "aws:eks:pod-delete"

    parameter {
      key   = "kubernetesServiceAccount"
      value = var.service_account
    }

    target {
      key   = "Pods"
      value = "pods"
    }
  }

  action {
    name        = "settle"
    action_id   = "aws:fis:wait"
    description = "An outage may last so long, and then the probes look"
    start_after = ["delete"]

    parameter {
      key   = "duration"
      value = "PT1M"
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
  alarm_description   = "The load balancer answers with errors; stops the experiment"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_ELB_5XX_Count"
  statistic           = "Sum"
  period              = 60
  threshold           = var.errors_per_minute
  comparison_operator = "GreaterThanOrEqualToThreshold"
  # An outage of a minute touches two periods, and is allowed. No data are no errors.
  evaluation_periods = 3
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
