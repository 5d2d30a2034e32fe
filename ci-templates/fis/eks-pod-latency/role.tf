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
    actions = ["ec2:DescribeSubnets", "tag:GetResources"]
    # These have no narrower resource.
    resources = ["*"]
  }

  statement {
    sid       = "Cluster"
    actions   = ["eks:DescribeCluster"]
    resources = ["arn:${local.partition}:eks:${local.region}:${local.account}:cluster/${var.cluster}"]
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

# Kubernetes knows the role by this name: rbac.yml gives it its rights.
resource "aws_eks_access_entry" "experiment" {
  cluster_name  = var.cluster
  principal_arn = aws_iam_role.experiment.arn
  user_name     = "fis-experiment"
  tags          = local.tags
}
