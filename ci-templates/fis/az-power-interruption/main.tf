# What an Availability Zone without power looks like, all at once, and a zonal autoshift as the answer to it.
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
  description = "Availability Zone: power interruption"
  role_arn    = aws_iam_role.experiment.arn
  tags        = local.tags

  # Most systems have not all of it: an action that finds no target is skipped, and faultgate names it.
  experiment_options {
    account_targeting            = "single-account"
    empty_target_resolution_mode = "skip"
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

    filter {
      path   = "Placement.AvailabilityZone"
      values = [var.availability_zone]
    }
  }

  target {
    name           = "groups"
    resource_type  = "aws:ec2:autoscaling-group"
    selection_mode = var.selection

    resource_tag {
      key   = "chaos"
      value = var.environment
    }
  }

  target {
    name           = "subnets"
    resource_type  = "aws:ec2:subnet"
    selection_mode = var.selection

    parameters = {
      availabilityZoneIdentifier = var.availability_zone
    }

    resource_tag {
      key   = "chaos"
      value = var.environment
    }
  }

  target {
    name           = "databases"
    resource_type  = "aws:rds:cluster"
    selection_mode = "COUNT(1)"

    parameters = {
      writerAvailabilityZoneIdentifiers = var.availability_zone
    }

    resource_tag {
      key   = "chaos"
      value = var.environment
    }
  }

  target {
    name           = "caches"
    resource_type  = "aws:elasticache:replicationgroup"
    selection_mode = "COUNT(1)"

    parameters = {
      availabilityZoneIdentifier = var.availability_zone
    }

    resource_tag {
      key   = "chaos"
      value = var.environment
    }
  }

  target {
    name           = "balancers"
    resource_type  = "aws:arc:zonal-shift-managed-resource"
    selection_mode = "COUNT(1)"

    resource_tag {
      key   = "chaos"
      value = var.environment
    }
  }

  action {
    name      = "stop-instances"
    action_id = "aws:ec2:stop-instances"

    parameter {
      key   = "startInstancesAfterDuration"
      value = "PT${var.minutes}M"
    }

    # An Auto Scaling group may have put another one in its place by then.
    parameter {
      key   = "completeIfInstancesTerminated"
      value = "true"
    }

    target {
      key   = "Instances"
      value = "instances"
    }
  }

  action {
    name      = "refuse-launches"
    action_id = "aws:ec2:asg-insufficient-instance-capacity-error"

    parameter {
      key   = "duration"
      value = "PT${var.minutes}M"
    }

    parameter {
      key   = "availabilityZoneIdentifiers"
      value = var.availability_zone
    }

    parameter {
      key   = "percentage"
      value = "100"
    }

    target {
      key   = "AutoScalingGroups"
      value = "groups"
    }
  }

  action {
    name      = "cut-network"
    action_id = "aws:network:disrupt-connectivity"

    # Long enough for connections to break and names to be resolved anew.
    parameter {
      key   = "duration"
      value = "PT2M"
    }

    parameter {
      key   = "scope"
      value = "all"
    }

    target {
      key   = "Subnets"
      value = "subnets"
    }
  }

  action {
    name      = "fail-over-databases"
    action_id = "aws:rds:failover-db-cluster"

    target {
      key   = "Clusters"
      value = "databases"
    }
  }

  action {
    name      = "interrupt-caches"
    action_id = "aws:elasticache:replicationgroup-interrupt-az-power"

    parameter {
      key   = "duration"
      value = "PT${var.minutes}M"
    }

    target {
      key   = "ReplicationGroups"
      value = "caches"
    }
  }

  action {
    name        = "detect"
    action_id   = "aws:fis:wait"
    description = "It takes AWS some minutes to see an outage"

    parameter {
      key   = "duration"
      value = "PT5M"
    }
  }

  action {
    name        = "shift-traffic"
    action_id   = "aws:arc:start-zonal-autoshift"
    start_after = ["detect"]

    parameter {
      key   = "duration"
      value = "PT${var.minutes - 5}M"
    }

    parameter {
      key   = "availabilityZoneIdentifier"
      value = var.availability_zone
    }

    parameter {
      key   = "managedResourceTypes"
      value = "ALB,NLB"
    }

    parameter {
      key   = "zonalAutoshiftStatus"
      value = "ANY"
    }

    target {
      key   = "ManagedResources"
      value = "balancers"
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
