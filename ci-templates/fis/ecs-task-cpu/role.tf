# What FIS may do, and for whom.

resource "aws_iam_role" "experiment" {
  name_prefix        = "${var.name}-"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = local.tags
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["fis.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:fis:${local.region}:${local.account}:experiment/*"]
    }
  }
}

resource "aws_iam_role_policy" "experiment" {
  name   = "experiment"
  role   = aws_iam_role.experiment.id
  policy = data.aws_iam_policy_document.experiment.json
}

data "aws_iam_policy_document" "experiment" {
  statement {
    sid     = "Find"
    actions = ["ecs:ListTasks", "tag:GetResources", "ssm:ListCommands", "ssm:CancelCommand"]
    # These have no narrower resource.
    resources = ["*"]
  }

  statement {
    sid       = "Tasks"
    actions   = ["ecs:DescribeTasks"]
    resources = ["arn:${local.partition}:ecs:${local.region}:${local.account}:task/${var.cluster}/*"]
  }

  statement {
    sid       = "Document"
    actions   = ["ssm:SendCommand"]
    resources = ["arn:${local.partition}:ssm:${local.region}::document/AWSFIS-Run-CPU-Stress"]
  }

  statement {
    sid     = "Agents"
    actions = ["ssm:SendCommand"]
    # Tasks are known to SSM by the agent beside them, which has this tag.
    resources = ["arn:${local.partition}:ssm:${local.region}:${local.account}:managed-instance/*"]

    condition {
      test     = "StringEquals"
      variable = "ssm:resourceTag/FAULT_INJECTION_SIDECAR"
      values   = ["true"]
    }
  }

  statement {
    sid = "Log"
    actions = [
      "logs:CreateLogDelivery",
      "logs:PutResourcePolicy",
      "logs:DescribeResourcePolicies",
      "logs:DescribeLogGroups",
    ]
    # Deliveries and resource policies are the account's.
    resources = ["*"]
  }

  statement {
    sid       = "Report"
    actions   = ["s3:PutObject", "s3:GetObject"]
    resources = ["${aws_s3_bucket.reports.arn}/*"]
  }
}
