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
    sid       = "Errors"
    actions   = ["fis:InjectApiThrottleError", "fis:InjectApiUnavailableError"]
    resources = ["arn:${local.partition}:fis:${local.region}:${local.account}:experiment/*"]

    condition {
      test     = "StringEquals"
      variable = "fis:Service"
      values   = [var.service]
    }

    condition {
      test     = "ForAllValues:ArnEquals"
      variable = "fis:Targets"
      values   = ["arn:${local.partition}:iam::${local.account}:role/${var.role_name}"]
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
