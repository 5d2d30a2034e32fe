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
    actions = ["tag:GetResources"]
    # These have no narrower resource.
    resources = ["*"]
  }

  statement {
    sid       = "Functions"
    actions   = ["lambda:GetFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/chaos"
      values   = [var.environment]
    }
  }

  statement {
    sid       = "Configuration"
    actions   = ["s3:PutObject", "s3:DeleteObject"]
    resources = ["arn:${local.partition}:s3:::${var.configuration_path}*"]
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
